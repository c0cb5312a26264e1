/* SPDX-License-Identifier: BSD-3-Clause */
/* soak_ranks N SEED: random operations until all ranks together have made N of them, against a model. What a
 * rank does in a round follows from the seed, the round and its number, so each rank knows what all others
 * send to it, and looks at all of it: data when their signal is seen, all else behind a barrier.
 *
 * With PMX_SOFTNIC_SWITCH rank 0 turns the faults on and off as rounds go by. Rank 0 prints the numbers at
 * the end. */
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <string>
#include <vector>

#include "../api/check.h"

namespace {

constexpr size_t kMost = 48, kSlotWords = 64; /* operations of a rank in a round; 8-byte words of one */
constexpr size_t kCounters = 4, kBoardWords = 512;

/* SplitMix64 (Steele, Lea and Flood 2014). */
struct Random {
    uint64_t state;
    uint64_t next()
    {
        uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        return z ^ z >> 31;
    }
    size_t any(size_t n) { return next() % n; }
};
uint64_t mix(uint64_t a, uint64_t b, uint64_t c) { return Random{a * 0x100000001b3 ^ b << 40 ^ c}.next(); }

enum class Kind : uint8_t { put, put_signal_set, put_signal_add, put_signal, group, get, atomic, fetch };
struct Operation {
    Kind kind;
    int to;
    size_t n;  /* words */
    size_t at; /* place: of a counter, in a board, or of words in the slot */
    uint64_t value;
};

uint64_t seed;
uint64_t *in, *out, *board, *signals, *counters, *got, *sums; /* symmetric */
std::vector<uint64_t> n_adds; /* by sender and slot: what its signal word counts */
std::vector<uint64_t> expected_counters;

/* What rank r does in a round, in order: n_out operations. The slot of an operation is its number. */
size_t plan(int r, uint64_t round, std::array<Operation, kMost>& operations_out)
{
    Random random{mix(seed, round, static_cast<uint64_t>(r))};
    const size_t n = 1 + random.any(kMost);
    for (size_t i = 0; i < n; i++) {
        Operation& o = operations_out[i];
        o.kind = static_cast<Kind>(random.any(8));
        o.to = static_cast<int>(random.any(static_cast<size_t>(size)));
        o.n = random.any(4) ? 1 + random.any(8) : 1 + random.any(kSlotWords);
        o.at = o.kind == Kind::get      ? random.any(kBoardWords - o.n)
               : o.kind >= Kind::atomic ? random.any(kCounters)
                                        : random.any(kSlotWords - o.n + 1);
        o.value = random.next();
    }
    return n;
}

size_t slot_index(int from, size_t slot) { return static_cast<size_t>(from) * kMost + slot; }
uint64_t* slot_of(int from, size_t slot) { return in + slot_index(from, slot) * kSlotWords; }
uint64_t board_word(int r, uint64_t round, size_t i)
{
    return mix(seed ^ 1, round << 8 ^ static_cast<uint64_t>(r), i);
}

void wrong(const char* what, uint64_t round, int from, size_t slot)
{
    std::fprintf(stderr, "rank %d: seed %" PRIu64 ", round %" PRIu64 ", operation %zu of rank %d: %s\n", rank,
                 seed, round, slot, from, what);
    std::fflush(stderr);
    std::_Exit(3);
}

void start(uint64_t round, size_t slot, const Operation& o)
{
    constexpr pmx_ctx_t ctx = PMX_CTX_DEFAULT;
    uint64_t* src = out + slot * kSlotWords;
    uint64_t* dst = slot_of(rank, slot) + o.at;
    uint64_t* signal = signals + slot_index(rank, slot);
    for (size_t i = 0; i < o.n; i++) src[i] = o.value + i;
    switch (o.kind) {
        case Kind::put:
            CHECK_OK(pmx_put_nbi(ctx, dst, src, 8 * o.n, o.to));
            break;
        case Kind::put_signal_set:
            CHECK_OK(pmx_put_signal_nbi(ctx, dst, src, 8 * o.n, signal, round + 1, PMX_SIGNAL_SET, o.to));
            break;
        case Kind::put_signal_add:
            CHECK_OK(pmx_put_signal_nbi(ctx, dst, src, 8 * o.n, signal, 1, PMX_SIGNAL_ADD, o.to));
            break;
        case Kind::put_signal:
            CHECK_OK(pmx_put_signal(ctx, dst, src, 8 * o.n, signal, round + 1, PMX_SIGNAL_SET, o.to));
            break;
        case Kind::group: {
            pmx_group_t group;
            CHECK_OK(pmx_group_begin(ctx, o.to, &group));
            for (size_t i = 0; i < o.n; i += 16)
                CHECK_OK(pmx_group_put(group, dst + i, src + i, 8 * std::min<size_t>(16, o.n - i)));
            CHECK_OK(pmx_group_signal(group, signal, round + 1, PMX_SIGNAL_SET));
            CHECK_OK(pmx_group_commit(group));
            break;
        }
        case Kind::get:
            CHECK_OK(pmx_get_nbi(ctx, got + slot * kSlotWords, board + o.at, 8 * o.n, o.to));
            break;
        case Kind::atomic:
            CHECK_OK(pmx_atomic_op(ctx, counters + o.at, PMX_UINT64, PMX_ATOMIC_ADD, &o.value, o.to));
            break;
        case Kind::fetch: {
            uint64_t before;
            CHECK_OK(pmx_atomic_fetch_op(ctx, counters + o.at, PMX_UINT64, PMX_ATOMIC_ADD, &o.value, o.to,
                                         &before));
            break;
        }
    }
}

void look_at_data(uint64_t round, int from, size_t slot, const Operation& o)
{
    const uint64_t* p = slot_of(from, slot) + o.at;
    for (size_t i = 0; i < o.n; i++)
        if (p[i] != o.value + i) wrong("its data are not there", round, from, slot);
}

/* All that has come with a signal. */
void receive(uint64_t round)
{
    std::array<Operation, kMost> theirs;
    for (int from = 0; from < size; from++) {
        const size_t n = plan(from, round, theirs);
        for (size_t slot = 0; slot < n; slot++) {
            const Operation& o = theirs[slot];
            if (o.to != rank || o.kind < Kind::put_signal_set || o.kind > Kind::group) continue;
            const uint64_t* signal = signals + slot_index(from, slot);
            uint64_t& last = n_adds[slot_index(from, slot)];
            last = o.kind == Kind::put_signal_add ? last + 1 : round + 1;
            CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, signal, PMX_CMP_EQ, last, from, 0, nullptr));
            look_at_data(round, from, slot, o);
        }
    }
}

