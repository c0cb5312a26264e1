/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams, contexts of teams, and collectives of all types on them. */
#include <complex.h>

#include "check.h"

static int me, n_pes;
enum { kElems = 40, kPes = 8 };

/* Every collective that moves data, over a team; dest and source are symmetric and large enough for kPes parts. */
#define MOVE_TEST(NAME, TYPE)                                                                         \
    static void move_##NAME(shmem_team_t team)                                                        \
    {                                                                                                 \
        static TYPE in[2 * kPes * kElems], out[2 * kPes * kElems];                                    \
        const int rank = shmem_team_my_pe(team), size = shmem_team_n_pes(team), root = size - 1;      \
        for (int i = 0; i < 2 * kPes * kElems; i++) out[i] = (TYPE)(rank * 5 + i % 60);               \
        memset(in, 0, sizeof in);                                                                     \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_##NAME##_broadcast(team, in, out, kElems, root) == 0);                            \
        for (int i = 0; i < kElems; i++) CHECK(in[i] == (TYPE)(root * 5 + i % 60));                   \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_fcollect(team, in, out, kElems) == 0);                                            \
        for (int i = 0; i < size * kElems; i++) CHECK(in[i] == (TYPE)(i / kElems * 5 + i % kElems % 60)); \
        shmem_team_sync(team);                                                                        \
        /* Of another length from each, the first has none. */                                        \
        CHECK(shmem_collect(team, in, out, (size_t)rank) == 0);                                       \
        for (int pe = 0, at = 0; pe < size; pe++)                                                     \
            for (int i = 0; i < pe; i++) CHECK(in[at++] == (TYPE)(pe * 5 + i));                       \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_##NAME##_alltoall(team, in, out, kElems) == 0);                                   \
        for (int i = 0; i < size * kElems; i++)                                                       \
            CHECK(in[i] == (TYPE)(i / kElems * 5 + (rank * kElems + i % kElems) % 60));               \
        memset(in, 0, sizeof in);                                                                     \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_alltoalls(team, in, out, 2, 1, kElems) == 0);                                     \
        for (int i = 0; i < size * kElems; i++) {                                                     \
            CHECK(in[2 * i] == (TYPE)(i / kElems * 5 + (rank * kElems + i % kElems) % 60));           \
            CHECK(in[2 * i + 1] == 0);                                                                \
        }                                                                                             \
        shmem_team_sync(team);                                                                        \
    }
#define MOVE_TYPES(X)                                                                                          \
    X(float, float) X(double, double) X(longdouble, long double) X(char, char) X(schar, signed char)           \
    X(short, short) X(int, int) X(long, long) X(longlong, long long) X(uchar, unsigned char)                   \
    X(ushort, unsigned short) X(uint, unsigned int) X(ulong, unsigned long) X(ulonglong, unsigned long long)   \
    X(int8, int8_t) X(int16, int16_t) X(int32, int32_t) X(int64, int64_t) X(uint8, uint8_t)                    \
    X(uint16, uint16_t) X(uint32, uint32_t) X(uint64, uint64_t) X(size, size_t) X(ptrdiff, ptrdiff_t)
MOVE_TYPES(MOVE_TEST)

