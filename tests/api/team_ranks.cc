/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams and their collectives over all ranks of a job, on whatever transport the environment asks for. */
#include <algorithm>
#include <complex>
#include <string>
#include <vector>

#include "check.h"

namespace {

/* What member m of a team has at i in round `round`. */
uint64_t value_of(int m, size_t i, int round) { return static_cast<uint64_t>(m + 1) * 1000003 + i * 7919 + static_cast<uint64_t>(round) * 31; }

struct Shape {
    pmx_team_t team;
    int rank, size;
};

Shape shape_of(pmx_team_t team)
{
    Shape s{team, -1, 0};
    CHECK_OK(pmx_team_rank(team, &s.rank));
    CHECK_OK(pmx_team_size(team, &s.size));
    return s;
}

constexpr size_t kMostElems = 40000; /* of 8 bytes: large in every collective */
uint64_t *src, *dst;

void broadcast_reaches_all(const Shape& s)
{
    int round = 0;
    for (size_t n : {size_t{1}, size_t{2048}, size_t{2049}, size_t{20000}, kMostElems})
        for (int root = 0; root < s.size; root++, round++) {
            for (size_t i = 0; i < n; i++) src[i] = value_of(s.rank, i, round);
            std::fill_n(dst, n, 0);
            CHECK_OK(pmx_broadcast(s.team, dst, src, n * 8, root));
            for (size_t i = 0; i < n; i++) CHECK(dst[i] == value_of(root, i, round));
        }
    /* A root that runs ahead overwrites nothing that another has not read yet. */
    for (int i = 0; i < 2000; i++) {
        src[0] = value_of(s.rank, 0, i);
        CHECK_OK(pmx_broadcast(s.team, dst, src, 8, 0));
        CHECK(dst[0] == value_of(0, 0, i));
    }
}

void allgather_keeps_the_order(const Shape& s)
{
    const size_t members = static_cast<size_t>(s.size);
    int round = 0;
    for (size_t n : {size_t{1}, size_t{100}, size_t{3000}, kMostElems / 8})
        for (int again = 0; again < 3; again++, round++) {
            for (size_t i = 0; i < n; i++) src[i] = value_of(s.rank, i, round);
            std::fill_n(dst, members * n, 0);
            CHECK_OK(pmx_allgather(s.team, dst, src, n * 8));
            for (int m = 0; m < s.size; m++)
                for (size_t i = 0; i < n; i++) CHECK(dst[static_cast<size_t>(m) * n + i] == value_of(m, i, round));
        }
    /* Different sizes; some give nothing. */
    for (size_t unit : {size_t{1}, size_t{500}}) {
        size_t mine = unit * static_cast<size_t>(s.rank % 3), at = 0;
        for (size_t i = 0; i < mine; i++) src[i] = value_of(s.rank, i, 99);
        CHECK_OK(pmx_allgatherv(s.team, dst, src, mine * 8));
        for (int m = 0; m < s.size; m++)
            for (size_t i = 0; i < unit * static_cast<size_t>(m % 3); i++) CHECK(dst[at++] == value_of(m, i, 99));
    }
}

void alltoall_exchanges(const Shape& s)
{
    const size_t members = static_cast<size_t>(s.size);
    int round = 0;
    for (size_t n : {size_t{1}, size_t{200}, kMostElems / 8})
        for (int again = 0; again < 3; again++, round++) {
            for (size_t to = 0; to < members; to++)
                for (size_t i = 0; i < n; i++) src[to * n + i] = value_of(s.rank, i, round) ^ to << 40;
            std::fill_n(dst, members * n, 0);
            CHECK_OK(pmx_alltoall(s.team, dst, src, n * 8));
            for (int m = 0; m < s.size; m++)
                for (size_t i = 0; i < n; i++)
                    CHECK(dst[static_cast<size_t>(m) * n + i] ==
                          (value_of(m, i, round) ^ static_cast<uint64_t>(s.rank) << 40));
        }
}

/* Small numbers, which no type loses. */
template <typename T>
T small_value(int m, size_t i)
{
    return static_cast<T>(static_cast<int>((static_cast<size_t>(m) * 5 + i * 3) % 7 + 1));
}

template <typename T>
T fold(pmx_op_t op, T a, T b)
{
    if (op == PMX_OP_SUM) return static_cast<T>(a + b);
    if (op == PMX_OP_PROD) return static_cast<T>(a * b);
    if constexpr (std::is_arithmetic_v<T>) {
        if (op == PMX_OP_MIN) return std::min(a, b);
        if (op == PMX_OP_MAX) return std::max(a, b);
    }
    if constexpr (std::is_integral_v<T>) {
        if (op == PMX_OP_AND) return static_cast<T>(a & b);
        if (op == PMX_OP_OR) return static_cast<T>(a | b);
        return static_cast<T>(a ^ b);
    }
    return a;
}

template <typename T>
void allreduce_of(const Shape& s, pmx_type_t type, pmx_op_t last_op)
{
    T *in = reinterpret_cast<T*>(src), *out = reinterpret_cast<T*>(dst);
    for (int op = PMX_OP_SUM; op <= last_op; op++) {
        for (size_t n : {size_t{1}, size_t{777}, kMostElems}) {
            if (n == kMostElems && op != PMX_OP_SUM && op != PMX_OP_MAX) continue;
            if (n * sizeof(T) > kMostElems * 8) n = kMostElems * 8 / sizeof(T);
            for (size_t i = 0; i < n; i++) in[i] = small_value<T>(s.rank, i);
            bool in_place = n == 777;
            CHECK_OK(pmx_allreduce(s.team, in_place ? in : out, in, n, type, static_cast<pmx_op_t>(op)));
            for (size_t i = 0; i < n; i++) {
                T expected = small_value<T>(0, i);
                for (int m = 1; m < s.size; m++)
                    expected = fold(static_cast<pmx_op_t>(op), expected, small_value<T>(m, i));
                CHECK((in_place ? in : out)[i] == expected);
            }
        }
    }
    for (int op = last_op + 1; op <= PMX_OP_XOR; op++)
        CHECK(pmx_allreduce(s.team, out, in, 1, type, static_cast<pmx_op_t>(op)) == PMX_ERR_ARGUMENT);
}

void allreduce_has_all_types(const Shape& s)
{
    allreduce_of<int8_t>(s, PMX_INT8, PMX_OP_XOR);
    allreduce_of<int16_t>(s, PMX_INT16, PMX_OP_XOR);
    allreduce_of<int32_t>(s, PMX_INT32, PMX_OP_XOR);
    allreduce_of<int64_t>(s, PMX_INT64, PMX_OP_XOR);
    allreduce_of<uint8_t>(s, PMX_UINT8, PMX_OP_XOR);
    allreduce_of<uint16_t>(s, PMX_UINT16, PMX_OP_XOR);
    allreduce_of<uint32_t>(s, PMX_UINT32, PMX_OP_XOR);
    allreduce_of<uint64_t>(s, PMX_UINT64, PMX_OP_XOR);
    allreduce_of<float>(s, PMX_FLOAT, PMX_OP_MAX);
    allreduce_of<double>(s, PMX_DOUBLE, PMX_OP_MAX);
    allreduce_of<long double>(s, PMX_LONG_DOUBLE, PMX_OP_MAX);
    allreduce_of<std::complex<float>>(s, PMX_FLOAT_COMPLEX, PMX_OP_PROD);
    allreduce_of<std::complex<double>>(s, PMX_DOUBLE_COMPLEX, PMX_OP_PROD);
}

/* Sums of floats depend on their order, but not on who looks; also in place and for large ones. */
void allreduce_is_the_same_everywhere(const Shape& s)
{
    double* in = reinterpret_cast<double*>(src);
    for (size_t n : {size_t{64}, size_t{20000}}) {
        for (size_t i = 0; i < n; i++) in[i] = 1.0 / (static_cast<double>(i) + 3.0 + 17.0 * s.rank);
        CHECK_OK(pmx_allreduce(s.team, in, in, n, PMX_DOUBLE, PMX_OP_SUM));
        std::memcpy(dst, src, n * 8);
        std::vector<uint64_t> mine(src, src + n);
        CHECK_OK(pmx_broadcast(s.team, dst, src, n * 8, s.size - 1));
        for (size_t i = 0; i < n; i++) CHECK(dst[i] == mine[i]);
    }
}

/* A put is seen behind the barrier of the team; sync waits for all members. */
void barrier_completes(const Shape& s)
{
    pmx_team_t world;
    CHECK_OK(pmx_team_world(&world));
    int right = 0;
    CHECK_OK(pmx_team_translate(s.team, (s.rank + 1) % s.size, world, &right));
    for (uint64_t round = 1; round <= 50; round++) {
        src[0] = round * 1000 + static_cast<uint64_t>(s.rank);
        CHECK_OK(pmx_put_nbi(PMX_CTX_DEFAULT, dst, src, 8, right));
        CHECK_OK(pmx_team_barrier(s.team));
        CHECK(dst[0] == round * 1000 + static_cast<uint64_t>((s.rank + s.size - 1) % s.size));
        CHECK_OK(pmx_team_sync(s.team));
    }
}

void all_collectives(pmx_team_t team)
{
    Shape s = shape_of(team);
    barrier_completes(s);
    broadcast_reaches_all(s);
    allgather_keeps_the_order(s);
    alltoall_exchanges(s);
    allreduce_is_the_same_everywhere(s);
}

void strided_teams_have_their_members()
{
    pmx_team_t world, odd, back;
    CHECK_OK(pmx_team_world(&world));
    int n_odd = size / 2;
    if (n_odd) {
        CHECK_OK(pmx_team_split_strided(world, 1, 2, n_odd, &odd));
        CHECK((odd == PMX_TEAM_NONE) == (rank % 2 == 0));
        if (odd != PMX_TEAM_NONE) {
            Shape s = shape_of(odd);
            CHECK(s.size == n_odd && s.rank == rank / 2);
            all_collectives(odd);
        }
        int there = -2;
        if (odd != PMX_TEAM_NONE) {
            CHECK_OK(pmx_team_translate(world, 0, odd, &there));
            CHECK(there == -1);
            CHECK_OK(pmx_team_translate(odd, n_odd - 1, world, &there));
            CHECK(there == 2 * n_odd - 1);
            CHECK(pmx_team_translate(odd, n_odd, world, &there) == PMX_ERR_RANK);
            CHECK_OK(pmx_team_free(odd));
            CHECK(pmx_team_sync(odd) == PMX_ERR_ARGUMENT);
        }
    }
    CHECK_OK(pmx_team_split_strided(world, size - 1, -1, size, &back));
    Shape s = shape_of(back);
    CHECK(s.rank == size - 1 - rank);
    all_collectives(back);
    CHECK_OK(pmx_team_free(back));
}

/* Over and over, so that slots are used again by teams of other members, and teams of teams. */
void colors_make_teams()
{
    pmx_team_t world;
    CHECK_OK(pmx_team_world(&world));
    for (int round = 0; round < 30; round++) {
        int n_colors = round % 3 + 1, color = (rank + round) % n_colors;
        pmx_team_t team, half;
        CHECK_OK(pmx_team_split_color(world, color, -rank, &team));
        Shape s = shape_of(team);
        int expected_size = 0, before = 0;
        for (int r = 0; r < size; r++) {
            if ((r + round) % n_colors != color) continue;
            expected_size++;
            before += r > rank; /* the key turns the order round */
        }
        CHECK(s.size == expected_size && s.rank == before);
        CHECK_OK(pmx_team_split_color(team, s.rank < (s.size + 1) / 2 ? 0 : -1, 0, &half));
        CHECK((half != PMX_TEAM_NONE) == (s.rank < (s.size + 1) / 2));
        uint64_t* sum = dst;
        *src = 1;
        CHECK_OK(pmx_allreduce(team, sum, src, 1, PMX_UINT64, PMX_OP_SUM));
        CHECK(*sum == static_cast<uint64_t>(s.size));
        if (half != PMX_TEAM_NONE) {
            CHECK_OK(pmx_allreduce(half, sum, src, 1, PMX_UINT64, PMX_OP_SUM));
            CHECK(*sum == static_cast<uint64_t>((s.size + 1) / 2));
            CHECK_OK(pmx_team_free(half));
        }
        CHECK_OK(pmx_team_free(team));
    }
}

void there_are_64_teams()
{
    pmx_team_t world, teams[64], more = PMX_TEAM_NONE;
    CHECK_OK(pmx_team_world(&world));
    for (int i = 0; i < 63; i++) CHECK_OK(pmx_team_split_strided(world, 0, 1, size, &teams[i]));
    CHECK(pmx_team_split_strided(world, 0, 1, size, &more) == PMX_ERR_MEMORY);
    CHECK(more == PMX_TEAM_NONE);
    for (int i = 0; i < 63; i++) CHECK_OK(pmx_team_free(teams[i]));
    CHECK_OK(pmx_team_split_strided(world, 0, 1, size, &more));
    CHECK_OK(pmx_team_free(more));
}

void bad_arguments_are_refused()
{
    pmx_team_t world, team = PMX_TEAM_NONE;
    int out;
    CHECK_OK(pmx_team_world(&world));
    CHECK(pmx_team_world(nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_size(PMX_TEAM_NONE, &out) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_size(world, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_free(world) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_split_strided(world, 0, 1, size + 1, &team) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_split_strided(world, 0, 1, 0, &team) == PMX_ERR_ARGUMENT);
    CHECK(pmx_team_split_strided(world, size, 1, 1, &team) == PMX_ERR_RANK);
    if (size > 1) CHECK(pmx_team_split_strided(world, 1, 1, size, &team) == PMX_ERR_RANK);
    /* A bad argument on one member is an error on all, and nobody waits. */
    if (size > 1) {
        CHECK(pmx_team_split_strided(world, rank == 0 ? -1 : 0, 1, 1, &team) == PMX_ERR_RANK);
        CHECK(pmx_team_split_strided(world, 0, 1, rank == 0 ? 1 : 2, &team) == PMX_ERR_MISMATCH);
        int err = pmx_team_split_color(world, rank == 0 ? -2 : 0, 0, &team);
        CHECK(err == PMX_ERR_ARGUMENT);
    }
    CHECK(team == PMX_TEAM_NONE);
    CHECK(pmx_broadcast(world, dst, src, 8, size) == PMX_ERR_RANK);
    CHECK(pmx_broadcast(world, &out, src, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_allgather(world, dst, &out, 8) == PMX_ERR_ADDRESS);
    CHECK(pmx_alltoall(world, dst, src, SIZE_MAX / 2) == PMX_ERR_ADDRESS);
    CHECK(pmx_allgatherv(world, &out, src, 8) == PMX_ERR_ADDRESS);
    CHECK(pmx_allreduce(world, dst, src, SIZE_MAX / 4, PMX_INT64, PMX_OP_SUM) == PMX_ERR_ADDRESS);
    CHECK(pmx_allreduce(world, dst, src, 1, static_cast<pmx_type_t>(13), PMX_OP_SUM) == PMX_ERR_ARGUMENT);
    CHECK(pmx_allreduce(world, dst, src, 1, PMX_INT64, static_cast<pmx_op_t>(7)) == PMX_ERR_ARGUMENT);
    CHECK_OK(pmx_broadcast(world, dst, src, 0, 0));
    CHECK_OK(pmx_team_barrier(world));
}

}  // namespace

int main()
{
    pmx_team_t world;
    CHECK(pmx_team_world(&world) == PMX_ERR_STATE);
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    src = sym<uint64_t>(kMostElems);
    dst = sym<uint64_t>(kMostElems);
    CHECK_OK(pmx_team_world(&world));
    all_collectives(world);
    allreduce_has_all_types(shape_of(world));
    strided_teams_have_their_members();
    colors_make_teams();
    there_are_64_teams();
    bad_arguments_are_refused();
    CHECK_OK(pmx_free(dst));
    CHECK_OK(pmx_free(src));
    CHECK_OK(pmx_finalize());
    if (rank == 0) std::printf("ok\n");
    return 0;
}
