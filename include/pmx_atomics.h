/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_atomics.h: atomic operations on words of other ranks. Part of pmx.h.
 *
 * dst_sym is a word of its type in the heap of host memory, aligned to its size. Types: PMX_INT32, PMX_UINT32,
 * PMX_INT64, PMX_UINT64, PMX_FLOAT, PMX_DOUBLE. All these operations, from whatever rank and by whatever way, and those of
 * the owner through this interface, are atomic to each other, and each takes place once. They acquire and release. */
#ifndef PMX_ATOMICS_H
#define PMX_ATOMICS_H

#include "pmx.h"
#include "pmx_team.h"

#ifdef __cplusplus
extern "C" {
#endif

/* AND, OR and XOR are for integers. Sums of integers wrap. */
typedef enum pmx_atomic {
    PMX_ATOMIC_SET = 0,
    PMX_ATOMIC_ADD = 1,
    PMX_ATOMIC_AND = 2,
    PMX_ATOMIC_OR = 3,
    PMX_ATOMIC_XOR = 4
} pmx_atomic_t;

/* Complete at the target after pmx_quiet(), as a put. value: one of type. */
PMX_API int pmx_atomic_op(pmx_ctx_t ctx, void *dst_sym, pmx_type_t type, pmx_atomic_t op, const void *value,
                          int dst_rank);
/* before_out: the word as it was. With PMX_ATOMIC_SET this is a swap. */
PMX_API int pmx_atomic_fetch_op(pmx_ctx_t ctx, void *dst_sym, pmx_type_t type, pmx_atomic_t op, const void *value,
                                int dst_rank, void *before_out);
/* Stores value where the word is expected, bit for bit. */
PMX_API int pmx_atomic_cswap(pmx_ctx_t ctx, void *dst_sym, pmx_type_t type, const void *expected, const void *value,
                             int dst_rank, void *before_out);
PMX_API int pmx_atomic_fetch(pmx_ctx_t ctx, const void *src_sym, pmx_type_t type, int src_rank, void *value_out);

#ifdef __cplusplus
}
#endif
#endif /* PMX_ATOMICS_H */
