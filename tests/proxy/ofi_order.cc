/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_order.cc: signals and the data before them: modes ordered and fence, by each path that a signal may
 * take. */
#include "ofi_cases.h"

namespace pmx_test {

using pmx::Op;
using pmx::OpKind;

namespace {

constexpr uint64_t kEachByte = 0x0101010101010101;
constexpr uint64_t kSlots = 16, kSlotBytes = 40000;

/* Pairs are numbered from 1. Sizes are odd, so that a byte stream is cut everywhere. */
uint64_t n_bytes(uint64_t i) { return i % 8 ? 1 + i * 37 % 999 : kSlotBytes - i % 7; }

int send_pairs(Rank& rank, OpKind kind, uint8_t flags, uint64_t n_rounds)
{
    const std::atomic<uint64_t>& consumed = rank.board->word[0];
    for (uint64_t i = 1; i <= n_rounds; i++) {
        REQUIRE(rank.until([&] { return i - consumed <= kSlots; }), "signal %zu not seen",
                size_t(consumed + 1));
        /* The slot in our own heap is free again when the operations of its last round have completed. */
        REQUIRE(rank.until([&] { return rank.done.size() + 2 * kSlots >= 2 * i; }), "no completions");
        unsigned char* src = rank.own() + i % kSlots * kSlotBytes;
        memset(src, int(i % 251), n_bytes(i));
        const uint64_t value = kind == OpKind::signal_add ? 1 : i % 255 * kEachByte;
        Op ops[] = {put(src, i % kSlots * kSlotBytes, n_bytes(i), 2 * i - 2),
                    signal(kind, kWords, value, 2 * i - 1)};
        ops[1].flags = flags;
        REQUIRE(rank.post_all(1, ops), "post failed: %d", rank.poll_error);
    }
    REQUIRE(rank.until([&] { return rank.done.size() == 2 * n_rounds; }), "%zu completions",
            rank.done.size());
    return check_completions(rank, 2 * n_rounds);
}

/* The last pair after `before` of whose put anything is to be seen, or `before`. */
uint64_t newest_put(const Rank& rank, uint64_t before)
{
    uint64_t i = before + kSlots;
    while (i > before && pmx::detail::load_acquire(rank.own() + i % kSlots * kSlotBytes) != i % 251) i--;
    return i;
}

/* The target looks at its words after every poll. SET values repeat one byte, so that a word written in
 * pieces is known. With a fence, the put behind a signal is not to be seen before it, either. */
int receive_pairs(Rank& rank, OpKind kind, bool fence, uint64_t n_rounds)
{
    std::atomic<uint64_t>& consumed = rank.board->word[0];
    while (consumed < n_rounds) {
        const uint64_t before = consumed;
        const uint64_t old = kind == OpKind::signal_add ? before : before % 255 * kEachByte;
        uint64_t now = 0, newest = 0;
        REQUIRE(rank.until([&] {
            if (fence) newest = newest_put(rank, before);
            now = rank.word(1, kWords);
            return now != old || newest > before + 1;
        }),
                "no signal after %zu", size_t(before));
        uint64_t seen = now;
        if (kind == OpKind::signal_set) {
            REQUIRE(now == (now & 255) * kEachByte, "torn signal %016zx", size_t(now));
            seen = before + (now % 256 + 255 - before % 255) % 255;
        }
        REQUIRE(newest <= seen + 1, "put %zu before the fenced signal %zu", size_t(newest),
                size_t(newest - 1));
        REQUIRE(seen > before && seen - before <= kSlots, "signal %zu after %zu", size_t(seen),
                size_t(before));
        for (uint64_t i = before + 1; i <= seen; i++) {
            const unsigned char* at = rank.own() + i % kSlots * kSlotBytes;
            for (uint64_t b = 0; b < n_bytes(i); b++)
                REQUIRE(at[b] == i % 251, "signal %zu before byte %zu of its data", size_t(i), size_t(b));
        }
        consumed = seen;
    }
    return 0;
}

int pairs(Rank& rank, OpKind kind, uint8_t flags, uint64_t n_rounds)
{
    if (rank.rank == 0) return send_pairs(rank, kind, flags, n_rounds);
    return receive_pairs(rank, kind, flags & pmx::kOpFence, n_rounds);
}

int a_set_is_never_seen_before_its_data_nor_in_pieces(Rank& rank)
{
    return rank.transport->caps().orders_set ? pairs(rank, OpKind::signal_set, pmx::kOpOrdered, 1500)
                                             : kNotPromised;
}
int an_add_is_never_seen_before_its_data(Rank& rank)
{
    return rank.transport->caps().orders_add ? pairs(rank, OpKind::signal_add, pmx::kOpOrdered, 1500)
                                             : kNotPromised;
}
int a_fenced_set_comes_after_its_data_and_before_the_next(Rank& rank)
{
    return rank.transport->caps().fence ? pairs(rank, OpKind::signal_set, pmx::kOpFence, 300) : kNotPromised;
}
int a_fenced_add_comes_after_its_data_and_before_the_next(Rank& rank)
{
    return rank.transport->caps().fence ? pairs(rank, OpKind::signal_add, pmx::kOpFence, 300) : kNotPromised;
}

/* Fenced signals of two ranks to each other: no fence waits for an answer that the other fence holds back. */
int fences_in_both_directions_end(Rank& rank)
{
    if (!rank.transport->caps().fence) return kNotPromised;
    constexpr uint64_t kPairs = 600, kBatch = 12;
    const int other = 1 - rank.rank;
    if (rank.rank == 0) { /* who comes first connects, and the other uses the same connection */
        const Op op = signal(OpKind::signal_set, kWords + 8, 1, 2 * kPairs);
        REQUIRE(rank.post_all(1, {&op, 1}), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == 1; }), "no completion");
        rank.done.clear();
    }
    REQUIRE(rank.barrier(), "barrier");
    for (uint64_t first = 0; first < kPairs; first += kBatch) {
        Op ops[2 * kBatch];
        for (uint64_t i = 0; i < kBatch; i++) {
            const uint64_t pair = first + i;
            ops[2 * i] = put(rank.own(), 65536 + i * 4096, 1 + pair * 37 % 4093, 2 * pair);
            ops[2 * i + 1] = signal(OpKind::signal_set, kWords, pair + 1, 2 * pair + 1);
            ops[2 * i + 1].flags = pmx::kOpFence;
        }
        REQUIRE(rank.post_all(other, ops), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == 2 * (first + kBatch); }),
                "%zu completions after %zu pairs", rank.done.size(), size_t(first + kBatch));
    }
    REQUIRE(rank.barrier(), "barrier");
    REQUIRE(rank.word(rank.rank, kWords) == kPairs, "the last signal is %zu",
            size_t(rank.word(rank.rank, kWords)));
    return check_completions(rank, 2 * kPairs);
}

