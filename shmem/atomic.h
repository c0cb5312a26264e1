/* SPDX-License-Identifier: BSD-3-Clause */
/* atomic.h: atomic operations for all types. Those without blocking have fetched on return. */
#pragma once

#include <type_traits>

#include "shmem/job.h"

namespace pmx::shmem {

template <typename T>
constexpr pmx_type_t atomic_type()
{
    static_assert(sizeof(T) == 4 || sizeof(T) == 8);
    if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? PMX_FLOAT : PMX_DOUBLE;
    if constexpr (std::is_signed_v<T>) return sizeof(T) == 4 ? PMX_INT32 : PMX_INT64;
    return sizeof(T) == 4 ? PMX_UINT32 : PMX_UINT64;
}

void atomic_put(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe);
void atomic_get(Call call, const void* source, pmx_type_t type, int pe, void* value_out);
void atomic_exchange(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe, void* before_out);
void atomic_compare(Call call, void* dest, pmx_type_t type, const void* expected, const void* value, int pe, void* before_out);

namespace api {

template <typename T>
T atomic_fetch(Call call, const T* source, int pe)
{
    T value;
    atomic_get(call, source, atomic_type<T>(), pe, &value);
    return value;
}

template <typename T>
T atomic_compare_swap(Call call, T* dest, T cond, T value, int pe)
{
    T before;
    atomic_compare(call, dest, atomic_type<T>(), &cond, &value, pe, &before);
    return before;
}

/* NAME and fetch_NAME, the latter with the value before. */
#define PMX_SHMEM_ATOMIC(PUT, FETCH, OP)                                            \
    template <typename T>                                                           \
    void PUT(Call call, T* dest, T value, int pe)                                   \
    {                                                                               \
        atomic_put(call, dest, atomic_type<T>(), OP, &value, pe);                   \
    }                                                                               \
    template <typename T>                                                           \
    T FETCH(Call call, T* dest, T value, int pe)                                    \
    {                                                                               \
        T before;                                                                   \
        atomic_exchange(call, dest, atomic_type<T>(), OP, &value, pe, &before);     \
        return before;                                                              \
    }                                                                               \
    template <typename T>                                                           \
    void FETCH##_nbi(Call call, T* fetch, T* dest, T value, int pe)                 \
    {                                                                               \
        *fetch = FETCH(call, dest, value, pe);                                      \
    }
PMX_SHMEM_ATOMIC(atomic_set, atomic_swap, PMX_ATOMIC_SET)
PMX_SHMEM_ATOMIC(atomic_add, atomic_fetch_add, PMX_ATOMIC_ADD)
PMX_SHMEM_ATOMIC(atomic_and, atomic_fetch_and, PMX_ATOMIC_AND)
PMX_SHMEM_ATOMIC(atomic_or, atomic_fetch_or, PMX_ATOMIC_OR)
PMX_SHMEM_ATOMIC(atomic_xor, atomic_fetch_xor, PMX_ATOMIC_XOR)
#undef PMX_SHMEM_ATOMIC

template <typename T>
void atomic_inc(Call call, T* dest, int pe)
{
    atomic_add(call, dest, T{1}, pe);
}

template <typename T>
T atomic_fetch_inc(Call call, T* dest, int pe)
{
    return atomic_fetch_add(call, dest, T{1}, pe);
}

template <typename T>
void atomic_fetch_inc_nbi(Call call, T* fetch, T* dest, int pe)
{
    *fetch = atomic_fetch_inc(call, dest, pe);
}

template <typename T>
void atomic_fetch_nbi(Call call, T* fetch, const T* source, int pe)
{
    *fetch = atomic_fetch(call, source, pe);
}

template <typename T>
void atomic_compare_swap_nbi(Call call, T* fetch, T* dest, T cond, T value, int pe)
{
    *fetch = atomic_compare_swap(call, dest, cond, value, pe);
}

}  // namespace api

}  // namespace pmx::shmem
