/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and gets of all types and sizes, strided ones, those without blocking, contexts and order. */
#include "check.h"

enum { kElems = 50, kBig = 70000 };

static int me, n_pes, right, left;

/* Every call of one type, into the part that this PE has of the memory of its neighbour. */
#define TYPE_TEST(NAME, TYPE)                                                                         \
    static void test_##NAME(void)                                                                     \
    {                                                                                                 \
        TYPE *to = shmem_calloc(kElems, sizeof(TYPE));                                                \
        TYPE *from = shmem_malloc(kElems * sizeof(TYPE));                                             \
        TYPE own[kElems], back[kElems];                                                               \
        shmem_ctx_t ctx;                                                                              \
        CHECK(shmem_ctx_create(0, &ctx) == 0);                                                        \
        for (int i = 0; i < kElems; i++) own[i] = from[i] = (TYPE)(me * 3 + i);                       \
        shmem_barrier_all();                                                                          \
        shmem_##NAME##_put(to, own, 10, right);                                                       \
        shmem_ctx_##NAME##_put(ctx, to + 10, own + 10, 5, right);                                     \
        shmem_##NAME##_put_nbi(to + 15, from + 15, 5, right);                                         \
        shmem_ctx_##NAME##_put_nbi(ctx, to + 20, own + 20, 5, right);                                 \
        shmem_##NAME##_p(to + 25, own[25], right);                                                    \
        shmem_ctx_##NAME##_p(ctx, to + 26, own[26], right);                                           \
        shmem_##NAME##_iput(to + 27, own + 27, 2, 2, 3, right);                                       \
        shmem_ctx_##NAME##_iput(ctx, to + 28, own + 28, 2, 2, 3, right);                              \
        shmem_put(to + 33, own + 33, 2, right);                                                       \
        shmem_put(ctx, to + 35, own + 35, 2, right);                                                  \
        shmem_put_nbi(to + 37, from + 37, 1, right);                                                  \
        shmem_put_nbi(ctx, to + 38, from + 38, 1, right);                                             \
        shmem_p(to + 39, own[39], right);                                                             \
        shmem_p(ctx, to + 40, own[40], right);                                                        \
        shmem_iput(to + 41, own + 41, 1, 1, 2, right);                                                \
        shmem_iput(ctx, to + 43, own + 43, 1, 1, kElems - 43, right);                                 \
        shmem_ctx_quiet(ctx);                                                                         \
        shmem_barrier_all();                                                                          \
        for (int i = 0; i < kElems; i++) CHECK(to[i] == (TYPE)(left * 3 + i));                        \
        memset(back, 0, sizeof back);                                                                 \
        shmem_##NAME##_get(back, from, 10, right);                                                    \
        shmem_ctx_##NAME##_get(ctx, back + 10, from + 10, 5, right);                                  \
        shmem_##NAME##_get_nbi(back + 15, from + 15, 5, right);                                       \
        shmem_ctx_##NAME##_get_nbi(ctx, back + 20, from + 20, 5, right);                              \
        back[25] = shmem_##NAME##_g(from + 25, right);                                                \
        back[26] = shmem_ctx_##NAME##_g(ctx, from + 26, right);                                       \
        shmem_##NAME##_iget(back + 27, from + 27, 2, 2, 3, right);                                    \
        shmem_ctx_##NAME##_iget(ctx, back + 28, from + 28, 2, 2, 3, right);                           \
        shmem_get(back + 33, from + 33, 2, right);                                                    \
        shmem_get(ctx, back + 35, (const TYPE *)from + 35, 2, right);                                 \
        shmem_get_nbi(back + 37, from + 37, 1, right);                                                \
        shmem_get_nbi(ctx, back + 38, from + 38, 1, right);                                           \
        back[39] = shmem_g((const TYPE *)from + 39, right);                                           \
        back[40] = shmem_g(ctx, from + 40, right);                                                    \
        shmem_iget(back + 41, from + 41, 1, 1, 2, right);                                             \
        shmem_iget(ctx, back + 43, from + 43, 1, 1, kElems - 43, right);                              \
        shmem_quiet();                                                                                \
        shmem_ctx_destroy(ctx);                                                                       \
        for (int i = 0; i < kElems; i++) CHECK(back[i] == (TYPE)(right * 3 + i));                     \
        shmem_free(to);                                                                               \
        shmem_free(from);                                                                             \
    }
