/* SPDX-License-Identifier: BSD-3-Clause */
/* Two ranks: put_signal to and fro, put until it is complete, barrier. Rank 0 prints a line for each. */
#include "pmx_rma.h"
#include "samples.h"

static void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

static int rank;
static char *in, *out;
static uint64_t *signal_word, ns[N_CALLS];

static void put_signal(size_t n_bytes, uint64_t first)
{
    for (uint64_t i = 0; i < N_CALLS; i++) {
        uint64_t begin = now_ns(), number = first + i;
        if (rank == 1) must(pmx_signal_wait(PMX_CTX_DEFAULT, signal_word, PMX_CMP_GE, number, 0, 0, NULL));
        must(pmx_put_signal_nbi(PMX_CTX_DEFAULT, in, out, n_bytes, signal_word, number, PMX_SIGNAL_SET,
                                1 - rank));
        if (rank == 0) must(pmx_signal_wait(PMX_CTX_DEFAULT, signal_word, PMX_CMP_GE, number, 1, 0, NULL));
        ns[i] = now_ns() - begin;
    }
    must(pmx_quiet(PMX_CTX_DEFAULT));
    if (rank == 0) print_samples("pmx", "put_signal", n_bytes, ns, 2);
}

static void put_quiet(size_t n_bytes)
{
    for (int i = 0; i < N_CALLS && rank == 0; i++) {
        uint64_t begin = now_ns();
        must(pmx_put_nbi(PMX_CTX_DEFAULT, in, out, n_bytes, 1));
        must(pmx_quiet(PMX_CTX_DEFAULT));
        ns[i] = now_ns() - begin;
    }
    must(pmx_barrier());
    if (rank == 0) print_samples("pmx", "put_complete", n_bytes, ns, 1);
}

static void barrier(void)
{
    for (int i = 0; i < N_CALLS; i++) {
        uint64_t begin = now_ns();
        must(pmx_barrier());
        ns[i] = now_ns() - begin;
    }
    if (rank == 0) print_samples("pmx", "barrier", 0, ns, 1);
}

int main(void)
{
    int size;
    if (pmx_init()) return 2;
    must(pmx_rank(&rank));
    must(pmx_size(&size));
    if (size != 2) pmx_abort(2, "this needs two ranks");
    must(pmx_calloc(MOST_BYTES, 1, (void**)&in));
    must(pmx_calloc(MOST_BYTES, 1, (void**)&out));
    must(pmx_calloc(1, sizeof *signal_word, (void**)&signal_word));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_signal(sizes[i], 1 + i * N_CALLS);
        must(pmx_barrier());
        put_quiet(sizes[i]);
    }
    barrier();
    return pmx_finalize() ? 1 : 0;
}
