/* SPDX-License-Identifier: BSD-3-Clause */
/* rma.h: puts and gets for all types, of those for bytes. */
#pragma once

#include "shmem/job.h"

namespace pmx::shmem {

/* Stands for an element of so many bytes. */
template <size_t N>
struct Bytes {
    char bytes[N];
};

/* More than any heap where it does not fit a size_t, for pmx to refuse. */
inline size_t times(size_t n_elems, size_t elem_bytes)
{
    size_t n_bytes;
    return __builtin_mul_overflow(n_elems, elem_bytes, &n_bytes) ? SIZE_MAX : n_bytes;
}

struct Strides {
    ptrdiff_t dst, src; /* in elements */
};
/* Ends the job where one is not 1 or more. */
void check_strides(const Call& call, Strides strides);
void iput_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe);
void iget_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe);

namespace api {

/* source may change on return. */
void putmem(Call call, void* dest, const void* source, size_t n_bytes, int pe);
/* dest is there on return. */
void getmem(Call call, void* dest, const void* source, size_t n_bytes, int pe);
/* Complete after quiet. What is not in symmetric memory here is complete, as far as this PE goes, on return. */
void putmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe);
void getmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe);

template <typename T>
void put(Call call, void* dest, const void* source, size_t n_elems, int pe)
{
    putmem(call, dest, source, times(n_elems, sizeof(T)), pe);
}

template <typename T>
void p(Call call, T* dest, T value, int pe)
{
    putmem(call, dest, &value, sizeof value, pe);
}

template <typename T>
void iput(Call call, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t src, size_t n_elems, int pe)
{
    iput_bytes(call, dest, source, {dst, src}, sizeof(T), n_elems, pe);
}

template <typename T>
void get(Call call, void* dest, const void* source, size_t n_elems, int pe)
{
    getmem(call, dest, source, times(n_elems, sizeof(T)), pe);
}

template <typename T>
T g(Call call, const T* source, int pe)
{
    T value;
    getmem(call, &value, source, sizeof value, pe);
    return value;
}

template <typename T>
void iget(Call call, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t src, size_t n_elems, int pe)
{
    iget_bytes(call, dest, source, {dst, src}, sizeof(T), n_elems, pe);
}

template <typename T>
void put_nbi(Call call, void* dest, const void* source, size_t n_elems, int pe)
{
    putmem_nbi(call, dest, source, times(n_elems, sizeof(T)), pe);
}

template <typename T>
void get_nbi(Call call, void* dest, const void* source, size_t n_elems, int pe)
{
    getmem_nbi(call, dest, source, times(n_elems, sizeof(T)), pe);
}

}  // namespace api

}  // namespace pmx::shmem
