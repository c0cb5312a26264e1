/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_rma.h: puts and gets that need no pmx_quiet before their memory is used again, strided ones, single words, and
 * waits for several signals. Part of pmx.h.
 *
 * src and dst without the suffix _sym are any memory of this process but that of a GPU, also outside the heap. A put
 * returns when src may change, a get when dst is there. Else they are as pmx_put_nbi() and its kin: ordered by
 * pmx_fence(), complete at the target after pmx_quiet(). */
#ifndef PMX_RMA_H
#define PMX_RMA_H

#include "pmx.h"

#ifdef __cplusplus
extern "C" {
#endif

PMX_API int pmx_put(pmx_ctx_t ctx, void *dst_sym, const void *src, size_t n_bytes, int dst_rank);
PMX_API int pmx_get(pmx_ctx_t ctx, void *dst, const void *src_sym, size_t n_bytes, int src_rank);
/* n_elems elements of elem_bytes each; the next one is a stride of so many elements further, 1 or more. */
PMX_API int pmx_iput(pmx_ctx_t ctx, void *dst_sym, const void *src, size_t dst_stride, size_t src_stride,
                     size_t elem_bytes, size_t n_elems, int dst_rank);
PMX_API int pmx_iget(pmx_ctx_t ctx, void *dst, const void *src_sym, size_t dst_stride, size_t src_stride,
                     size_t elem_bytes, size_t n_elems, int src_rank);
/* An 8-byte aligned word, as one access. */
PMX_API int pmx_put_value_64(pmx_ctx_t ctx, uint64_t *dst_sym, uint64_t value, int dst_rank);
PMX_API int pmx_get_value_64(pmx_ctx_t ctx, const uint64_t *src_sym, int src_rank, uint64_t *value_out);
/* Who sees the signal (acquire) sees the data of this put. */
PMX_API int pmx_put_signal(pmx_ctx_t ctx, void *dst_sym, const void *src, size_t n_bytes, uint64_t *sig_sym,
                           uint64_t value, pmx_sigop_t op, int dst_rank);

/* Returns when the operations of this context to dst_rank are complete there. */
PMX_API int pmx_quiet_rank(pmx_ctx_t ctx, int dst_rank);

/* The own word as it is now; acquires. */
PMX_API int pmx_signal_fetch(pmx_ctx_t ctx, const uint64_t *sig_sym, uint64_t *value_out);

/* n own words from sig_sym on; those whose skip[i] is not 0 are not looked at (skip NULL: all are). A wait ends with
 * PMX_ERR_PEER_FAILED when any rank has failed, with PMX_ERR_TIMEOUT after timeout_ns (0: PMX_TIMEOUT). Where no word is
 * looked at, there is nothing to wait for: index_out is SIZE_MAX then, n_out 0. */
PMX_API int pmx_signal_wait_all(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                uint64_t value, uint64_t timeout_ns);
/* index_out: the lowest that compares as asked. */
PMX_API int pmx_signal_wait_any(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                uint64_t value, uint64_t timeout_ns, size_t *index_out);
/* indices_out: room for n; receives the n_out (1 or more) that compare as asked, growing. */
PMX_API int pmx_signal_wait_some(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                 uint64_t value, uint64_t timeout_ns, size_t *indices_out, size_t *n_out);
/* The same without waiting. hit_out: 1 where all compare as asked. index_out SIZE_MAX, n_out 0: none does. */
PMX_API int pmx_signal_test_all(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                uint64_t value, int *hit_out);
PMX_API int pmx_signal_test_any(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                uint64_t value, size_t *index_out);
PMX_API int pmx_signal_test_some(pmx_ctx_t ctx, const uint64_t *sig_sym, size_t n, const int *skip, pmx_cmp_t cmp,
                                 uint64_t value, size_t *indices_out, size_t *n_out);

/* Whether what the caller waits for has come; it loads with acquire, and does not call pmx. */
typedef int (*pmx_ready_fn)(void *arg);
/* Calls ready(arg) until it returns other than 0, and ends as pmx_signal_wait() does. For words of other sizes and
 * conditions of any kind. */
PMX_API int pmx_wait_until(pmx_ctx_t ctx, pmx_ready_fn ready, void *arg, int from_rank, uint64_t timeout_ns);

#ifdef __cplusplus
}
#endif
#endif /* PMX_RMA_H */