/* ADD goes as a message where SET is a write or the reverse: no mix of the two changes places. The word
 * counts: a SET of 4 * q + 1, then two ADDs of 1. */
int ordered_sets_and_adds_keep_their_order(Rank& rank)
{
    const pmx::TransportCaps& caps = rank.transport->caps();
    if (!caps.orders_set || !caps.orders_add) return kNotPromised;
    constexpr uint64_t kSignals = 1500;
    if (rank.rank == 0) {
        for (uint64_t k = 0; k < kSignals; k += 30) {
            Op ops[30];
            for (uint64_t i = 0; i < 30; i++) {
                const bool set = (k + i) % 3 == 0;
                ops[i] = signal(set ? OpKind::signal_set : OpKind::signal_add, kWords,
                                set ? (k + i) / 3 * 4 + 1 : 1, k + i);
                ops[i].flags = pmx::kOpOrdered;
            }
            REQUIRE(rank.post_all(1, ops), "post failed: %d", rank.poll_error);
        }
        REQUIRE(rank.until([&] { return rank.done.size() == kSignals; }), "%zu completions",
                rank.done.size());
        return check_completions(rank, kSignals);
    }
    const uint64_t last = (kSignals / 3 - 1) * 4 + 3;
    for (uint64_t before = 0; before != last;) {
        uint64_t now = 0;
        REQUIRE(rank.until([&] { return (now = rank.word(1, kWords)) != before; }), "nothing after %zu",
                size_t(before));
        REQUIRE(now > before && now % 4 != 0, "%zu after %zu", size_t(now), size_t(before));
        before = now;
    }
    return 0;
}

/* A small put with its signal, then a large one over it, then a small one: they may take different ways, and the last stays. */
int the_last_put_to_a_place_stays(Rank& rank)
{
    if (!rank.transport->caps().orders_put) return kNotPromised;
    constexpr uint64_t kRounds = 300, kLarge = 5000, kSmall = 64;
    if (rank.rank == 1) return rank.barrier() ? 0 : 1;
    unsigned char* src = rank.own();
    for (uint64_t i = 0; i < kRounds; i++) {
        const int first = int(i % 83), second = first + 83, third = first + 166;
        memset(src, first, kSmall);
        memset(src + kLarge, second, kLarge);
        memset(src + 2 * kLarge, third, kSmall);
        Op pair[] = {put(src, 64, kSmall, 4 * i), signal(OpKind::signal_set, kWords, i, 4 * i + 1)};
        pair[1].flags = pmx::kOpOrdered;
        const Op over[] = {put(src + kLarge, 64, kLarge, 4 * i + 2),
                           put(src + 2 * kLarge, 64 + kSmall, kSmall, 4 * i + 3)};
        REQUIRE(rank.post_all(1, pair) && rank.post_all(1, over), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == 4 * (i + 1); }), "%zu completions", rank.done.size());
        for (uint64_t b = 0; b < kLarge; b++) {
            const int last = b >= kSmall && b < 2 * kSmall ? third : second;
            REQUIRE(rank.heap[1][64 + b] == last, "round %zu: byte %zu is %d, not %d", size_t(i), size_t(b),
                    rank.heap[1][64 + b], last);
        }
    }
    REQUIRE(rank.barrier(), "barrier");
    return check_completions(rank, 4 * kRounds);
}

/* FI_FENCE of sockets works in one direction: the only one to try the path of a fence on. */
void with_fence(pmx::OfiRow& row) { row.ask_fence = true; }
void with_fence_and_atomics(pmx::OfiRow& row)
{
    row.ask_fence = true;
    row.signals = pmx::SignalPath::atomic;
}

}  // namespace

int run_order_cases(const std::string& provider)
{
    int failures = 0;
    failures += RUN(2, a_set_is_never_seen_before_its_data_nor_in_pieces);
    failures += RUN(2, an_add_is_never_seen_before_its_data);
    failures += RUN(2, ordered_sets_and_adds_keep_their_order);
    failures += RUN(2, the_last_put_to_a_place_stays);
    failures += RUN(2, a_fenced_set_comes_after_its_data_and_before_the_next, {.change = with_fence});
    failures += RUN(2, a_fenced_add_comes_after_its_data_and_before_the_next, {.change = with_fence});
    if (provider == "sockets")
        failures +=
            RUN(2, a_fenced_add_comes_after_its_data_and_before_the_next, {.change = with_fence_and_atomics});
    failures += RUN(2, fences_in_both_directions_end);
    return failures;
}

}  // namespace pmx_test