/* Behind quiet and barrier: puts without a signal, gets, counters. */
void look_at_rest(uint64_t round, const std::array<Operation, kMost>& mine, size_t n_mine)
{
    std::array<Operation, kMost> theirs;
    for (int from = 0; from < size; from++) {
        const size_t n = plan(from, round, theirs);
        for (size_t slot = 0; slot < n; slot++) {
            const Operation& o = theirs[slot];
            if (o.to != rank) continue;
            if (o.kind == Kind::put) look_at_data(round, from, slot, o);
            if (o.kind >= Kind::atomic) expected_counters[o.at] += o.value;
        }
    }
    for (size_t slot = 0; slot < n_mine; slot++)
        for (size_t i = 0; mine[slot].kind == Kind::get && i < mine[slot].n; i++)
            if (got[slot * kSlotWords + i] != board_word(mine[slot].to, round, mine[slot].at + i))
                wrong("a get brought something else", round, rank, slot);
    for (size_t i = 0; i < kCounters; i++)
        if (counters[i] != expected_counters[i])
            wrong("a counter is not the sum of what was added", round, rank, i);
}

/* Agrees on the number of operations of all, by a collective that changes from round to round. */
uint64_t sum_of_all(uint64_t round, uint64_t mine)
{
    pmx_team_t world;
    CHECK_OK(pmx_team_world(&world));
    sums[0] = mine;
    if (round % 3 == 0) {
        CHECK_OK(pmx_allgather(world, sums + 2, sums, 8));
        sums[1] = 0;
        for (int r = 0; r < size; r++) sums[1] += sums[2 + r];
    } else {
        CHECK_OK(pmx_allreduce(world, sums + 1, sums, 1, PMX_UINT64, PMX_OP_SUM));
    }
    const int root = static_cast<int>(round % static_cast<uint64_t>(size));
    const uint64_t all = sums[1];
    CHECK_OK(pmx_broadcast(world, sums + 2, sums, 8, root));
    std::array<Operation, kMost> theirs;
    if (sums[2] != plan(root, round, theirs)) wrong("a broadcast brought something else", round, root, 0);
    return all;
}

void turn_faults(bool on)
{
    const char* path = std::getenv("PMX_SOFTNIC_SWITCH");
    static const int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd >= 0 && pwrite(fd, on ? "1" : "0", 1, 0) != 1) std::_Exit(99);
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc != 3) return 99;
    const uint64_t n_wanted = std::strtoull(argv[1], nullptr, 10);
    seed = std::strtoull(argv[2], nullptr, 10);
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    const size_t ranks = static_cast<size_t>(size);
    in = sym<uint64_t>(ranks * kMost * kSlotWords);
    out = sym<uint64_t>(kMost * kSlotWords);
    got = sym<uint64_t>(kMost * kSlotWords);
    signals = sym<uint64_t>(ranks * kMost);
    counters = sym<uint64_t>(kCounters);
    board = sym<uint64_t>(kBoardWords);
    sums = sym<uint64_t>(ranks + 2);
    n_adds.resize(ranks * kMost);
    expected_counters.resize(kCounters);
    std::array<Operation, kMost> mine;
    uint64_t n_made = 0, round = 0;
    for (; n_made < n_wanted; round++) {
        if (rank == 0) turn_faults(round / 8 % 2 != 0);
        for (size_t i = 0; i < kBoardWords; i++) board[i] = board_word(rank, round, i);
        CHECK_OK(pmx_barrier());
        const size_t n = plan(rank, round, mine);
        for (size_t slot = 0; slot < n; slot++) start(round, slot, mine[slot]);
        receive(round);
        CHECK_OK(pmx_barrier());
        look_at_rest(round, mine, n);
        n_made += sum_of_all(round, n);
    }
    CHECK_OK(pmx_finalize());
    if (rank == 0) std::printf("%" PRIu64 " operations in %" PRIu64 " rounds, none lost\n", n_made, round);
    return 0;
}
