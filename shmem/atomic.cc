/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/atomic.h"

#include "shmem/context.h"

namespace pmx::shmem {

void atomic_put(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe)
{
    const Target at = target(call, pe);
    must(call.name, pmx_atomic_op(at.ctx, symmetric(dest), type, op, value, at.rank), dest);
}

void atomic_get(Call call, const void* source, pmx_type_t type, int pe, void* value_out)
{
    const Target at = target(call, pe);
    must(call.name, pmx_atomic_fetch(at.ctx, symmetric(source), type, at.rank, value_out), source);
}

void atomic_exchange(Call call, void* dest, pmx_type_t type, pmx_atomic_t op, const void* value, int pe, void* before_out)
{
    const Target at = target(call, pe);
    must(call.name, pmx_atomic_fetch_op(at.ctx, symmetric(dest), type, op, value, at.rank, before_out), dest);
}

void atomic_compare(Call call, void* dest, pmx_type_t type, const void* expected, const void* value, int pe, void* before_out)
{
    const Target at = target(call, pe);
    must(call.name, pmx_atomic_cswap(at.ctx, symmetric(dest), type, expected, value, at.rank, before_out), dest);
}

}  // namespace pmx::shmem
