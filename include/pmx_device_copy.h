/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_copy.h: copies by the threads of a scope. Part of pmx_device.h. */
#ifndef PMX_DEVICE_COPY_H
#define PMX_DEVICE_COPY_H

#include <stdint.h>
#include <string.h>

#include "pmx_device_scope.h"

namespace pmx {
namespace detail {

#ifdef __CUDACC__
/* Units i, i + count, ... below n of 16 bytes. n_under_way at a time, then half as many, and so on: more at a time are
 * faster, and what does not fit into registers is slower than any. Loads pass by L1: nothing is read twice. */
template <unsigned n_under_way>
__device__ inline void copy_lines(uint4* to, const uint4* from, unsigned n, unsigned i, unsigned count)
{
#pragma unroll 1
    for (; i + (n_under_way - 1) * count < n; i += n_under_way * count) {
        uint4 unit[n_under_way];
#pragma unroll
        for (unsigned k = 0; k < n_under_way; k++) unit[k] = __ldcg(from + (i + k * count));
#pragma unroll
        for (unsigned k = 0; k < n_under_way; k++) to[i + k * count] = unit[k];
    }
    if constexpr (n_under_way > 1)
        if (i < n) copy_lines<n_under_way / 2>(to, from, n, i, count);
}

/* Any units, two at a time: short code, that takes few registers, for what is rare or little. */
template <typename Unit>
__device__ inline void copy_units(char* dst, const char* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    Unit* to = (Unit*)dst;
    const Unit* from = (const Unit*)src;
    uint64_t n = n_bytes / sizeof(Unit);
#pragma unroll 1
    for (uint64_t i = index; i < n; i += 2 * (uint64_t)count) {
        Unit unit[2] = {};
#pragma unroll
        for (unsigned k = 0; k < 2; k++)
            if (i + k * count < n) unit[k] = from[i + k * count];
#pragma unroll
        for (unsigned k = 0; k < 2; k++)
            if (i + k * count < n) to[i + k * count] = unit[k];
    }
}

/* Addresses that are not alike in their low bits: units as wide as they allow, and bytes around them. */
template <typename Unit>
__device__ inline void copy_apart(char* dst, const char* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    uint64_t head = (0 - (uint64_t)(uintptr_t)dst) & (sizeof(Unit) - 1);
    if (head > n_bytes) head = n_bytes;
    uint64_t body = (n_bytes - head) & ~(uint64_t)(sizeof(Unit) - 1);
    copy_units<char>(dst, src, head, index, count);
    copy_units<Unit>(dst + head, src + head, body, index, count);
    copy_units<char>(dst + head + body, src + head + body, n_bytes - head - body, index, count);
}

/* What is behind the last whole 16 bytes. */
__device__ inline void copy_tail(char* dst, const char* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    for (uint64_t i = (n_bytes & ~(uint64_t)15) + index; i < n_bytes; i += count) dst[i] = src[i];
}

/* The share of one of count threads: neighbours take neighbouring units. What fits one unit a thread is the short way. */
template <unsigned n_under_way>
__device__ inline void copy_share(char* dst, const char* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    unsigned apart = (unsigned)(uintptr_t)dst - (unsigned)(uintptr_t)src;
    if ((apart & 15) != 0) {
        if ((apart & 7) == 0) return copy_apart<uint64_t>(dst, src, n_bytes, index, count);
        if ((apart & 3) == 0) return copy_apart<uint32_t>(dst, src, n_bytes, index, count);
        return copy_units<char>(dst, src, n_bytes, index, count);
    }
    unsigned head = (0 - (unsigned)(uintptr_t)dst) & 15;
    if (head != 0) {
        if (head > n_bytes) head = (unsigned)n_bytes;
        copy_units<char>(dst, src, head, index, count);
        dst += head;
        src += head;
        n_bytes -= head;
    }
    constexpr uint64_t most = (uint64_t)1 << 34;
    for (; n_bytes > most; n_bytes -= most, dst += most, src += most)
        copy_units<uint4>(dst, src, most, index, count);
    unsigned n_units = (unsigned)(n_bytes / 16);
    if (n_units <= count) {
        if (index < n_units) ((uint4*)dst)[index] = __ldcg((const uint4*)src + index);
    } else {
        copy_lines<n_under_way>((uint4*)dst, (const uint4*)src, n_units, index, count);
    }
    if (n_bytes & 15) copy_tail(dst, src, n_bytes, index, count);
}

/* The first k units of a thread, of n (1..) in all, then those of the first units that there are, and all the rest. allow()
 * is called while the loads are under way and returns where to store, or NULL. */
template <unsigned k_first, unsigned n_under_way, typename Allow>
__device__ inline char* copy_loading(const uint4* from, unsigned n, unsigned index, unsigned count, Allow allow)
{
    uint4 line[k_first];
#pragma unroll
    for (unsigned k = 0; k < k_first; k++) {
        unsigned i = index + k * count;
        line[k] = __ldcg(from + (i < n ? i : n - 1)); /* one that others load, too, costs less than a condition */
    }
    char* dst = allow();
    if (!dst) return nullptr;
    uint4* to = (uint4*)dst;
#pragma unroll
    for (unsigned k = 0; k < k_first; k++)
        if (index + k * count < n) to[index + k * count] = line[k];
    if (k_first > 1 && index + k_first * count < n)
        copy_lines<n_under_way>(to, from, n, index + k_first * count, count);
    return dst;
}

/* copy_share, to where allow() says, with what can be done before it is asked; false: it said NULL. aligned: both addresses
 * are multiples of 16. */
template <bool wide, typename Allow>
__device__ inline bool copy_asking(bool aligned, const char* src, uint64_t n_bytes, unsigned index, unsigned count,
                                   Allow allow)
{
    constexpr unsigned n_under_way = wide ? 4 : 16;
    const unsigned n = (unsigned)(n_bytes / 16);
    const bool lines = aligned && n != 0 && n_bytes >> 35 == 0;
    if (n == 0 && n_bytes != 0 && n_bytes <= count) {
        char byte = src[index < n_bytes ? index : 0];
        char* dst = allow();
        if (dst && index < n_bytes) dst[index] = byte;
        return dst != nullptr;
    }
    if (!lines || (!wide && n > count)) {
        char* dst = allow();
        if (dst) copy_share<n_under_way>(dst, src, n_bytes, index, count);
        return dst != nullptr;
    }
    const uint4* from = (const uint4*)src;
    char* dst;
    if (n <= count)
        dst = copy_loading<1, 1>(from, n, index, count, allow);
    else if (n <= 2 * count)
        dst = copy_loading<wide ? 2 : 1, 1>(from, n, index, count, allow);
    else
        dst = copy_loading<wide ? 4 : 1, n_under_way>(from, n, index, count, allow);
    if (dst && (n_bytes & 15)) copy_tail(dst, src, n_bytes, index, count);
    return dst != nullptr;
}
#endif

/* The share of a host thread that plays one. */
inline void copy_host(void* dst, const void* src, uint64_t n_bytes, unsigned index, unsigned count)
{
    uint64_t share = (n_bytes / count + 64) & ~(uint64_t)63;
    uint64_t begin = share * index;
    if (begin < n_bytes)
        memcpy((char*)dst + begin, (const char*)src + begin,
               n_bytes - begin < share ? n_bytes - begin : share);
}

/* Stores by all threads of the scope, a share each: what any of them wrote before is copied, and all of the
 * copy is done, though not released, when they go on. */
template <typename Scope>
PMX_HOST_DEVICE inline void copy(Scope scope, void* dst, const void* src, uint64_t n_bytes)
{
    scope.sync();
#ifdef __CUDA_ARCH__
    /* A warp needs more under way than a block, whose threads have fewer registers. */
    copy_share<Scope::kWide ? 4 : 16>((char*)dst, (const char*)src, n_bytes, scope.index(), scope.count());
#else
    copy_host(dst, src, n_bytes, scope.index(), scope.count());
#endif
    scope.sync();
}

/* The same in less code, for where PCIe is slower than either. */
template <typename Scope>
PMX_HOST_DEVICE inline void copy_briefly(Scope scope, void* dst, const void* src, uint64_t n_bytes)
{
    scope.sync();
#ifdef __CUDA_ARCH__
    unsigned apart = (unsigned)(uintptr_t)dst - (unsigned)(uintptr_t)src;
    if ((apart & 15) == 0)
        copy_apart<uint4>((char*)dst, (const char*)src, n_bytes, scope.index(), scope.count());
    else
        copy_units<char>((char*)dst, (const char*)src, n_bytes, scope.index(), scope.count());
#else
    copy_host(dst, src, n_bytes, scope.index(), scope.count());
#endif
    scope.sync();
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_DEVICE_COPY_H */