#define TYPES(X)                                                                                               \
    X(float, float) X(double, double) X(longdouble, long double) X(char, char) X(schar, signed char)           \
    X(short, short) X(int, int) X(long, long) X(longlong, long long) X(uchar, unsigned char)                   \
    X(ushort, unsigned short) X(uint, unsigned int) X(ulong, unsigned long) X(ulonglong, unsigned long long)   \
    X(int8, int8_t) X(int16, int16_t) X(int32, int32_t) X(int64, int64_t) X(uint8, uint8_t)                    \
    X(uint16, uint16_t) X(uint32, uint32_t) X(uint64, uint64_t) X(size, size_t) X(ptrdiff, ptrdiff_t)
TYPES(TYPE_TEST)

/* Elements of so many bits: all forms move n of them and nothing beyond. */
#define SIZE_TEST(BITS)                                                                                   \
    static void test_##BITS(void)                                                                         \
    {                                                                                                     \
        enum { kOne = BITS / 8, kAll = 16 * kOne };                                                       \
        unsigned char *to = shmem_calloc(kAll, 1), *from = shmem_malloc(kAll);                            \
        unsigned char back[kAll] = {0};                                                                   \
        for (int i = 0; i < kAll; i++) from[i] = (unsigned char)(me + i);                                 \
        shmem_barrier_all();                                                                              \
        shmem_put##BITS(to, from, 3, right);                                                              \
        shmem_put##BITS##_nbi(to + 3 * kOne, from + 3 * kOne, 2, right);                                  \
        shmem_iput##BITS(to + 5 * kOne, from + 5 * kOne, 2, 3, 2, right);                                 \
        shmem_ctx_put##BITS(SHMEM_CTX_DEFAULT, to + 10 * kOne, from + 10 * kOne, 1, right);               \
        shmem_ctx_put##BITS##_nbi(SHMEM_CTX_DEFAULT, to + 11 * kOne, from + 11 * kOne, 1, right);         \
        shmem_ctx_iput##BITS(SHMEM_CTX_DEFAULT, to + 12 * kOne, from + 12 * kOne, 1, 1, 1, right);        \
        shmem_barrier_all();                                                                              \
        for (int i = 0; i < kAll; i++) {                                                                  \
            int e = i / kOne, source = e == 7 ? i + kOne : i, put = e < 6 || e == 7 || (e >= 10 && e < 13); \
            CHECK(to[i] == (put ? (unsigned char)(left + source) : 0));                                   \
        }                                                                                                 \
        shmem_get##BITS(back, from, 3, right);                                                            \
        shmem_get##BITS##_nbi(back + 3 * kOne, from + 3 * kOne, 2, right);                                \
        shmem_iget##BITS(back + 5 * kOne, from + 5 * kOne, 2, 3, 2, right);                               \
        shmem_ctx_get##BITS(SHMEM_CTX_DEFAULT, back + 10 * kOne, from + 10 * kOne, 1, right);             \
        shmem_ctx_get##BITS##_nbi(SHMEM_CTX_DEFAULT, back + 11 * kOne, from + 11 * kOne, 1, right);       \
        shmem_ctx_iget##BITS(SHMEM_CTX_DEFAULT, back + 12 * kOne, from + 12 * kOne, 1, 1, 1, right);      \
        shmem_quiet();                                                                                    \
        for (int i = 0; i < kAll; i++) {                                                                  \
            int e = i / kOne, source = e == 7 ? i + kOne : i, got = e < 6 || e == 7 || (e >= 10 && e < 13); \
            CHECK(back[i] == (got ? (unsigned char)(right + source) : 0));                                \
        }                                                                                                 \
        shmem_free(to);                                                                                   \
        shmem_free(from);                                                                                 \
    }
