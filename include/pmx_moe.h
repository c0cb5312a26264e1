/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_moe.h: one Mixture-of-Experts layer over the ranks of a pmx job (library pmx_moe).
 *
 * Shapes: T tokens of this rank, H hidden, I intermediate (per expert), E experts, k top-k, P ranks.
 * Expert e lives on rank e / (E/P), unless an expert map says where. Matrices are row-major; a weight matrix is [out, in] as in
 * Hugging Face files. Elements are of the layer's dtype unless said otherwise.
 *
 * The layer: for each token x, logits = router x (+ bias), p = scores of the logits; the k experts with the
 * largest p (+ choice bias; ties: the lower expert index) are chosen, and their p are the weights, divided by
 * their sum if renormalise, times scale;
 * y = sum over the chosen experts, in the order of the choice, of
 * weight * (down activation(gate x + gate bias, up x + up bias) + down bias), and of the shared expert.
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

/* What becomes of g = gate x + gate bias and u = up x + up bias. Those without g have no gate matrix. */
typedef enum pmx_moe_activation {
    PMX_MOE_SWIGLU = 0,         /* silu(g) * u */
    PMX_MOE_SWIGLU_CLAMPED = 1, /* of GPT-OSS: g' = min(g, 7), u' = u within -7..7: g' sigmoid(1.702 g') (u' + 1) */
    PMX_MOE_GEGLU = 2,          /* gelu(g) * u, with the error function */
    PMX_MOE_GEGLU_TANH = 3,     /* gelu(g) * u, with tanh */
    PMX_MOE_SILU = 4,           /* silu(u) */
    PMX_MOE_GELU = 5,           /* gelu(u), with the error function */
    PMX_MOE_GELU_TANH = 6,      /* gelu(u), with tanh */
    PMX_MOE_RELU = 7            /* max(u, 0) */
} pmx_moe_activation_t;

/* What the router makes of its logits. */
typedef enum pmx_moe_scores {
    PMX_MOE_SOFTMAX = 0,        /* softmax over all experts */
    PMX_MOE_SOFTMAX_CHOSEN = 1, /* the logits choose, the weights are their softmax over the k chosen */
    PMX_MOE_SIGMOID = 2,        /* sigmoid of each logit */
    PMX_MOE_SQRT_SOFTPLUS = 3   /* sqrt(ln(1 + exp(logit))) of each logit */
} pmx_moe_scores_t;

/* Which rows an expert does not get when it is chosen more often than its capacity. */
typedef enum pmx_moe_drop {
    PMX_MOE_DROP_LOWEST = 0, /* those of the lowest weights; of equal ones those of the later tokens */
    PMX_MOE_DROP_LATEST = 1  /* those of the latest tokens */
} pmx_moe_drop_t;

/* Fields are only ever added at the end; 0 there is what a layer did before. size_bytes tells which fields the
 * caller knows. */
typedef struct pmx_moe_config {
    size_t size_bytes;      /* filled by the caller: sizeof(pmx_moe_config_t) */
    int hidden;             /* H: a multiple of 16, 16..65536 */
    int intermediate;       /* I: a multiple of 16, 16..65536 */
    int experts;            /* E: 1..4096; divisible by the number of ranks unless physical_experts is set */
    int top_k;              /* k: 1..min(E, 64) */
    int max_tokens;         /* the most tokens that any rank passes to one call, 1..1048576 */
    pmx_moe_dtype_t dtype;  /* of tokens, weights and results; sums are fp32 */
    int renormalise;        /* 1: the k weights of a token sum to 1, before scale; 0: scores as they are */
    int tile_rows;          /* rows of a tile, 1..1024; 0: 64 */
    unsigned n_blocks;      /* host blocks of the kernel, 2..1024; 0: chosen from the cores */
    pmx_moe_activation_t activation;
    pmx_moe_scores_t scores;
    int groups;             /* of experts in order, a divisor of E; a token takes experts of its best groups only. The
                             * value of a group is the sum of its two largest p (+ choice bias). 0: no groups */
    int groups_kept;        /* 1..groups, with k experts in them; 0 without groups */
    float scale;            /* of the weights, above 0; 0: 1 */
    int weight_on_input;    /* 1: experts get weight * x, and their results are summed as they are */
    int shared_intermediate; /* S, of an expert that gets all tokens of its own rank: a multiple of 16, 16..65536; 0:
                              * none. Several shared experts are one with the sum of their S */
    int capacity;           /* the most rows that one rank sends to one expert in one call; 0: no limit */
    pmx_moe_drop_t drop;    /* with a capacity; a dropped row adds nothing, and the other weights stay */
    int physical_experts;   /* places for experts, E..8192, divisible by the number of ranks; 0: E, each in its place */
} pmx_moe_config_t;

typedef struct pmx_moe_weights {
    size_t size_bytes;        /* filled by the caller */
    const void *router;       /* [E, H]; NULL: only pmx_moe_forward_routed can be used */
    const float *router_bias; /* [E] added to the logits, or NULL */
    const void *const *gate;  /* E/P pointers to [I, H]: the local experts in order; not read without a gate */
    const void *const *up;    /* E/P pointers to [I, H] */
    const void *const *down;  /* E/P pointers to [H, I] */
    const float *choice_bias; /* [E] added to the scores for the choice, not in the weights; or NULL */
    const float *const *gate_bias; /* E/P pointers to [I], or NULL */
    const float *const *up_bias;   /* E/P pointers to [I], or NULL */
    const float *const *down_bias; /* E/P pointers to [H], or NULL */
    const void *shared_gate;   /* [S, H], when there is a shared expert */
    const void *shared_up;     /* [S, H] */
    const void *shared_down;   /* [H, S] */
    const void *shared_router; /* [H]: the shared result is multiplied by sigmoid(shared_router x); NULL: by 1 */
    /* [physical_experts] the expert in each place, or -1: none; each expert is in one place or in several, and place i
     * is on rank i / (physical_experts/P). The same on all ranks. The arrays above have an entry for each place of this
     * rank, which may be NULL in an empty one. Token t of rank r goes to copy (r + t) modulo the number of copies.
     * NULL: expert e is in place e. */
    const int32_t *expert_map;
} pmx_moe_weights_t;

