/* SPDX-License-Identifier: BSD-3-Clause */
/* old.h: atomics and waits by the names that they had first, and calls for caches, which are coherent here. */
#pragma once

#include "shmem/atomic.h"
#include "shmem/wait.h"

namespace pmx::shmem::api {

template <typename T>
T fetch(Call call, const T* source, int pe)
{
    return atomic_fetch(call, source, pe);
}
template <typename T>
void set(Call call, T* dest, T value, int pe)
{
    atomic_set(call, dest, value, pe);
}
template <typename T>
T swap(Call call, T* dest, T value, int pe)
{
    return atomic_swap(call, dest, value, pe);
}
template <typename T>
T cswap(Call call, T* dest, T cond, T value, int pe)
{
    return atomic_compare_swap(call, dest, cond, value, pe);
}
template <typename T>
T finc(Call call, T* dest, int pe)
{
    return atomic_fetch_inc(call, dest, pe);
}
template <typename T>
void inc(Call call, T* dest, int pe)
{
    atomic_inc(call, dest, pe);
}
template <typename T>
T fadd(Call call, T* dest, T value, int pe)
{
    return atomic_fetch_add(call, dest, value, pe);
}
template <typename T>
void add(Call call, T* dest, T value, int pe)
{
    atomic_add(call, dest, value, pe);
}

/* Until the word is another than value. */
template <typename T>
void wait(Call call, T* ivar, T value)
{
    wait_until<T>(call, ivar, SHMEM_CMP_NE, value);
}

inline void set_cache_inv(Call) {}
inline void set_cache_line_inv(Call, void*) {}
inline void clear_cache_inv(Call) {}
inline void clear_cache_line_inv(Call, void*) {}
inline void udcflush(Call) {}
inline void udcflush_line(Call, void*) {}

}  // namespace pmx::shmem::api
