/* SPDX-License-Identifier: BSD-3-Clause */
/* ring.c: every rank sends a message to its right neighbour, a few rounds long. The signal says that the
 * message is there.
 *
 *   mpirun -n 4 ./ring
 *
 * Ends with 0 when every message arrived whole, else with 1. */
#include <stdint.h>
#include <stdio.h>

#include "pmx.h"

enum { N_WORDS = 1024, N_ROUNDS = 20 };

static void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

/* The word i of what this rank sends in this round. */
static uint64_t word(int rank, uint64_t round, uint64_t i)
{
    return (uint64_t)rank << 48 | round << 32 | i;
}

int main(void)
{
    if (pmx_init()) {
        fprintf(stderr, "ring: %s\n", pmx_last_error_detail());
        return 2;
    }
    int rank, size;
    must(pmx_rank(&rank));
    must(pmx_size(&size));
    int right = (rank + 1) % size;
    int left = (rank + size - 1) % size;

    uint64_t *send, *recv, *arrived;
    must(pmx_malloc(N_WORDS * sizeof *send, (void **)&send));
    must(pmx_malloc(N_WORDS * sizeof *recv, (void **)&recv));
    must(pmx_calloc(1, sizeof *arrived, (void **)&arrived));

    uint64_t bad = 0;
    for (uint64_t round = 1; round <= N_ROUNDS; round++) {
        for (uint64_t i = 0; i < N_WORDS; i++) send[i] = word(rank, round, i);
        must(pmx_put_signal_nbi(PMX_CTX_DEFAULT, recv, send, N_WORDS * sizeof *send, arrived, round,
                                PMX_SIGNAL_SET, right));
        must(pmx_signal_wait(PMX_CTX_DEFAULT, arrived, PMX_CMP_GE, round, left, 0, NULL));
        for (uint64_t i = 0; i < N_WORDS; i++) bad += recv[i] != word(left, round, i);
        /* quiet: send may be written again. barrier: all have read what they received. */
        must(pmx_quiet(PMX_CTX_DEFAULT));
        must(pmx_barrier());
    }
    printf("ring: rank %d of %d: %d rounds, %llu wrong words\n", rank, size, N_ROUNDS, (unsigned long long)bad);

    must(pmx_free(arrived));
    must(pmx_free(recv));
    must(pmx_free(send));
    must(pmx_finalize());
    return bad != 0;
}
