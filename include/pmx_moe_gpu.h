/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_moe_gpu.h: the Mixture-of-Experts layer of pmx_moe.h as one persistent kernel on a GPU of sm_90a (library
 * pmx_moe). Needs PMX_GPU=cuda and a dtype of bf16. C, and with no header of CUDA: a stream is a cudaStream_t, NULL the
 * default one; x, ids, weights and y are memory of the GPU.
 *
 * The kernel packs the rows of this rank for their experts and sends them off, multiplies tiles as they arrive, sends
 * results back and sums them up. Nothing is allocated and no thread of the host waits: calls may be captured into a
 * graph and replayed, the same number of times on all ranks. */
#ifndef PMX_MOE_GPU_H
#define PMX_MOE_GPU_H

#include "pmx_gpu.h"
#include "pmx_moe.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pmx_moe_gpu *pmx_moe_gpu_t;

/* Collective: all ranks pass the same config (PMX_ERR_MISMATCH otherwise). n_blocks: blocks of the kernel, each of which
 * fills an SM, 2 .. as many as run at the same time; 0: that many. tile_rows is not used. attr: of the two contexts that
 * the layer takes, NULL: defaults. PMX_ERR_UNSUPPORTED: the GPU, or the build, or a config that the kernel does not
 * compute; PMX_ERR_MEMORY: the heap of GPU memory or the GPU is too small. */
PMX_API int pmx_moe_gpu_create(const pmx_moe_config_t *config, const pmx_ctx_attr_t *attr, pmx_moe_gpu_t *moe_out);
/* Bytes of the heap of GPU memory, and of other memory of the GPU, that a layer takes on each rank. May be called before
 * pmx_init. With a capacity it asks the GPU. */
PMX_API int pmx_moe_gpu_bytes(const pmx_moe_config_t *config, int n_ranks, size_t *heap_bytes_out,
                              size_t *local_bytes_out);
/* Local. As pmx_moe_set_weights, the matrices being memory of the GPU, aligned to 16 bytes, and so the biases of experts;
 * expert_map is memory of the host, and read here alone; router is not used. No call of the layer may be under way. */
PMX_API int pmx_moe_gpu_set_weights(pmx_moe_gpu_t moe, const pmx_moe_weights_t *weights);
/* Collective, in the order of the stream. As pmx_moe_forward_routed: x, y [T, H], y may be x; ids, weights [T, k]; an id
 * of -1 is no choice; other ids are not checked. x and y are aligned to 16 bytes. */
PMX_API int pmx_moe_gpu_forward_routed(pmx_moe_gpu_t moe, const void *x, int n_tokens, const int32_t *ids,
                                       const float *weights, void *y_out, struct CUstream_st *stream);
/* How the calls that have ended went: 0, or the code of the first that failed: the layer can only be freed then. Asked
 * when the stream has come to its end. */
PMX_API int pmx_moe_gpu_status(pmx_moe_gpu_t moe);
/* As pmx_moe_counters_get: calls that were begun, rows that were dropped, tiles of the last call. No call may be under way. */
PMX_API int pmx_moe_gpu_counters_get(pmx_moe_gpu_t moe, pmx_moe_counters_t *counters_out);
PMX_API int pmx_moe_gpu_counters_reset(pmx_moe_gpu_t moe);

/* When a call had come how far on this rank, by the clock of the GPU. */
typedef struct pmx_moe_gpu_times {
    size_t size_bytes;      /* filled by the caller */
    uint64_t begun_ns;      /* the kernel runs */
    uint64_t packed_ns;     /* all rows are packed and sent off */
    uint64_t multiplied_ns; /* all tiles are computed and sent back */
    uint64_t combined_ns;   /* all tokens are there: the end */
} pmx_moe_gpu_times_t;
/* Of the last call, which has ended. */
PMX_API int pmx_moe_gpu_times_get(pmx_moe_gpu_t moe, pmx_moe_gpu_times_t *times_out);
/* Collective. No call may be under way. */
PMX_API int pmx_moe_gpu_free(pmx_moe_gpu_t moe);

#ifdef __cplusplus
}
#endif
#endif /* PMX_MOE_GPU_H */
