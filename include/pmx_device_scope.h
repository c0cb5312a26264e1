/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_scope.h: who makes a call: where a thread stands in its launch, the scopes, and what the threads
 * of a scope do together. Part of pmx_device.h. */
#ifndef PMX_DEVICE_SCOPE_H
#define PMX_DEVICE_SCOPE_H

#include <stdint.h>
#include <string.h>

#include "pmx.h"
#include "pmx_ptx.h"

extern "C" {

/* Where the calling thread stands in its launch. Outside of pmx_launch: block 0 of 1, thread 0 of 1. */
typedef struct pmx_block {
    unsigned index;
    unsigned n_blocks;
    unsigned thread;
    unsigned n_threads;
} pmx_block_t;
PMX_API pmx_block_t pmx_block_get(void);
/* The barrier of the block: returns when all its threads have called it; orders their memory. */
PMX_API void pmx_block_sync(void);
}

namespace pmx {

/* pmx_block_get, for the GPU too. Blocks and threads are numbered with x as the fastest. */
PMX_HOST_DEVICE inline pmx_block_t this_block()
{
#ifdef __CUDA_ARCH__
    return {blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z), gridDim.x * gridDim.y * gridDim.z,
            threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z),
            blockDim.x * blockDim.y * blockDim.z};
#else
    return pmx_block_get();
#endif
}

/* A scope. index(): of the calling thread among the count() that make the call together. sync(): their
 * barrier, which orders their memory. from_first(code): a barrier too; gives all of them the code of the thread with
 * index 0, on a CPU each its own. */
struct ThreadScope {
    static constexpr bool kWide = false;
    PMX_HOST_DEVICE static unsigned index() { return 0; }
    PMX_HOST_DEVICE static unsigned count() { return 1; }
    PMX_HOST_DEVICE static void sync() {}
    PMX_HOST_DEVICE static int from_first(int code) { return code; }
};

/* The threads of a block with the numbers 32 * w .. 32 * w + 31, as far as there are any. On a CPU a warp has
 * one thread. */
struct WarpScope {
    static constexpr bool kWide = false;
    PMX_HOST_DEVICE static unsigned index()
    {
#ifdef __CUDA_ARCH__
        return ptx::lane_number();
#else
        return 0;
#endif
    }
    PMX_HOST_DEVICE static unsigned count()
    {
#ifdef __CUDA_ARCH__
        unsigned n = this_block().n_threads - (this_block().thread & ~31u);
        return n < 32 ? n : 32;
#else
        return 1;
#endif
    }
    PMX_HOST_DEVICE static void sync()
    {
#ifdef __CUDA_ARCH__
        __syncwarp(0xffffffffu >> (32 - count()));
#endif
    }
    PMX_HOST_DEVICE static int from_first(int code)
    {
#ifdef __CUDA_ARCH__
        sync();
        return __shfl_sync(0xffffffffu >> (32 - count()), code, 0);
#else
        return code;
#endif
    }
};

struct BlockScope {
    static constexpr bool kWide = true; /* of many threads */
    PMX_HOST_DEVICE static unsigned index() { return this_block().thread; }
    PMX_HOST_DEVICE static unsigned count() { return this_block().n_threads; }
    PMX_HOST_DEVICE static void sync()
    {
#ifdef __CUDA_ARCH__
        __syncthreads();
#else
        pmx_block_sync();
#endif
    }
    PMX_HOST_DEVICE static int from_first(int code)
    {
#ifdef __CUDA_ARCH__
        /* By bits, since a barrier carries one; where there is no error one barrier is all. */
        int first = index() == 0 ? -code : 0, all = 0;
        if (!__syncthreads_or(first)) return 0;
        for (int bit = 1; bit < 128; bit <<= 1)
            if (__syncthreads_or(first & bit)) all |= bit;
        return -all;
#else
        pmx_block_sync();
        return code;
#endif
    }
};

inline constexpr ThreadScope thread{};
inline constexpr WarpScope warp{};
inline constexpr BlockScope block{};

namespace detail {

/* The lanes of a warp that do the same at the same time. On a CPU: the calling thread. */
struct Lanes {
    uint32_t mask;
    unsigned index;
    unsigned count;

