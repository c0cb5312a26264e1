/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/rma.h"

#include <string>

#include "shmem/context.h"

namespace pmx::shmem {

void check_strides(const Call& call, Strides strides)
{
    if (strides.dst >= 1 && strides.src >= 1) return;
    std::string line = "the strides are " + std::to_string(strides.dst) + " and " + std::to_string(strides.src) +
                       ", allowed 1 and more";
    end_job(call.name, line.c_str());
}

void iput_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe)
{
    check_strides(call, strides);
    const Target to = target(call, pe);
    must(call.name,
         pmx_iput(to.ctx, symmetric(dest), source, static_cast<size_t>(strides.dst),
                  static_cast<size_t>(strides.src), elem_bytes, n_elems, to.rank),
         dest);
}

void iget_bytes(Call call, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems, int pe)
{
    check_strides(call, strides);
    const Target from = target(call, pe);
    must(call.name,
         pmx_iget(from.ctx, dest, symmetric(source), static_cast<size_t>(strides.dst),
                  static_cast<size_t>(strides.src), elem_bytes, n_elems, from.rank),
         source);
}

namespace api {

void putmem(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    const Target at = target(call, pe);
    must(call.name, pmx_put(at.ctx, symmetric(dest), own(source, n_bytes), n_bytes, at.rank), dest);
}

void getmem(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    const Target at = target(call, pe);
    must(call.name, pmx_get(at.ctx, own(dest, n_bytes), symmetric(source), n_bytes, at.rank), source);
}

void putmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    const void* from = own(source, n_bytes);
    if (!in_heap(from)) return putmem(call, dest, source, n_bytes, pe);
    const Target at = target(call, pe);
    must(call.name, pmx_put_nbi(at.ctx, symmetric(dest), from, n_bytes, at.rank), dest);
}

void getmem_nbi(Call call, void* dest, const void* source, size_t n_bytes, int pe)
{
    void* to = own(dest, n_bytes);
    if (!in_heap(to)) return getmem(call, dest, source, n_bytes, pe);
    const Target at = target(call, pe);
    must(call.name, pmx_get_nbi(at.ctx, to, symmetric(source), n_bytes, at.rank), source);
}

}  // namespace api

}  // namespace pmx::shmem