SIZE_TEST(8)
SIZE_TEST(16)
SIZE_TEST(32)
SIZE_TEST(64)
SIZE_TEST(128)

/* More than any slot or chunk, from the heap and from memory of this PE alone, into the heap and such memory. */
static void test_mem(void)
{
    char *to = shmem_malloc(4 * kBig), *from = shmem_malloc(kBig), *own = malloc(kBig);
    for (int i = 0; i < kBig; i++) own[i] = from[i] = (char)(me + i % 101);
    shmem_barrier_all();
    shmem_putmem(to, own, kBig, right);
    shmem_putmem_nbi(to + kBig, from, kBig, right);
    shmem_ctx_putmem(SHMEM_CTX_DEFAULT, to + 2 * kBig, from, kBig, right);
    shmem_ctx_putmem_nbi(SHMEM_CTX_DEFAULT, to + 3 * kBig, own, kBig, right);
    shmem_putmem(to, own, 0, right);
    shmem_barrier_all();
    for (int i = 0; i < 4 * kBig; i++) CHECK(to[i] == (char)(left + i % kBig % 101));
    shmem_barrier_all();
    memset(own, 0, kBig);
    shmem_getmem(own, from, kBig, right);
    shmem_getmem_nbi(to, from, kBig, right);
    shmem_ctx_getmem(SHMEM_CTX_DEFAULT, to + kBig, from, kBig, right);
    shmem_ctx_getmem_nbi(SHMEM_CTX_DEFAULT, to + 2 * kBig, from, kBig, right);
    shmem_quiet();
    for (int i = 0; i < 3 * kBig; i++) CHECK(to[i] == (char)(right + i % kBig % 101));
    for (int i = 0; i < kBig; i++) CHECK(own[i] == (char)(right + i % 101));
    free(own);
    shmem_free(to);
    shmem_free(from);
}

/* Who sees what was put behind a fence sees what was put before it. */
static void test_fence(void)
{
    enum { kRounds = 50, kWords = 300 };
    long *data = shmem_calloc(kWords * kRounds, sizeof(long)), *source = shmem_malloc(kWords * kRounds * sizeof(long));
    long *flag = shmem_calloc(1, sizeof(long));
    shmem_ctx_t ctx;
    CHECK(shmem_ctx_create(SHMEM_CTX_PRIVATE, &ctx) == 0);
    for (long round = 1; round <= kRounds; round++) {
        long at = (round - 1) * kWords;
        shmem_ctx_t on = round % 2 ? ctx : SHMEM_CTX_DEFAULT;
        for (int i = 0; i < kWords; i++) source[at + i] = round * 1000 + i;
        shmem_put_nbi(on, data + at, source + at, kWords, right);
        shmem_ctx_fence(on);
        shmem_p(on, flag, round, right);
        while (shmem_g(flag, me) < round) {}
        for (int i = 0; i < kWords; i++) CHECK(data[at + i] == round * 1000 + i);
        shmem_barrier_all();
    }
    shmem_fence();
    shmem_ctx_destroy(ctx);
    shmem_free(data);
    shmem_free(source);
    shmem_free(flag);
}

