/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/rma.h"

#include <string>

#include "shmem/context.h"

namespace pmx::shmem {

namespace {

void check_strides(const Call& call, Strides strides)
{
    if (strides.dst >= 1 && strides.src >= 1) return;
    std::string line = "the strides are " + std::to_string(strides.dst) + " and " + std::to_string(strides.src) +
                       ", allowed 1 and more";
    end_job(call.name, line.c_str());
}

}  // namespace

void iput_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe)
{
    check_strides(call, strides);
    must(call.name,
         pmx_iput(pmx_context(call), symmetric(dest), source, static_cast<size_t>(strides.dst),
                  static_cast<size_t>(strides.src), elem_bytes, n_elems, pe),
         dest);
}

void iget_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe)
{
    check_strides(call, strides);
    must(call.name,
         pmx_iget(pmx_context(call), dest, symmetric(source), static_cast<size_t>(strides.dst),
                  static_cast<size_t>(strides.src), elem_bytes, n_elems, pe),
         source);
}

namespace api {

void putmem(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    must(call.name, pmx_put(pmx_context(call), symmetric(dest), own(source, n_bytes), n_bytes, pe), dest);
}

void getmem(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    must(call.name, pmx_get(pmx_context(call), own(dest, n_bytes), symmetric(source), n_bytes, pe), source);
}

void putmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    const void* from = own(source, n_bytes);
    if (!in_heap(from)) return putmem(call, dest, source, n_bytes, pe);
    must(call.name, pmx_put_nbi(pmx_context(call), symmetric(dest), from, n_bytes, pe), dest);
}

void getmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    void* to = own(dest, n_bytes);
    if (!in_heap(to)) return getmem(call, dest, source, n_bytes, pe);
    must(call.name, pmx_get_nbi(pmx_context(call), to, symmetric(source), n_bytes, pe), source);
}

}  // namespace api

}  // namespace pmx::shmem
