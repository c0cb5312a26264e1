/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads of each PE put, signal, wait and count at the same time, each on a context of its own. */
#include <pthread.h>

#include "check.h"

enum { kThreads = 4, kRounds = 100, kWords = 200 };

static int me, right, left;
static long in[kThreads][kWords], sum;
static uint64_t signals[kThreads], turns[kThreads];

static void *run(void *arg)
{
    const long t = *(const int *)arg;
    long out[kWords];
    shmem_ctx_t ctx;
    CHECK(shmem_ctx_create(SHMEM_CTX_PRIVATE, &ctx) == 0);
    for (long round = 1; round <= kRounds; round++) {
        for (int i = 0; i < kWords; i++) out[i] = me * 1000000 + t * 100000 + round * 100 + i % 100;
        shmem_put_signal(ctx, in[t], out, kWords, &signals[t], (uint64_t)round, SHMEM_SIGNAL_SET, right);
        shmem_signal_wait_until(&signals[t], SHMEM_CMP_GE, (uint64_t)round);
        for (int i = 0; i < kWords; i++) CHECK(in[t][i] == left * 1000000 + t * 100000 + round * 100 + i % 100);
        shmem_atomic_add(ctx, &sum, 1, 0);
        /* The left neighbour may put the next. */
        shmem_ctx_uint64_atomic_set(ctx, &turns[t], (uint64_t)round, left);
        shmem_wait_until(&turns[t], SHMEM_CMP_EQ, (uint64_t)round);
    }
    shmem_ctx_quiet(ctx);
    shmem_ctx_destroy(ctx);
    return NULL;
}

int main(void)
{
    int provided, number[kThreads];
    pthread_t threads[kThreads];
    if (shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided) || provided != SHMEM_THREAD_MULTIPLE) return 2;
    me = shmem_my_pe();
    right = (me + 1) % shmem_n_pes();
    left = (me + shmem_n_pes() - 1) % shmem_n_pes();
    for (int t = 0; t < kThreads; t++) {
        number[t] = t;
        if (pthread_create(&threads[t], NULL, run, &number[t])) return 3;
    }
    for (int t = 0; t < kThreads; t++) pthread_join(threads[t], NULL);
    shmem_barrier_all();
    CHECK(shmem_g(&sum, 0) == (long)kThreads * kRounds * shmem_n_pes());
    return all_right();
}
