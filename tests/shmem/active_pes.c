/* SPDX-License-Identifier: BSD-3-Clause */
/* What is there for old programs: collectives over active sets, all PEs and every second one, and first names. */
#include <complex.h>

#include "check.h"

static int me, n_pes;
enum { kElems = 30, kPes = 8 };
static long psync[SHMEM_SYNC_SIZE];

/* The active set that this PE is in: start, start + 2^log, ... */
static int start, log_stride, size, rank;

static void set_is(int first, int log)
{
    start = first;
    log_stride = log;
    size = (n_pes - 1 - first) / (1 << log) + 1;
    rank = (me - first) / (1 << log);
}

#define WORDS_TEST(BITS)                                                                              \
    static void words_##BITS(void)                                                                    \
    {                                                                                                 \
        static uint##BITS##_t in[3 * kPes * kElems], out[2 * kPes * kElems];                          \
        const int root = size - 1;                                                                    \
        for (int i = 0; i < 2 * kPes * kElems; i++) out[i] = (uint##BITS##_t)(rank * 1000 + i);       \
        memset(in, 0, sizeof in);                                                                     \
        shmem_sync(start, log_stride, size, psync);                                                   \
        shmem_broadcast##BITS(in, out, kElems, root, start, log_stride, size, psync);                 \
        for (int i = 0; i < kElems; i++) CHECK(in[i] == (rank == root ? 0u : (unsigned)(root * 1000 + i))); \
        shmem_barrier(start, log_stride, size, psync);                                                \
        shmem_fcollect##BITS(in, out, kElems, start, log_stride, size, psync);                        \
        for (int i = 0; i < size * kElems; i++) CHECK(in[i] == (unsigned)(i / kElems * 1000 + i % kElems)); \
        shmem_barrier(start, log_stride, size, psync);                                                \
        shmem_collect##BITS(in, out, (size_t)(2 * rank), start, log_stride, size, psync);             \
        for (int pe = 0, at = 0; pe < size; pe++)                                                     \
            for (int i = 0; i < 2 * pe; i++) CHECK(in[at++] == (unsigned)(pe * 1000 + i));            \
        shmem_barrier(start, log_stride, size, psync);                                                \
        shmem_alltoall##BITS(in, out, kElems, start, log_stride, size, psync);                        \
        for (int i = 0; i < size * kElems; i++)                                                       \
            CHECK(in[i] == (unsigned)(i / kElems * 1000 + rank * kElems + i % kElems));               \
        memset(in, 0, sizeof in);                                                                     \
        shmem_barrier(start, log_stride, size, psync);                                                \
        shmem_alltoalls##BITS(in, out, 3, 2, kElems, start, log_stride, size, psync);                 \
        for (int i = 0; i < size * kElems; i++) {                                                     \
            CHECK(in[3 * i] == (unsigned)(i / kElems * 1000 + 2 * (rank * kElems + i % kElems)));     \
            CHECK(in[3 * i + 1] == 0 && in[3 * i + 2] == 0);                                          \
        }                                                                                             \
        shmem_barrier(start, log_stride, size, psync);                                                \
    }
WORDS_TEST(32)
WORDS_TEST(64)

/* Twice at once with the same pSync; the second in place. */
#define TO_ALL_CHECK(NAME, TYPE, OP, STEP)                                                            \
    {                                                                                                 \
        static TYPE dest[kElems], source[kElems], work[kElems];                                       \
        for (int i = 0; i < kElems; i++) source[i] = (TYPE)(rank % 3 + 1 + i % 2);                    \
        shmem_##NAME##_##OP##_to_all(dest, source, kElems, start, log_stride, size, work, psync);     \
        shmem_##NAME##_##OP##_to_all(source, source, kElems, start, log_stride, size, work, psync);   \
        for (int i = 0; i < kElems; i++) {                                                            \
            TYPE all = (TYPE)(1 + i % 2);                                                             \
            for (int pe = 1; pe < size; pe++) {                                                       \
                TYPE one = (TYPE)(pe % 3 + 1 + i % 2);                                                \
                all = (TYPE)(STEP);                                                                   \
            }                                                                                         \
            CHECK(dest[i] == all && source[i] == all);                                                \
        }                                                                                             \
    }
#define SUMS(NAME, TYPE) TO_ALL_CHECK(NAME, TYPE, sum, all + one) TO_ALL_CHECK(NAME, TYPE, prod, all * one)
#define EXTREMES(NAME, TYPE)                                      \
    TO_ALL_CHECK(NAME, TYPE, max, all > one ? all : one)          \
    TO_ALL_CHECK(NAME, TYPE, min, all < one ? all : one)
#define BITS(NAME, TYPE)                                          \
    TO_ALL_CHECK(NAME, TYPE, and, all & one)                      \
    TO_ALL_CHECK(NAME, TYPE, or, all | one)                       \
    TO_ALL_CHECK(NAME, TYPE, xor, all ^ one)
#define INTEGERS(X) X(short, short) X(int, int) X(long, long) X(longlong, long long)
#define REALS(X) X(float, float) X(double, double) X(longdouble, long double)

static void reductions(void)
{
    INTEGERS(BITS)
    INTEGERS(EXTREMES)
    REALS(EXTREMES)
    INTEGERS(SUMS)
    REALS(SUMS)
    SUMS(complexf, float _Complex)
    SUMS(complexd, double _Complex)
}

/* Many times, each as large as a put that does not wait. */
static void many(void)
{
    enum { kMany = 1500, kRounds = 100 };
    static uint64_t in[kPes * kMany], out[kMany];
    for (int round = 1; round <= kRounds; round++) {
        for (int i = 0; i < kMany; i++) out[i] = (uint64_t)(round * 1000 + rank);
        shmem_fcollect64(in, out, kMany, start, log_stride, size, psync);
        for (int i = 0; i < size * kMany; i++) CHECK(in[i] == (uint64_t)(round * 1000 + i / kMany));
        shmem_barrier(start, log_stride, size, psync);
    }
}

static void over_set(int first, int log)
{
    if (me >= first && (me - first) % (1 << log) == 0) {
        set_is(first, log);
        words_32();
        words_64();
        reductions();
        many();
        for (int i = 0; i < SHMEM_SYNC_SIZE; i++) CHECK(psync[i] == SHMEM_SYNC_VALUE);
    }
    shmem_barrier_all();
}

/* Atomics, waits and memory by the names that they had first. */
static void first_names(void)
{
    static int word;
    static long flag;
    static double real;
    const int right = (me + 1) % n_pes;
    int *p = shmalloc(sizeof(int));
    CHECK(_my_pe() == me && _num_pes() == n_pes && p);
    p = shrealloc(p, 2 * sizeof(int));
    shfree(p);
    p = shmemalign(64, 8);
    shfree(p);
    shmem_int_add(&word, 5, right);
    shmem_inc(&word, right);
    shmem_quiet();
    shmem_barrier_all();
    CHECK(shmem_int_fetch(&word, right) == 6 && shmem_fadd(&word, 2, right) == 6 && shmem_int_finc(&word, right) == 8);
    CHECK(shmem_int_cswap(&word, 9, 20, right) == 9 && shmem_swap(&word, 21, right) == 20);
    shmem_double_set(&real, 2.5, right);
    shmem_quiet();
    CHECK(shmem_fetch(&real, right) == 2.5);
    shmem_barrier_all();
    shmem_long_p(&flag, 3, right);
    shmem_wait(&flag, 0);
    (shmem_wait_until)(&flag, SHMEM_CMP_EQ, 3);
    shmem_long_wait(&flag, 0);
    shmem_set_cache_inv();
    shmem_set_cache_line_inv(&word);
    shmem_clear_cache_inv();
    shmem_clear_cache_line_inv(&word);
    shmem_udcflush();
    shmem_udcflush_line(&word);
    shmem_barrier_all();
}

int main(void)
{
    start_pes(0);
    me = shmem_my_pe();
    n_pes = shmem_n_pes();
    for (int i = 0; i < SHMEM_SYNC_SIZE; i++) psync[i] = _SHMEM_SYNC_VALUE;
    shmem_barrier_all();
    over_set(0, 0);
    over_set(0, 1);
    if (n_pes > 1) over_set(1, 1);
    over_set(n_pes - 1, 2);
    first_names();
    return all_right();
}