/* dest[i] of all is what a loop over the members finds; in place too. */
#define REDUCE_CHECK(NAME, TYPE, OP, BEGIN, STEP)                                                     \
    {                                                                                                 \
        static TYPE dest[kElems], source[kElems];                                                     \
        const int rank = shmem_team_my_pe(team), size = shmem_team_n_pes(team);                       \
        for (int i = 0; i < kElems; i++) source[i] = (TYPE)(rank % 3 + 1 + i % 2);                    \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_##NAME##_##OP##_reduce(team, dest, source, kElems) == 0);                         \
        shmem_team_sync(team);                                                                        \
        CHECK(shmem_##OP##_reduce(team, source, source, kElems) == 0);                                \
        for (int i = 0; i < kElems; i++) {                                                            \
            TYPE all = BEGIN;                                                                         \
            for (int pe = 0; pe < size; pe++) {                                                       \
                TYPE one = (TYPE)(pe % 3 + 1 + i % 2);                                                \
                all = pe == 0 ? one : (TYPE)(STEP);                                                   \
            }                                                                                         \
            CHECK(dest[i] == all && source[i] == all);                                                \
        }                                                                                             \
        shmem_team_sync(team);                                                                        \
    }
#define SUMS(NAME, TYPE)                                             \
    static void sums_##NAME(shmem_team_t team)                       \
    {                                                                \
        REDUCE_CHECK(NAME, TYPE, sum, 0, all + one)                  \
        REDUCE_CHECK(NAME, TYPE, prod, 0, all * one)                 \
    }
#define EXTREMES(NAME, TYPE)                                         \
    static void extremes_##NAME(shmem_team_t team)                   \
    {                                                                \
        REDUCE_CHECK(NAME, TYPE, max, 0, all > one ? all : one)      \
        REDUCE_CHECK(NAME, TYPE, min, 0, all < one ? all : one)      \
    }
#define BITS(NAME, TYPE)                                             \
    static void bits_##NAME(shmem_team_t team)                       \
    {                                                                \
        REDUCE_CHECK(NAME, TYPE, and, 0, all & one)                  \
        REDUCE_CHECK(NAME, TYPE, or, 0, all | one)                   \
        REDUCE_CHECK(NAME, TYPE, xor, 0, all ^ one)                  \
    }
#define BIT_TYPES(X)                                                                                       \
    X(uchar, unsigned char) X(ushort, unsigned short) X(uint, unsigned int) X(ulong, unsigned long)        \
    X(ulonglong, unsigned long long) X(int8, int8_t) X(int16, int16_t) X(int32, int32_t) X(int64, int64_t) \
    X(uint8, uint8_t) X(uint16, uint16_t) X(uint32, uint32_t) X(uint64, uint64_t) X(size, size_t)
MOVE_TYPES(SUMS)
SUMS(complexf, float _Complex)
SUMS(complexd, double _Complex)
MOVE_TYPES(EXTREMES)
BIT_TYPES(BITS)

static void bytes(shmem_team_t team)
{
    static char in[kPes * 4], out[kPes * 4];
    const int rank = shmem_team_my_pe(team), size = shmem_team_n_pes(team);
    for (int i = 0; i < kPes * 4; i++) out[i] = (char)(rank + i);
    shmem_team_sync(team);
    CHECK(shmem_broadcastmem(team, in, out, 3, 0) == 0 && in[2] == 2);
    shmem_team_sync(team);
    CHECK(shmem_fcollectmem(team, in, out, 2) == 0 && in[2 * size - 1] == size);
    shmem_team_sync(team);
    CHECK(shmem_collectmem(team, in, out, 1) == 0 && in[size - 1] == size - 1);
    shmem_team_sync(team);
    CHECK(shmem_alltoallmem(team, in, out, 2) == 0 && in[2 * size - 1] == size - 1 + 2 * rank + 1);
    shmem_team_sync(team);
    CHECK(shmem_alltoallsmem(team, in, out, 1, 2, 1) == 0 && in[size - 1] == size - 1 + 2 * rank);
    shmem_team_sync(team);
}

static void collectives(shmem_team_t team)
{
#define RUN_MOVE(NAME, TYPE) move_##NAME(team);
#define RUN_SUMS(NAME, TYPE) sums_##NAME(team);
#define RUN_EXTREMES(NAME, TYPE) extremes_##NAME(team);
#define RUN_BITS(NAME, TYPE) bits_##NAME(team);
    MOVE_TYPES(RUN_MOVE)
    MOVE_TYPES(RUN_SUMS)
    sums_complexf(team);
    sums_complexd(team);
    MOVE_TYPES(RUN_EXTREMES)
    BIT_TYPES(RUN_BITS)
    bytes(team);
}

/* The members number n from last down in steps of two. */
static void strided(void)
{
    const int n = (n_pes + 1) / 2, last = n_pes - 1;
    shmem_team_t team = SHMEM_TEAM_WORLD, none;
    shmem_team_config_t config = {.num_contexts = 3}, read = {0};
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, last, -2, n, &config, SHMEM_TEAM_NUM_CONTEXTS, &team) == 0);
    const int member = (last - me) % 2 == 0;
    CHECK((team != SHMEM_TEAM_INVALID) == member);
    CHECK(shmem_team_my_pe(team) == (member ? (last - me) / 2 : -1));
    CHECK(shmem_team_n_pes(team) == (member ? n : -1));
    if (member) {
        CHECK(shmem_team_get_config(team, SHMEM_TEAM_NUM_CONTEXTS, &read) == 0 && read.num_contexts == 3);
        CHECK(shmem_team_translate_pe(team, n - 1, SHMEM_TEAM_WORLD) == last - 2 * (n - 1));
        CHECK(shmem_team_translate_pe(SHMEM_TEAM_WORLD, me, team) == (last - me) / 2);
        CHECK(n_pes < 2 || shmem_team_translate_pe(SHMEM_TEAM_WORLD, last - 1, team) == -1);
        CHECK(shmem_team_translate_pe(team, n, SHMEM_TEAM_WORLD) == -1);
        collectives(team);

        /* PEs of a context are those of its team. */
        static long word;
        shmem_ctx_t ctx;
        shmem_team_t of_ctx;
        CHECK(shmem_team_create_ctx(team, 0, &ctx) == 0);
        CHECK(shmem_ctx_get_team(ctx, &of_ctx) == 0 && of_ctx == team);
        const int rank = shmem_team_my_pe(team), right = (rank + 1) % n;
        word = -1;
        shmem_team_sync(team);
        shmem_p(ctx, &word, rank, right);
        shmem_ctx_quiet(ctx);
        shmem_team_sync(team);
        CHECK(word == (rank + n - 1) % n && shmem_g(ctx, &word, right) == rank);
        shmem_team_sync(team);
        shmem_atomic_add(ctx, &word, 10, right);
        shmem_ctx_quiet(ctx);
        shmem_team_sync(team);
        CHECK(word == (rank + n - 1) % n + 10);
        shmem_ctx_destroy(ctx);
    }
    CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n_pes + 1, NULL, 0, &none) != 0 && none == SHMEM_TEAM_INVALID);
    CHECK(shmem_team_split_strided(SHMEM_TEAM_INVALID, 0, 1, 1, NULL, 0, &none) != 0 && none == SHMEM_TEAM_INVALID);
    shmem_team_destroy(team);
}

