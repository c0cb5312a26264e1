/* SPDX-License-Identifier: BSD-3-Clause */
/* moe.c: a small Mixture-of-Experts layer with random weights, checked against the oracle.
 *
 *   mpirun -n 4 ./moe
 *
 * Ends with 0 when the results agree, with 1 when they do not, with 2 when the ranks do not divide the
 * experts. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "pmx_moe.h"

enum { HIDDEN = 64, INTER = 48, EXPERTS = 8, TOP_K = 2, MAX_TOKENS = 24 };
static const double kTolerance = 1e-5; /* fp32, norm-wise */

/* All ranks hold all weights here: the oracle needs them, and they are small. */
static float router[EXPERTS][HIDDEN];
static float gate[EXPERTS][INTER][HIDDEN];
static float up[EXPERTS][INTER][HIDDEN];
static float down[EXPERTS][HIDDEN][INTER];

static void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

/* xorshift64: values in -scale..scale, the same on every rank for the same seed. */
static void fill(float *values, size_t n_values, float scale, uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < n_values; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        values[i] = scale * (2.0f * (float)(state >> 40) / (float)(1 << 24) - 1.0f);
    }
}

static int fetch(void *arg, int expert, const void **gate_out, const void **up_out, const void **down_out)
{
    (void)arg;
    *gate_out = gate[expert];
    *up_out = up[expert];
    *down_out = down[expert];
    return PMX_SUCCESS;
}

/* The layer over all ranks; y_out: [n_tokens, HIDDEN]. */
static void run_layer(const pmx_moe_config_t *config, int rank, int size, const float *x, int n_tokens, float *y_out)
{
    const void *my_gate[EXPERTS], *my_up[EXPERTS], *my_down[EXPERTS];
    int n_local = EXPERTS / size;
    for (int i = 0; i < n_local; i++) fetch(NULL, rank * n_local + i, &my_gate[i], &my_up[i], &my_down[i]);
    pmx_moe_weights_t weights = {
        .size_bytes = sizeof weights, .router = router, .gate = my_gate, .up = my_up, .down = my_down};
    pmx_moe_t moe;
    must(pmx_moe_create(config, &moe));
    must(pmx_moe_set_weights(moe, &weights));
    must(pmx_moe_forward(moe, x, n_tokens, y_out));
    must(pmx_moe_free(moe));
}

/* Norm of the difference over the norm of the reference. */
static double relative_error(const float *y, const double *reference, int n_values)
{
    double diff = 0, norm = 0;
    for (int i = 0; i < n_values; i++) {
        diff += (y[i] - reference[i]) * (y[i] - reference[i]);
        norm += reference[i] * reference[i];
    }
    return norm > 0 ? sqrt(diff / norm) : sqrt(diff);
}

int main(void)
{
    static float x[MAX_TOKENS][HIDDEN], y[MAX_TOKENS][HIDDEN];
    static double reference[MAX_TOKENS][HIDDEN];
    pmx_moe_config_t config = {.size_bytes = sizeof config,
                               .hidden = HIDDEN,
                               .intermediate = INTER,
                               .experts = EXPERTS,
                               .top_k = TOP_K,
                               .max_tokens = MAX_TOKENS,
                               .dtype = PMX_MOE_FP32,
                               .renormalise = 1};
    int rank, size;
    if (pmx_init()) {
        fprintf(stderr, "moe: %s\n", pmx_last_error_detail());
        return 2;
    }
    must(pmx_rank(&rank));
    must(pmx_size(&size));
    if (pmx_moe_check(&config, size)) {
        if (rank == 0) fprintf(stderr, "moe: %s\n", pmx_last_error_detail());
        must(pmx_finalize());
        return 2;
    }
    fill(&router[0][0], sizeof router / sizeof(float), 1.0f, 1);
    fill(&gate[0][0][0], sizeof gate / sizeof(float), 0.2f, 2);
    fill(&up[0][0][0], sizeof up / sizeof(float), 0.2f, 3);
    fill(&down[0][0][0], sizeof down / sizeof(float), 0.2f, 4);
    fill(&x[0][0], sizeof x / sizeof(float), 1.0f, 100 + (uint64_t)rank);

    /* The last rank has no tokens of its own when there are others: its experts work all the same. */
    int n_tokens = size > 1 && rank == size - 1 ? 0 : MAX_TOKENS - rank;
    run_layer(&config, rank, size, &x[0][0], n_tokens, &y[0][0]);
    must(pmx_moe_reference(&config, router, NULL, fetch, NULL, x, n_tokens, NULL, NULL, &reference[0][0]));
    double error = relative_error(&y[0][0], &reference[0][0], n_tokens * HIDDEN);
    int good = error < kTolerance;
    printf("moe: rank %d of %d: %d tokens, relative error %.1e, %s\n", rank, size, n_tokens, error,
           good ? "ok" : "wrong");
    must(pmx_finalize());
    return !good;
}
