/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/atomic.h"

#include "shmem/context.h"

namespace pmx::shmem {

void atomic_put(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe)
{
    must(call.name, pmx_atomic_op(pmx_context(call), symmetric(dest), type, op, value, pe), dest);
}

void atomic_get(Call call, const void* source, pmx_type_t type, int pe, void* value_out)
{
    must(call.name, pmx_atomic_fetch(pmx_context(call), symmetric(source), type, pe, value_out), source);
}

void atomic_exchange(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe, void* before_out)
{
    must(call.name, pmx_atomic_fetch_op(pmx_context(call), symmetric(dest), type, op, value, pe, before_out), dest);
}

void atomic_compare(Call call, void* dest, pmx_type_t type, const void* expected, const void* value, int pe, void* before_out)
{
    must(call.name, pmx_atomic_cswap(pmx_context(call), symmetric(dest), type, expected, value, pe, before_out), dest);
}

}  // namespace pmx::shmem