static void grid(void)
{
    const int xrange = n_pes > 2 ? 2 : 1;
    shmem_team_t x, y;
    CHECK(shmem_team_split_2d(SHMEM_TEAM_WORLD, xrange, NULL, 0, &x, NULL, 0, &y) == 0);
    CHECK(shmem_team_my_pe(x) == me % xrange && shmem_team_my_pe(y) == me / xrange);
    int of_row = n_pes - me / xrange * xrange;
    CHECK(shmem_team_n_pes(x) == (of_row < xrange ? of_row : xrange));
    CHECK(shmem_team_translate_pe(y, 0, SHMEM_TEAM_WORLD) == me % xrange);
    bytes(y);
    shmem_team_destroy(y);
    shmem_team_destroy(x);
}

int main(void)
{
    shmem_init();
    me = shmem_my_pe();
    n_pes = shmem_n_pes();
    static int word;
    CHECK(shmem_team_my_pe(SHMEM_TEAM_WORLD) == me && shmem_team_n_pes(SHMEM_TEAM_WORLD) == n_pes);
    /* Who is in SHMEM_TEAM_SHARED is who shmem_ptr reaches. */
    for (int pe = 0; pe < n_pes; pe++)
        CHECK((shmem_team_translate_pe(SHMEM_TEAM_WORLD, pe, SHMEM_TEAM_SHARED) >= 0) == (shmem_ptr(&word, pe) != NULL));
    CHECK(shmem_team_sync(SHMEM_TEAM_SHARED) == 0 && shmem_sync(SHMEM_TEAM_WORLD) == 0);
    CHECK(shmem_team_sync(SHMEM_TEAM_INVALID) != 0);
    collectives(SHMEM_TEAM_WORLD);
    strided();
    grid();
    shmem_team_destroy(SHMEM_TEAM_INVALID);
    /* No more than there is room for, and all come back. */
    for (int round = 0; round < 100; round++) {
        shmem_team_t team;
        CHECK(shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, n_pes, NULL, 0, &team) == 0);
        shmem_team_destroy(team);
    }
    return all_right();
}