static void test_contexts(void)
{
    enum { kMany = 20 };
    shmem_ctx_t ctx[kMany], none = SHMEM_CTX_INVALID, untouched = SHMEM_CTX_INVALID;
    shmem_team_t team;
    int *word = shmem_calloc(kMany, sizeof(int));
    CHECK(shmem_ctx_create(1l << 20, &untouched) != 0 && untouched == SHMEM_CTX_INVALID);
    /* Not collective: each PE makes a number of its own. */
    for (int i = 0; i < kMany - me; i++) {
        CHECK(shmem_ctx_create(i % 2 ? SHMEM_CTX_SERIALIZED : SHMEM_CTX_NOSTORE, &ctx[i]) == 0);
        CHECK(ctx[i] != SHMEM_CTX_INVALID && ctx[i] != SHMEM_CTX_DEFAULT && (i == 0 || ctx[i] != ctx[i - 1]));
        shmem_ctx_int_p(ctx[i], &word[i], 7 + me, right);
    }
    for (int i = 0; i < kMany - me; i++) {
        shmem_ctx_quiet(ctx[i]);
        CHECK(shmem_int_g(&word[i], right) == 7 + me);
        CHECK(shmem_ctx_get_team(ctx[i], &team) == 0 && team == SHMEM_TEAM_WORLD);
        shmem_ctx_destroy(ctx[i]);
    }
    CHECK(shmem_ctx_get_team(none, &team) != 0 && team == SHMEM_TEAM_INVALID);
    shmem_ctx_destroy(none);
    shmem_barrier_all();
    shmem_free(word);
}

static void test_memory(void)
{
    char *a = shmem_malloc(100), *b = shmem_align(4096, 100), *c = shmem_malloc_with_hints(64, SHMEM_MALLOC_SIGNAL_REMOTE);
    CHECK(a && b && c && (uintptr_t)b % 4096 == 0);
    CHECK(shmem_malloc(0) == NULL && shmem_align(3, 64) == NULL && shmem_malloc((size_t)1 << 60) == NULL);
    for (int i = 0; i < 100; i++) a[i] = (char)i;
    a = shmem_realloc(a, 5000);
    for (int i = 0; i < 100; i++) CHECK(a[i] == i);
    a = shmem_realloc(a, 50);
    for (int i = 0; i < 50; i++) CHECK(a[i] == i);
    CHECK(shmem_realloc(a, 0) == NULL);
    a = shmem_realloc(NULL, 10);
    CHECK(a && shmem_addr_accessible(a, right) && !shmem_addr_accessible(a, n_pes) && !shmem_addr_accessible(&a, right));
    CHECK(shmem_pe_accessible(right) && !shmem_pe_accessible(n_pes) && !shmem_pe_accessible(-1));
    int on_stack;
    CHECK(shmem_ptr(a, me) == a && shmem_ptr(&on_stack, me) == NULL && shmem_ptr(a, n_pes) == NULL);
    *a = 5;
    shmem_barrier_all();
    char *there = shmem_ptr(a, right);
    if (there) there[1] = (char)(*there + me);
    shmem_barrier_all();
    if (there) CHECK(a[1] == 5 + left);
    shmem_free(NULL);
    shmem_free(a);
    shmem_free(b);
    shmem_free(c);
}

static void test_info(void)
{
    int major, minor, level;
    char name[SHMEM_MAX_NAME_LEN];
    shmem_info_get_version(&major, &minor);
    shmem_info_get_name(name);
    shmem_query_thread(&level);
    shmem_pcontrol(1);
    CHECK(major == SHMEM_MAJOR_VERSION && minor == SHMEM_MINOR_VERSION && strcmp(name, SHMEM_VENDOR_STRING) == 0);
    CHECK(level == SHMEM_THREAD_MULTIPLE);
}

int main(void)
{
    int provided;
    if (shmem_init_thread(SHMEM_THREAD_MULTIPLE, &provided)) return 2;
    me = shmem_my_pe();
    n_pes = shmem_n_pes();
    right = (me + 1) % n_pes;
    left = (me + n_pes - 1) % n_pes;
    CHECK(provided == SHMEM_THREAD_MULTIPLE);
#define TYPE_RUN(NAME, TYPE) test_##NAME();
    TYPES(TYPE_RUN)
    test_8();
    test_16();
    test_32();
    test_64();
    test_128();
    test_mem();
    test_fence();
    test_contexts();
    test_memory();
    test_info();
    shmem_sync_all();
    return all_right();
}
