/* SPDX-License-Identifier: BSD-3-Clause */
/* collective.h: collectives over teams, for all types, of those for bytes. They return 0; a failure ends the job. */
#pragma once

#include <complex>
#include <type_traits>

#include "shmem/rma.h"

namespace pmx::shmem {

template <typename T>
constexpr pmx_type_t reduce_type()
{
    if constexpr (std::is_same_v<T, float>) return PMX_FLOAT;
    if constexpr (std::is_same_v<T, double>) return PMX_DOUBLE;
    if constexpr (std::is_same_v<T, long double>) return PMX_LONG_DOUBLE;
    if constexpr (std::is_same_v<T, std::complex<float>>) return PMX_FLOAT_COMPLEX;
    if constexpr (std::is_same_v<T, std::complex<double>>) return PMX_DOUBLE_COMPLEX;
    /* pmx_type_t has integers of 1, 2, 4 and 8 bytes, those with a sign first. */
    constexpr int log = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return static_cast<pmx_type_t>((std::is_signed_v<T> ? PMX_INT8 : PMX_UINT8) + log);
}

int broadcast_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes, int root);
int collect_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes);
int fcollect_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes);
int alltoall_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes);
int alltoalls_bytes(Call call, shmem_team_t team, void* dest, const void* source, Strides strides, size_t elem_bytes,
                    size_t n_elems);
int reduce(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems, pmx_type_t type, pmx_op_t op);

namespace api {

int team_sync(Call call, shmem_team_t team);

template <typename T>
int broadcast(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems, int root)
{
    return broadcast_bytes(call, team, dest, source, times(n_elems, sizeof(T)), root);
}
template <typename T>
int collect(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems)
{
    return collect_bytes(call, team, dest, source, times(n_elems, sizeof(T)));
}
template <typename T>
int fcollect(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems)
{
    return fcollect_bytes(call, team, dest, source, times(n_elems, sizeof(T)));
}
template <typename T>
int alltoall(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems)
{
    return alltoall_bytes(call, team, dest, source, times(n_elems, sizeof(T)));
}
template <typename T>
int alltoalls(Call call, shmem_team_t team, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t src, size_t n_elems)
{
    return alltoalls_bytes(call, team, dest, source, {dst, src}, sizeof(T), n_elems);
}

inline int broadcastmem(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes, int root)
{
    return broadcast_bytes(call, team, dest, source, n_bytes, root);
}
inline int collectmem(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return collect_bytes(call, team, dest, source, n_bytes);
}
inline int fcollectmem(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return fcollect_bytes(call, team, dest, source, n_bytes);
}
inline int alltoallmem(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return alltoall_bytes(call, team, dest, source, n_bytes);
}
inline int alltoallsmem(Call call, shmem_team_t team, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t src,
                        size_t n_elems)
{
    return alltoalls_bytes(call, team, dest, source, {dst, src}, 1, n_elems);
}

#define PMX_SHMEM_REDUCE(NAME, OP)                                                                 \
    template <typename T>                                                                          \
    int NAME(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems) \
    {                                                                                              \
        return reduce(call, team, dest, source, n_elems, reduce_type<T>(), OP);                    \
    }
PMX_SHMEM_REDUCE(and_reduce, PMX_OP_AND)
PMX_SHMEM_REDUCE(or_reduce, PMX_OP_OR)
PMX_SHMEM_REDUCE(xor_reduce, PMX_OP_XOR)
PMX_SHMEM_REDUCE(max_reduce, PMX_OP_MAX)
PMX_SHMEM_REDUCE(min_reduce, PMX_OP_MIN)
PMX_SHMEM_REDUCE(sum_reduce, PMX_OP_SUM)
PMX_SHMEM_REDUCE(prod_reduce, PMX_OP_PROD)
#undef PMX_SHMEM_REDUCE

}  // namespace api

}  // namespace pmx::shmem
