/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations of all types, beside each other; and locks. */
#include "check.h"

static int me, n_pes, right;
enum { kRounds = 20 };

/* All PEs add to, and count on, words of the last; what each call fetches is the value before. */
#define AMO_TEST(NAME, TYPE)                                                                          \
    static void amo_##NAME(void)                                                                      \
    {                                                                                                 \
        static TYPE sum, count, chain, own, tickets[5 * kRounds];                                     \
        const int last = n_pes - 1;                                                                   \
        shmem_ctx_t ctx;                                                                              \
        TYPE got = 0;                                                                                 \
        CHECK(shmem_ctx_create(0, &ctx) == 0);                                                        \
        for (int i = 0; i < kRounds; i++) {                                                           \
            shmem_##NAME##_atomic_add(&sum, (TYPE)(me + 1), last);                                    \
            shmem_ctx_##NAME##_atomic_inc(ctx, &sum, last);                                           \
            shmem_atomic_add(ctx, &sum, (TYPE)1, last);                                               \
            if (i % 2) got = shmem_atomic_fetch_inc(&count, last);                                    \
            else shmem_ctx_##NAME##_atomic_fetch_add_nbi(ctx, &got, &count, (TYPE)1, last);           \
            shmem_ctx_quiet(ctx);                                                                     \
            shmem_##NAME##_p(&tickets[(int)got], (TYPE)(me + 1), last);                               \
        }                                                                                             \
        shmem_barrier_all();                                                                          \
        CHECK(shmem_##NAME##_atomic_fetch(&sum, last) == (TYPE)(kRounds * (n_pes * (n_pes + 1) / 2 + 2 * n_pes))); \
        CHECK(shmem_atomic_fetch(ctx, &count, last) == (TYPE)(kRounds * n_pes));                      \
        /* No ticket was given twice. */                                                              \
        for (int i = 0; me == last && i < kRounds * n_pes; i++) CHECK(tickets[i] >= 1 && tickets[i] <= (TYPE)n_pes); \
        /* One PE after the other takes the word from the one before it. */                           \
        while (shmem_atomic_compare_swap(&chain, (TYPE)me, (TYPE)(me + 1), last) != (TYPE)me) {}      \
        shmem_barrier_all();                                                                          \
        CHECK(shmem_##NAME##_g(&chain, last) == (TYPE)n_pes);                                         \
        shmem_##NAME##_atomic_compare_swap_nbi(&got, &chain, 99, 1, last);                            \
        shmem_quiet();                                                                                \
        CHECK(got == (TYPE)n_pes);                                                                    \
        CHECK(shmem_ctx_##NAME##_atomic_swap(ctx, &own, (TYPE)(me + 5), right) == 0);                 \
        shmem_atomic_swap_nbi(&got, &own, (TYPE)(me + 6), right);                                     \
        shmem_quiet();                                                                                \
        CHECK(got == (TYPE)(me + 5));                                                                 \
        shmem_atomic_set(&own, (TYPE)(me + 7), right);                                                \
        shmem_quiet();                                                                                \
        shmem_atomic_fetch_nbi(&got, &own, right);                                                    \
        shmem_quiet();                                                                                \
        CHECK(got == (TYPE)(me + 7));                                                                 \
        shmem_ctx_destroy(ctx);                                                                       \
        shmem_barrier_all();                                                                          \
    }
#define AMO_TYPES(X)                                                                                       \
    X(int, int) X(long, long) X(longlong, long long) X(uint, unsigned int) X(ulong, unsigned long)         \
    X(ulonglong, unsigned long long) X(int32, int32_t) X(int64, int64_t) X(uint32, uint32_t)               \
    X(uint64, uint64_t) X(size, size_t) X(ptrdiff, ptrdiff_t)
AMO_TYPES(AMO_TEST)

#define BIT_TEST(NAME, TYPE)                                                                      \
    static void bit_##NAME(void)                                                                  \
    {                                                                                             \
        static TYPE any, all, odd;                                                                \
        TYPE mine = (TYPE)1 << me, got;                                                           \
        any = 0, all = 127, odd = 0;                                                              \
        shmem_barrier_all();                                                                      \
        shmem_##NAME##_atomic_or(&any, mine, 0);                                                  \
        CHECK(shmem_atomic_fetch_or(&any, mine, 0) & mine);                                       \
        shmem_ctx_##NAME##_atomic_fetch_or_nbi(SHMEM_CTX_DEFAULT, &got, &any, mine, 0);           \
        shmem_atomic_and(&all, ~mine, 0);                                                         \
        CHECK(!(shmem_##NAME##_atomic_fetch_and(&all, ~mine, 0) & mine));                         \
        shmem_atomic_fetch_and_nbi(&got, &all, ~mine, 0);                                         \
        shmem_atomic_xor(SHMEM_CTX_DEFAULT, &odd, mine, 0);                                       \
        CHECK(shmem_atomic_fetch_xor(&odd, mine, 0) & mine);                                      \
        shmem_##NAME##_atomic_fetch_xor_nbi(&got, &odd, mine, 0);                                 \
        shmem_quiet();                                                                            \
        CHECK(!(got & mine));                                                                     \
        shmem_barrier_all();                                                                      \
        TYPE everyone = ((TYPE)1 << n_pes) - 1;                                                   \
        CHECK(shmem_g(&any, 0) == everyone && shmem_g(&all, 0) == (127 & ~everyone) && shmem_g(&odd, 0) == everyone); \
        shmem_barrier_all();                                                                      \
    }
#define BIT_TYPES(X)                                                                                       \
    X(uint, unsigned int) X(ulong, unsigned long) X(ulonglong, unsigned long long) X(int32, int32_t)       \
    X(int64, int64_t) X(uint32, uint32_t) X(uint64, uint64_t)
BIT_TYPES(BIT_TEST)

static void floats(void)
{
    static float f;
    static double d;
    f = 1.5f, d = 2.5;
    shmem_barrier_all();
    CHECK(shmem_atomic_fetch(&f, right) == 1.5f && shmem_double_atomic_fetch(&d, right) == 2.5);
    shmem_barrier_all();
    shmem_atomic_set(&f, (float)me, right);
    CHECK(shmem_atomic_swap(&d, 4.25, right) == 2.5);
    shmem_barrier_all();
    CHECK(f == (float)((me + n_pes - 1) % n_pes) && d == 4.25);
    shmem_barrier_all();
}

/* What is done under a lock is done by one PE at a time, and seen by the next. */
static void locks(void)
{
    static long lock;
    static int words[2];
    for (int i = 0; i < 3 * kRounds; i++) {
        if (i % 3 == 2)
            while (shmem_test_lock(&lock)) {}
        else
            shmem_set_lock(&lock);
        int a = shmem_g(&words[0], 0), b = shmem_g(&words[1], 0);
        CHECK(a == b);
        shmem_p(&words[0], a + 1, 0);
        shmem_p(&words[1], b + 1, 0);
        shmem_clear_lock(&lock);
    }
    shmem_barrier_all();
    CHECK(shmem_g(&words[1], 0) == 3 * kRounds * n_pes);
}

/* A lock that one PE has is refused to all others, and is there again when it is cleared. */
static void held_lock(void)
{
    static long lock;
    if (me == 0) CHECK(shmem_test_lock(&lock) == 0);
    shmem_barrier_all();
    if (me != 0) CHECK(shmem_test_lock(&lock) == 1);
    shmem_barrier_all();
    if (me == 0) shmem_clear_lock(&lock);
    shmem_barrier_all();
    if (me == n_pes - 1) {
        CHECK(shmem_test_lock(&lock) == 0);
        shmem_clear_lock(&lock);
    }
    shmem_barrier_all();
    CHECK(lock == 0);
}

int main(void)
{
    shmem_init();
    me = shmem_my_pe();
    n_pes = shmem_n_pes();
    right = (me + 1) % n_pes;
#define RUN_AMO(NAME, TYPE) amo_##NAME();
#define RUN_BIT(NAME, TYPE) bit_##NAME();
    AMO_TYPES(RUN_AMO)
    BIT_TYPES(RUN_BIT)
    floats();
    locks();
    held_lock();
    return all_right();
}
