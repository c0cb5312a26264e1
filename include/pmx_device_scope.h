/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_scope.h: who makes a call: where a thread stands in its launch, the scopes, and the lanes that do
 * the same. Part of pmx_device.h. */
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
 * index 0, on a CPU each its own. agree(says): a barrier too; whether all say so; threads of one warp say the same. */
struct ThreadScope {
    static constexpr bool kWide = false;
    PMX_HOST_DEVICE static unsigned index() { return 0; }
    PMX_HOST_DEVICE static unsigned count() { return 1; }
    PMX_HOST_DEVICE static void sync() {}
    PMX_HOST_DEVICE static int from_first(int code) { return code; }
    PMX_HOST_DEVICE static bool agree(bool says) { return says; }
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
    PMX_HOST_DEVICE static bool agree(bool says)
    {
        sync();
        return says;
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
#ifdef __CUDACC__
    __device__ static bool agree(bool says) { return __syncthreads_and(says); }
#endif
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
        if (count == 1) return value;
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
    uint32_t todo = __activemask(), own = 1u << ptx::lane_number();
    bool alone = todo == own;
    for (bool done = false; !done;) {
        uint32_t mask = todo;
        if (!alone) {
            uint64_t first_key = __shfl_sync(todo, (unsigned long long)key, __ffs((int)todo) - 1);
            mask = __ballot_sync(todo, key == first_key);
        }
        done = (mask & own) != 0;
        if (done) each(Lanes{mask, (unsigned)__popc(mask & ptx::lanes_below()), (unsigned)__popc(mask)});
        todo &= ~mask;
    }
#else
    (void)key;
    each(Lanes{1, 0, 1});
#endif
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_DEVICE_SCOPE_H */
