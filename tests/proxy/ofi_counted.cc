/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_counted.cc: order mode counted. What is posted out of the order of its numbers stands for a network
 * that reorders: signals take effect in the order of their numbers, behind their data. */
#include <algorithm>
#include <random>

#include "ofi_cases.h"
#include "transport_ofi_selftest.h"

namespace pmx_test {

using pmx::Op;
using pmx::OpKind;

namespace {

/* One stream has n_slots slots of slot_bytes in the first half of the heap, and a word. Pair p = 1, 2, ... is
 * a put with number 2p - 2 to slot p % n_slots, and a signal with number 2p - 1. */
struct Shape {
    uint64_t n_streams;
    uint64_t n_slots;
    uint64_t max_bytes;
    uint64_t n_pairs; /* of each stream; a multiple of n_slots and of 3 */
};
constexpr uint16_t kStreams[] = {0, 1, 77, 255};

uint64_t slot_off(const Shape& shape, uint64_t s, uint64_t p)
{
    return (s * shape.n_slots + p % shape.n_slots) * shape.max_bytes;
}
uint64_t n_bytes(const Shape& shape, uint64_t s, uint64_t p)
{
    if (p % 5 == s) return shape.max_bytes - p % 3;
    return 1 + (p * 7919 + s) % std::min<uint64_t>(shape.max_bytes, 4999);
}
/* SET to 4q + 1, then two ADDs of 1: a word that counts, and that shows when two changed places. */
Op pair_signal(uint64_t s, uint64_t p, uint64_t cookie)
{
    const bool set = p % 3 == 1;
    return signal(set ? OpKind::signal_set : OpKind::signal_add, kWords + 8 * s, set ? p / 3 * 4 + 1 : 1,
                  cookie);
}

/* A window of pairs of all streams, in any order. */
int send_streams(Rank& rank, const Shape& shape, int dst_rank)
{
    std::mt19937 random(7);
    uint64_t cookie = 0;
    for (uint64_t first = 1; first <= shape.n_pairs; first += shape.n_slots) {
        std::vector<Op> ops;
        for (uint64_t s = 0; s < shape.n_streams; s++) {
            REQUIRE(rank.until([&] { return rank.board->word[s] + 1 >= first; }), "stream %zu stays at %zu",
                    size_t(s), size_t(rank.board->word[s]));
            for (uint64_t p = first; p < first + shape.n_slots; p++) {
                const uint64_t off = slot_off(shape, s, p), n = n_bytes(shape, s, p);
                memset(rank.own() + off, int(1 + p % 251), n);
                ops.push_back(counted(put(rank.own() + off, off, n, cookie++), kStreams[s], 2 * p - 2));
                ops.push_back(counted(pair_signal(s, p, cookie++), kStreams[s], 2 * p - 1));
            }
        }
        std::shuffle(ops.begin(), ops.end(), random);
        REQUIRE(rank.post_all(dst_rank, ops), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == cookie; }), "%zu of %zu complete",
                rank.done.size(), size_t(cookie));
    }
    return check_completions(rank, cookie);
}

int receive_streams(Rank& rank, const Shape& shape)
{
    for (uint64_t left = shape.n_streams; left;) {
        uint64_t now = 0, s = 0;
        REQUIRE(rank.until([&] {
            for (s = 0; s < shape.n_streams; s++) {
                const uint64_t p = rank.board->word[s], old = p ? (p - 1) / 3 * 4 + (p - 1) % 3 + 1 : 0;
                if ((now = rank.word(rank.rank, kWords + 8 * s)) != old) return true;
            }
            return false;
        }),
                "no signal in any stream");
        const uint64_t before = rank.board->word[s], seen = now / 4 * 3 + now % 4;
        REQUIRE(now % 4 && seen > before && seen - before <= shape.n_slots,
                "stream %zu: %zu, %zu after pair %zu", size_t(s), size_t(now), size_t(seen), size_t(before));
        for (uint64_t p = before + 1; p <= seen; p++) {
            const unsigned char* at = rank.own() + slot_off(shape, s, p);
            for (uint64_t b = 0; b < n_bytes(shape, s, p); b++)
                REQUIRE(at[b] == 1 + p % 251, "stream %zu: signal %zu before byte %zu of its data", size_t(s),
                        size_t(p), size_t(b));
        }
        rank.board->word[s] = seen;
        if (seen == shape.n_pairs) left--;
    }
    return 0;
}

int streams(Rank& rank, const Shape& shape)
{
    if (!rank.transport->caps().counted) return kNotPromised;
    return rank.rank == 0 ? send_streams(rank, shape, 1) : receive_streams(rank, shape);
}

int counted_signals_follow_puts_of_all_sizes(Rank& rank) { return streams(rank, {1, 1, 1 << 20, 60}); }
int counted_streams_keep_their_own_order(Rank& rank) { return streams(rank, {4, 6, 40000, 300}); }

