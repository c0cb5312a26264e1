/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_moe.h: one Mixture-of-Experts layer over the ranks of a pmx job (library pmx_moe).
 *
 * Shapes: T tokens of this rank, H hidden, I intermediate (per expert), E experts, k top-k, P ranks.
 * Expert e lives on rank e / (E/P). Matrices are row-major; a weight matrix is [out, in] as in
 * Hugging Face files. Elements are of the layer's dtype unless said otherwise.
 *
 * The layer: for each token x, logits = router x (+ bias), p = softmax(logits), the k largest p
 * (ties: the lower expert index) are the weights, divided by their sum if renormalise;
 * y = sum over the chosen experts, in the order of the choice, of
 * weight * down (silu(gate x) * (up x)).
 *
 * All calls return 0 or a PMX_ERR_* code, as in pmx.h. A layer is used by one thread at a time. */
#ifndef PMX_MOE_H
#define PMX_MOE_H

#include "pmx.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pmx_moe *pmx_moe_t;

typedef enum pmx_moe_dtype { PMX_MOE_BF16 = 0, PMX_MOE_FP32 = 1 } pmx_moe_dtype_t;

typedef struct pmx_moe_config {
    size_t size_bytes;      /* filled by the caller: sizeof(pmx_moe_config_t) */
    int hidden;             /* H: a multiple of 16, 16..65536 */
    int intermediate;       /* I: a multiple of 16, 16..65536 */
    int experts;            /* E: 1..4096, divisible by the number of ranks */
    int top_k;              /* k: 1..min(E, 64) */
    int max_tokens;         /* the most tokens that any rank passes to one call, 1..1048576 */
    pmx_moe_dtype_t dtype;  /* of tokens, weights and results; sums are fp32 */
    int renormalise;        /* 1: the k weights of a token sum to 1; 0: softmax values as they are */
    int tile_rows;          /* rows of a tile, 1..1024; 0: 64 */
    unsigned n_blocks;      /* host blocks of the kernel, 2..1024; 0: chosen from the cores */
} pmx_moe_config_t;

typedef struct pmx_moe_weights {
    size_t size_bytes;        /* filled by the caller */
    const void *router;       /* [E, H]; NULL: only pmx_moe_forward_routed can be used */
    const float *router_bias; /* [E] added to the logits, or NULL */
    const void *const *gate;  /* E/P pointers to [I, H]: the local experts in order */
    const void *const *up;    /* E/P pointers to [I, H] */
    const void *const *down;  /* E/P pointers to [H, I] */
} pmx_moe_weights_t;

/* What one phase sent through the proxy, summed over all calls since the last reset. */
typedef struct pmx_moe_counters {
    size_t size_bytes; /* filled by the caller */
    uint64_t forwards; /* calls of pmx_moe_forward and pmx_moe_forward_routed */
    uint64_t tiles;    /* expert tiles computed on this rank */
    pmx_counters_t dispatch;
    pmx_counters_t combine;
} pmx_moe_counters_t;

/* Checks config for n_ranks ranks. PMX_ERR_ARGUMENT, with a detail line that names the value and
 * the rule. May be called before pmx_init. */
PMX_API int pmx_moe_check(const pmx_moe_config_t *config, int n_ranks);
/* Bytes of symmetric heap that a layer of this shape takes on each rank. May be called before init. */
PMX_API int pmx_moe_heap_bytes(const pmx_moe_config_t *config, int n_ranks, size_t *n_bytes_out);

/* Collective: all ranks pass the same config (PMX_ERR_MISMATCH otherwise). Takes two contexts. */
PMX_API int pmx_moe_create(const pmx_moe_config_t *config, pmx_moe_t *moe_out);
/* Local. The arrays and what they point to are borrowed until pmx_moe_free or the next call. */
PMX_API int pmx_moe_set_weights(pmx_moe_t moe, const pmx_moe_weights_t *weights);
/* Local. x: [T, H]. ids_out: [T, k] expert of each choice, in descending weight; weights_out: [T, k]. */
PMX_API int pmx_moe_route(pmx_moe_t moe, const void *x, int n_tokens, int32_t *ids_out,
                          float *weights_out);
/* Collective. x: [T, H] in any memory, T 0..max_tokens and different per rank. y_out: [T, H], may be x.
 * The same input gives the same bits on every run, in every order and signal mode. */
PMX_API int pmx_moe_forward(pmx_moe_t moe, const void *x, int n_tokens, void *y_out);
/* As pmx_moe_forward with the routing given: ids [T, k], distinct experts of each token, in 0..E-1. */
PMX_API int pmx_moe_forward_routed(pmx_moe_t moe, const void *x, int n_tokens, const int32_t *ids,
                                   const float *weights, void *y_out);
PMX_API int pmx_moe_counters_get(pmx_moe_t moe, pmx_moe_counters_t *counters_out);
PMX_API int pmx_moe_counters_reset(pmx_moe_t moe);
/* Collective. */
PMX_API int pmx_moe_free(pmx_moe_t moe);

/* The oracle: the layer of one rank with all experts, in double precision, sharing no code with the
 * kernel. fetch gives the weights of one expert at a time (pointers valid until its next call), and
 * returns 0 or a PMX_ERR_* code that ends the call. ids, weights: the routing, or NULL to route here.
 * y_out: [T, H] doubles. Does not need pmx_init. */
typedef int (*pmx_moe_fetch_fn)(void *arg, int expert, const void **gate_out, const void **up_out,
                                const void **down_out);
PMX_API int pmx_moe_reference(const pmx_moe_config_t *config, const void *router,
                              const float *router_bias, pmx_moe_fetch_fn fetch, void *arg,
                              const void *x, int n_tokens, const int32_t *ids, const float *weights,
                              double *y_out);

#ifdef __cplusplus
}
#endif
#endif /* PMX_MOE_H */