/* What one phase sent through the proxy, summed over all calls since the last reset. */
typedef struct pmx_moe_counters {
    size_t size_bytes; /* filled by the caller */
    uint64_t forwards; /* calls of pmx_moe_forward, pmx_moe_forward_routed and pmx_moe_combine_end */
    uint64_t tiles;    /* expert tiles computed on this rank */
    pmx_counters_t dispatch;
    pmx_counters_t combine;
    uint64_t dropped;  /* rows of this rank over the capacity of their expert */
} pmx_moe_counters_t;

/* Fills what the layer of a published model is: sizes, activation, router, shared expert, and dtype (bf16). max_tokens,
 * tile_rows, n_blocks, capacity, drop and physical_experts stay as they are. May be called before pmx_init.
 * PMX_ERR_ARGUMENT: there is no such name. */
PMX_API int pmx_moe_preset(const char *name, pmx_moe_config_t *config_out);
/* The name at index 0, 1, ...; PMX_ERR_ARGUMENT past the last. */
PMX_API int pmx_moe_preset_list(int index, const char **name_out);
/* Checks config for n_ranks ranks. PMX_ERR_ARGUMENT, with a detail line that names the value and
 * the rule. May be called before pmx_init. */
PMX_API int pmx_moe_check(const pmx_moe_config_t *config, int n_ranks);
/* Bytes of symmetric heap that a layer of this shape takes on each rank. May be called before init. */
PMX_API int pmx_moe_heap_bytes(const pmx_moe_config_t *config, int n_ranks, size_t *n_bytes_out);

/* Collective: all ranks pass the same config (PMX_ERR_MISMATCH otherwise). Takes two contexts. */
PMX_API int pmx_moe_create(const pmx_moe_config_t *config, pmx_moe_t *moe_out);
/* Local. The arrays and what they point to are borrowed until pmx_moe_free or the next call. */
PMX_API int pmx_moe_set_weights(pmx_moe_t moe, const pmx_moe_weights_t *weights);
/* Local. x: [T, H]. ids_out: [T, k] expert of each choice, the best first; weights_out: [T, k]. */
PMX_API int pmx_moe_route(pmx_moe_t moe, const void *x, int n_tokens, int32_t *ids_out,
                          float *weights_out);
/* Collective. x: [T, H] in any memory, T 0..max_tokens and different per rank. y_out: [T, H], may be x.
 * The same input gives the same bits on every run, in every order and signal mode. */
PMX_API int pmx_moe_forward(pmx_moe_t moe, const void *x, int n_tokens, void *y_out);
/* As pmx_moe_forward with the routing given: ids [T, k], distinct experts of each token, in 0..E-1,
 * or -1: a masked choice, whose weight is not read and which adds nothing. */
PMX_API int pmx_moe_forward_routed(pmx_moe_t moe, const void *x, int n_tokens, const int32_t *ids,
                                   const float *weights, void *y_out);
/* pmx_moe_forward in four steps, each collective and in this order, for other work between them: what a begin has sent
 * moves while the program does something else. Another layer may be in a call, too; this one takes no other call of
 * its own, but for counters, load and pmx_moe_free, until combine_end. */
/* Sends the rows and does not wait for others. ids and weights as for pmx_moe_forward_routed, or both NULL: the router
 * decides. x is borrowed until dispatch_end has returned, weights until combine_end has. A rank whose input is bad gets
 * its error here and goes on with no tokens. */
PMX_API int pmx_moe_dispatch_begin(pmx_moe_t moe, const void *x, int n_tokens, const int32_t *ids,
                                   const float *weights);
/* Waits for the rows of all ranks, and computes the shared expert. */
PMX_API int pmx_moe_dispatch_end(pmx_moe_t moe);
/* Computes the experts and sends the results; does not wait for others. */
PMX_API int pmx_moe_combine_begin(pmx_moe_t moe);
/* Waits for the results and sums them. y_out: [T, H], may be x. */
PMX_API int pmx_moe_combine_end(pmx_moe_t moe, void *y_out);
PMX_API int pmx_moe_counters_get(pmx_moe_t moe, pmx_moe_counters_t *counters_out);
/* Local. rows_out: [E/P] rows that all ranks sent to each place of this rank, since the last reset of counters. */
PMX_API int pmx_moe_load_get(pmx_moe_t moe, uint64_t *rows_out);
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

/* The same with the weights of all experts in the struct that pmx_moe_set_weights takes on a job of one rank: for
 * layers with biases too. With fetch the matrices of the experts come from there, and the struct's are not read;
 * without (NULL) arg is not read. */
PMX_API int pmx_moe_reference_layer(const pmx_moe_config_t *config, const pmx_moe_weights_t *weights,
                                    pmx_moe_fetch_fn fetch, void *arg, const void *x, int n_tokens,
                                    const int32_t *ids, const float *choice_weights, double *y_out);

#ifdef __cplusplus
}
#endif
#endif /* PMX_MOE_H */
