/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_gpu.h: what programs with kernels call on the host: GPU memory of the symmetric heap, the view of a context for
 * kernels, operations in the order of a stream, and launches. Needs PMX_GPU=cuda, but for what says otherwise. C, and
 * with no header of CUDA: a stream is a cudaStream_t, NULL the default one.
 *
 * Kernels and host calls of one context do not wait for each other: neither fence nor quiet of one holds for the
 * other. Host calls move the heap of host memory; kernels and streams move both. */
#ifndef PMX_GPU_H
#define PMX_GPU_H

#include "pmx.h"

#ifdef __cplusplus
extern "C" {
#endif

struct CUstream_st;
struct pmx_device_ctx;

typedef struct pmx_gpu_info {
    size_t size_bytes; /* filled by the caller */
    char kind[8];      /* "cuda", or "soft": host memory and host blocks that play a GPU */
    char name[64];
    int device;        /* number of the GPU in this process; -1: soft */
    int n_ranks;       /* ranks of this node that use the same GPU, this one included */
    int shares;        /* 1: kernels of several ranks run at the same time (MPS), 0: they take turns */
    int n_direct_ranks; /* ranks, this one included, whose heaps kernels store into */
} pmx_gpu_info_t;
/* PMX_ERR_UNSUPPORTED: PMX_GPU is off. */
PMX_API int pmx_gpu_query(pmx_gpu_info_t *info_out);

/* Collective. As pmx_malloc, of the heap of GPU memory; pmx_free and pmx_gpu_ptr take what it gives. The memory is not
 * cleared. PMX_ERR_UNSUPPORTED: PMX_GPU is off. */
PMX_API int pmx_gpu_malloc(size_t n_bytes, void **ptr_sym_out);
PMX_API int pmx_gpu_heap_query(pmx_heap_info_t *heap_out);
/* The address by which kernels of this rank reach the object ptr_sym, of either heap, of rank; NULL in *ptr_out when
 * only the proxy reaches it. */
PMX_API int pmx_gpu_ptr(const void *ptr_sym, int rank, void **ptr_out);

/* As pmx_device_handle, for kernels: the view is their argument. Soft: for host blocks. */
PMX_API int pmx_gpu_handle(pmx_ctx_t ctx, struct pmx_device_ctx *device_out);

/* ---- In the order of a stream, as a kernel would: they return at once, and may be captured into a graph ----
 * status: where the code of the operation goes when it has been carried out, 4 bytes of memory that kernels reach
 * (such as pmx_gpu_malloc gives), or NULL. Arguments are checked at once. */
PMX_API int pmx_put_signal_on_stream(pmx_ctx_t ctx, void *dst_sym, const void *src_sym, size_t n_bytes,
                                     uint64_t *sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank, int32_t *status,
                                     struct CUstream_st *stream);
/* What follows in the stream begins when the own word compares as asked, or the wait has failed. */
PMX_API int pmx_signal_wait_on_stream(pmx_ctx_t ctx, const uint64_t *sig_sym, pmx_cmp_t cmp, uint64_t value,
                                      int from_rank, uint64_t timeout_ns, int32_t *status, struct CUstream_st *stream);
/* What follows begins when the operations of kernels and streams of this context are complete. */
PMX_API int pmx_quiet_on_stream(pmx_ctx_t ctx, int32_t *status, struct CUstream_st *stream);
/* Collective, by one stream at a time. What follows begins when all ranks have come to it in their stream. */
PMX_API int pmx_barrier_on_stream(int32_t *status, struct CUstream_st *stream);

#ifdef __cplusplus
}
#endif
#endif /* PMX_GPU_H */
