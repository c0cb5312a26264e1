/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts with signals, and all forms of waits and tests. */
#include "check.h"

static int me, n_pes, right, left;
enum { kWords = 6, kElems = 3000 };

/* Words are set one after the other by the left neighbour; each form of wait sees them come. */
#define WAIT_TEST(NAME, TYPE)                                                                              \
    static void wait_##NAME(void)                                                                          \
    {                                                                                                      \
        static TYPE words[kWords];                                                                         \
        int skip[kWords] = {0, 1, 0, 0, 0, 0}, done[kWords] = {0};                                         \
        size_t indices[kWords], n, seen = 0;                                                               \
        TYPE values[kWords];                                                                               \
        memset(words, 0, sizeof words);                                                                    \
        for (int i = 0; i < kWords; i++) values[i] = (TYPE)(i + 10);                                       \
        shmem_barrier_all();                                                                               \
        CHECK(shmem_##NAME##_test(words, SHMEM_CMP_EQ, 0) && !shmem_test(words, SHMEM_CMP_GT, 0));         \
        CHECK(shmem_test(words, SHMEM_CMP_LE, 0) && shmem_test(words, SHMEM_CMP_GE, 0));                   \
        CHECK(shmem_test(words, SHMEM_CMP_LT, 1) && !shmem_test(words, SHMEM_CMP_NE, 0));                  \
        CHECK(!shmem_test_all(words, kWords, NULL, SHMEM_CMP_NE, 0) && shmem_test_all(words, 0, NULL, SHMEM_CMP_NE, 0)); \
        CHECK(shmem_test_any(words, kWords, NULL, SHMEM_CMP_NE, 0) == SIZE_MAX);                           \
        CHECK(shmem_test_some(words, kWords, indices, NULL, SHMEM_CMP_NE, 0) == 0);                        \
        CHECK(!shmem_test_all_vector(words, kWords, NULL, SHMEM_CMP_EQ, values));                          \
        CHECK(shmem_test_any_vector(words, kWords, NULL, SHMEM_CMP_EQ, values) == SIZE_MAX);               \
        CHECK(shmem_test_some_vector(words, kWords, indices, NULL, SHMEM_CMP_EQ, values) == 0);            \
        CHECK(shmem_wait_until_any(words, 0, NULL, SHMEM_CMP_EQ, 0) == SIZE_MAX);                          \
        CHECK(shmem_##NAME##_wait_until_some(words, 0, indices, NULL, SHMEM_CMP_EQ, 0) == 0);              \
        shmem_barrier_all();                                                                               \
        for (int i = 0; i < kWords; i++)                                                                   \
            if (i != 1) shmem_##NAME##_p(&words[i], values[i], right);                                     \
        shmem_wait_until(&words[0], SHMEM_CMP_EQ, 10);                                                     \
        /* Any: each of those not done yet, until all are. */                                              \
        done[1] = 1;                                                                                       \
        for (int i = 0; i < kWords - 1; i++) {                                                             \
            size_t at = i % 2 ? shmem_##NAME##_wait_until_any(words, kWords, done, SHMEM_CMP_GE, 10)       \
                              : shmem_wait_until_any_vector(words, kWords, done, SHMEM_CMP_EQ, values);    \
            CHECK(at < kWords && !done[at] && words[at] == values[at]);                                    \
            done[at] = 1;                                                                                  \
        }                                                                                                  \
        CHECK(shmem_wait_until_any(words, kWords, done, SHMEM_CMP_EQ, 0) == SIZE_MAX);                     \
        shmem_wait_until_all(words, kWords, skip, SHMEM_CMP_NE, 0);                                        \
        shmem_wait_until_all_vector(words, kWords, skip, SHMEM_CMP_EQ, values);                            \
        n = shmem_wait_until_some(words, kWords, indices, skip, SHMEM_CMP_LT, 12);                         \
        CHECK(n == 1 && indices[0] == 0);                                                                  \
        n = shmem_wait_until_some_vector(words, kWords, indices, skip, SHMEM_CMP_EQ, values);              \
        CHECK(n == kWords - 1);                                                                            \
        for (size_t i = 0; i < n; i++) seen += indices[i];                                                 \
        CHECK(seen == 0 + 2 + 3 + 4 + 5);                                                                  \
        CHECK(shmem_test_all_vector(words, kWords, skip, SHMEM_CMP_EQ, values));                           \
        CHECK(shmem_##NAME##_test_any_vector(words, kWords, skip, SHMEM_CMP_EQ, values) != 1);             \
        CHECK(shmem_##NAME##_test_some(words, kWords, indices, NULL, SHMEM_CMP_EQ, 0) == 1 && indices[0] == 1); \
        shmem_barrier_all();                                                                               \
    }
#define WAIT_TYPES(X)                                                                                      \
    X(short, short) X(int, int) X(long, long) X(longlong, long long) X(ushort, unsigned short)             \
    X(uint, unsigned int) X(ulong, unsigned long) X(ulonglong, unsigned long long) X(int32, int32_t)       \
    X(int64, int64_t) X(uint32, uint32_t) X(uint64, uint64_t) X(size, size_t) X(ptrdiff, ptrdiff_t)
WAIT_TYPES(WAIT_TEST)

/* Who sees the signal sees the data, by every form, from symmetric memory and other. */
#define SIGNAL_TEST(NAME, TYPE)                                                                            \
    static void signal_##NAME(void)                                                                        \
    {                                                                                                      \
        static TYPE in[6 * kElems], out[kElems];                                                           \
        static uint64_t signals[6];                                                                        \
        TYPE own[kElems];                                                                                  \
        memset(signals, 0, sizeof signals);                                                                \
        memset(in, 0, sizeof in);                                                                          \
        for (int i = 0; i < kElems; i++) own[i] = out[i] = (TYPE)(me * 7 + i % 90);                        \
        shmem_barrier_all();                                                                               \
        shmem_##NAME##_put_signal(in, own, kElems, &signals[0], 5, SHMEM_SIGNAL_SET, right);               \
        shmem_put_signal(in + kElems, out, kElems, &signals[1], 5, SHMEM_SIGNAL_ADD, right);               \
        shmem_put_signal(SHMEM_CTX_DEFAULT, in + 2 * kElems, out, kElems, &signals[2], 5, SHMEM_SIGNAL_SET, right); \
        shmem_##NAME##_put_signal_nbi(in + 3 * kElems, out, kElems, &signals[3], 5, SHMEM_SIGNAL_ADD, right); \
        shmem_put_signal_nbi(in + 4 * kElems, own, kElems, &signals[4], 5, SHMEM_SIGNAL_SET, right);       \
        shmem_ctx_##NAME##_put_signal_nbi(SHMEM_CTX_DEFAULT, in + 5 * kElems, out, kElems, &signals[5], 5, \
                                          SHMEM_SIGNAL_SET, right);                                        \
        for (int s = 0; s < 6; s++) {                                                                      \
            CHECK(shmem_signal_wait_until(&signals[s], SHMEM_CMP_GT, 4) == 5 && shmem_signal_fetch(&signals[s]) == 5); \
            for (int i = 0; i < kElems; i++) CHECK(in[s * kElems + i] == (TYPE)(left * 7 + i % 90));       \
        }                                                                                                  \
        shmem_barrier_all();                                                                               \
    }
#define SIGNAL_TYPES(X) X(char, char) X(short, short) X(int, int) X(double, double) X(longdouble, long double)
SIGNAL_TYPES(SIGNAL_TEST)

static void signal_sizes(void)
{
    static unsigned char in[64], out[64];
    static uint64_t signal;
    for (int i = 0; i < 64; i++) out[i] = (unsigned char)(me + i);
    shmem_barrier_all();
    shmem_put8_signal(in, out, 1, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_put16_signal_nbi(in + 2, out + 2, 1, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_put32_signal(in + 4, out + 4, 1, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_ctx_put64_signal(SHMEM_CTX_DEFAULT, in + 8, out + 8, 1, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_put128_signal(in + 16, out + 16, 1, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_putmem_signal(in + 32, out + 32, 16, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_ctx_putmem_signal_nbi(SHMEM_CTX_DEFAULT, in + 48, out + 48, 16, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_putmem_signal(in, out, 0, &signal, 1, SHMEM_SIGNAL_ADD, right);
    shmem_signal_wait_until(&signal, SHMEM_CMP_EQ, 8);
    for (int i = 0; i < 64; i++) CHECK(in[i] == (i == 1 ? 0 : (unsigned char)(left + i)));
    shmem_barrier_all();
}

/* Many on their way at once, looked at from the last on. */
static void signals_in_a_row(void)
{
    enum { kRounds = 20, kRow = 12 };
    static long in[kRow * kElems], out[kRow * kElems];
    static uint64_t signals[kRow];
    for (long round = 1; round <= kRounds; round++) {
        for (int i = 0; i < kRow * kElems; i++) out[i] = round * 1000000 + i;
        for (int s = 0; s < kRow; s++)
            shmem_put_signal_nbi(in + s * kElems, out + s * kElems, kElems, &signals[s], (uint64_t)round, SHMEM_SIGNAL_SET, right);
        for (int s = kRow - 1; s >= 0; s--) {
            shmem_signal_wait_until(&signals[s], SHMEM_CMP_EQ, (uint64_t)round);
            for (int i = s * kElems; i < (s + 1) * kElems; i++) CHECK(in[i] == round * 1000000 + i);
        }
        shmem_barrier_all();
    }
}

int main(void)
{
    shmem_init();
    me = shmem_my_pe();
    n_pes = shmem_n_pes();
    right = (me + 1) % n_pes;
    left = (me + n_pes - 1) % n_pes;
#define RUN_WAIT(NAME, TYPE) wait_##NAME();
#define RUN_SIGNAL(NAME, TYPE) signal_##NAME();
    WAIT_TYPES(RUN_WAIT)
    SIGNAL_TYPES(RUN_SIGNAL)
    signal_sizes();
    signals_in_a_row();
    return all_right();
}