/* The target does not look into its queue while two ranks fill it. The last number of each is a signal: one
 * arrival that was lost, or counted for another rank, holds it back forever. */
int no_arrival_is_lost_when_the_target_does_not_poll(Rank& rank)
{
    if (!rank.transport->caps().counted) return kNotPromised;
    constexpr uint64_t kPuts = 5000;
    REQUIRE(rank.barrier(), "barrier"); /* the target knows all addresses */
    if (rank.rank == 2) {
        const uint64_t deadline_ns = pmx::detail::now_ns() + 300'000'000;
        while (rank.board->word[0] + rank.board->word[1] < 2 * kPuts && pmx::detail::now_ns() < deadline_ns)
            sched_yield();
        return rank.until([&] { return rank.word(2, kWords) == 1 && rank.word(2, kWords + 8) == 1; }) ? 0 : 1;
    }
    std::vector<Op> ops;
    for (uint64_t i = 0; i < kPuts; i++)
        ops.push_back(counted(put(rank.own(), uint64_t(rank.rank) * 65536 + i % 512 * 64, 64, i), 3, i));
    ops.push_back(counted(signal(OpKind::signal_set, kWords + 8 * uint64_t(rank.rank), 1, kPuts), 3, kPuts));
    for (size_t i = 0; i < ops.size(); i += 25) {
        const size_t n = std::min<size_t>(25, ops.size() - i);
        REQUIRE(rank.post_all(2, std::span(ops).subspan(i, n)), "post failed: %d", rank.poll_error);
        rank.board->word[rank.rank] += n;
    }
    REQUIRE(rank.until([&] { return rank.done.size() == kPuts + 1; }), "%zu completions", rank.done.size());
    return check_completions(rank, kPuts + 1);
}

/* A number that never comes holds back the signals of its stream only, and only until the rank is given up.
 */
int a_missing_put_holds_back_its_own_stream(Rank& rank)
{
    if (!rank.transport->caps().counted) return kNotPromised;
    REQUIRE(rank.barrier(), "barrier");
    if (rank.rank == 0) {
        const Op ops[] = {counted(put(rank.own(), 0, 100, 0), 5, 0),
                          counted(signal(OpKind::signal_set, kWords, 1, 1), 5, 2), /* 1 is missing */
                          counted(put(rank.own(), 0, 100, 2), 6, 0),
                          counted(signal(OpKind::signal_set, kWords + 8, 1, 3), 6, 1)};
        REQUIRE(rank.post_all(1, ops), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == 3; }), "%zu completions", rank.done.size());
        for (const pmx::Completion& one : rank.done)
            REQUIRE(one.cookie != 1, "the held back signal is complete");
        REQUIRE(rank.barrier(), "barrier");
        return rank.barrier() ? 0 : 1;
    }
    REQUIRE(rank.barrier(), "barrier");
    REQUIRE(rank.word(1, kWords) == 0 && rank.word(1, kWords + 8) == 1, "words %zu %zu",
            size_t(rank.word(1, kWords)), size_t(rank.word(1, kWords + 8)));
    rank.transport->fail_peer(0);
    rank.poll();
    REQUIRE(rank.word(1, kWords) == 0, "the signal of a rank that failed");
    return rank.barrier() ? 0 : 1;
}

/* As on a NIC that carries 4 bytes with a write. */
void by_address(pmx::OfiRow& row) { row.max_cq_data = pmx::kOfiData; }

/* Not every provider that grants FI_SOURCE tells it of writes; the self-test must find out which. */
int arrivals_are_told_apart_by_address(Rank& rank)
{
    const pmx::SelfTestHeap heap;
    pmx::OfiRow row = pmx::ofi_row(rank.provider);
    by_address(row);
    pmx::OfiAlone alone;
    pmx::Status status = alone.open(row, false, heap);
    REQUIRE(status.ok(), "%s", status.detail().c_str());
    const pmx::SelfTestPromise promise = pmx::self_test_promises().back();
    REQUIRE(promise.cap == &pmx::TransportCaps::counted, "the last promise is %s", promise.name);
    if (!alone.transport->caps().counted) return kNotPromised;
    status = pmx::self_test_promise(alone.target(heap), promise);
    if (!status.ok()) printf("rank %d: by address: %s\n", rank.rank, status.detail().c_str());
    return status.ok() ? no_arrival_is_lost_when_the_target_does_not_poll(rank) : kNotPromised;
}

}  // namespace

int run_counted_cases(const std::string& provider)
{
    int failures = 0;
    failures += RUN(2, counted_signals_follow_puts_of_all_sizes);
    failures += RUN(2, counted_streams_keep_their_own_order);
    failures += RUN(3, no_arrival_is_lost_when_the_target_does_not_poll);
    failures += RUN(2, a_missing_put_holds_back_its_own_stream);
    failures += RUN(3, arrivals_are_told_apart_by_address, {.change = by_address});
    return failures;
}

}  // namespace pmx_test