    /* The value of the lane with index 0, with the memory that it has seen. */
    template <typename T>
    PMX_HOST_DEVICE T from_first(T value) const
    {
#ifdef __CUDA_ARCH__
        __syncwarp(mask);
        return __shfl_sync(mask, value, __ffs((int)mask) - 1);
#else
        return value;
#endif
    }
};

/* Calls each(lanes) once in every thread, together for the lanes that come with the same key now, one key
 * after the other: no lane holds back what a lane of another key waits for. */
template <typename Each>
PMX_HOST_DEVICE inline void by_key(uint64_t key, Each each)
{
#ifdef __CUDA_ARCH__
    uint32_t todo = __activemask();
    for (bool done = false; !done;) {
        uint64_t first_key = __shfl_sync(todo, (unsigned long long)key, __ffs((int)todo) - 1);
        uint32_t mask = __ballot_sync(todo, key == first_key);
        done = key == first_key;
        if (done) each(Lanes{mask, (unsigned)__popc(mask & ptx::lanes_below()), (unsigned)__popc(mask)});
        todo &= ~mask;
    }
#else
    (void)key;
    each(Lanes{1, 0, 1});
#endif
}

#ifdef __CUDACC__
/* A share of a copy: units number index, index + count, ..., n_under_way of them at a time, then half as many, and so
 * on: more at a time are faster, and what does not fit into registers is slower than any. */
template <unsigned n_under_way, typename Unit>
__device__ inline void copy_rest(Unit* to, const Unit* from, uint64_t left, unsigned count)
{
    while (left > (n_under_way - 1) * (uint64_t)count) {
        Unit unit[n_under_way];
#pragma unroll
        for (unsigned k = 0; k < n_under_way; k++) unit[k] = from[k * count];
#pragma unroll
        for (unsigned k = 0; k < n_under_way; k++) to[k * count] = unit[k];
        if (left <= n_under_way * (uint64_t)count) return;
        left -= n_under_way * (uint64_t)count;
        from += n_under_way * count;
        to += n_under_way * count;
    }
    if constexpr (n_under_way > 1) copy_rest<n_under_way / 2>(to, from, left, count);
}
template <unsigned n_under_way, typename Unit>
__device__ inline void copy_units(void* dst, const void* src, uint64_t n_units, unsigned index, unsigned count)
{
    if (index < n_units)
        copy_rest<n_under_way>((Unit*)dst + index, (const Unit*)src + index, n_units - index, count);
}

/* The share of a GPU thread: neighbours take neighbouring units, as wide as the two addresses allow. */
template <unsigned n_under_way, typename Unit>
__device__ inline void copy_aligned(char* dst, const char* src, uint64_t n_bytes, unsigned index,
                                    unsigned count)
{
    uint64_t head = (0 - (uint64_t)(uintptr_t)dst) & (sizeof(Unit) - 1);
    if (head > n_bytes) head = n_bytes;
    uint64_t n_units = (n_bytes - head) / sizeof(Unit), body = n_units * sizeof(Unit);
    if (head) copy_units<1, char>(dst, src, head, index, count);
    copy_units<n_under_way, Unit>(dst + head, src + head, n_units, index, count);
    if (body + head != n_bytes)
        copy_units<1, char>(dst + head + body, src + head + body, n_bytes - head - body, index, count);
}

/* Addresses that are not alike in their low bits: rare, and so kept short. */
template <unsigned n_under_way>
__device__ inline void copy_apart(char* dst, const char* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    uintptr_t apart = (uintptr_t)dst - (uintptr_t)src;
    if ((apart & 7) == 0)
        copy_aligned<n_under_way, uint64_t>(dst, src, n_bytes, index, count);
    else if ((apart & 3) == 0)
        copy_aligned<n_under_way, uint32_t>(dst, src, n_bytes, index, count);
    else
        copy_units<n_under_way, char>(dst, src, n_bytes, index, count);
}
#endif

/* Stores by all threads of the scope, a share each: what any of them wrote before is copied, and all of the
 * copy is done, though not released, when they go on. */
template <typename Scope>
PMX_HOST_DEVICE inline void copy(Scope scope, void* dst, const void* src, uint64_t n_bytes)
{
    unsigned index = scope.index(), count = scope.count();
    scope.sync();
#ifdef __CUDA_ARCH__
    if ((((uintptr_t)dst - (uintptr_t)src) & 15) == 0)
        /* A warp needs more under way than a block, whose threads have fewer registers. */
        copy_aligned<Scope::kWide ? 8 : 16, uint4>((char*)dst, (const char*)src, n_bytes, index, count);
    else
        copy_apart<4>((char*)dst, (const char*)src, n_bytes, index, count);
#else
    uint64_t share = (n_bytes / count + 64) & ~(uint64_t)63;
    uint64_t begin = share * index;
    if (begin < n_bytes)
        memcpy((char*)dst + begin, (const char*)src + begin,
               n_bytes - begin < share ? n_bytes - begin : share);
#endif
    scope.sync();
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_DEVICE_SCOPE_H */
