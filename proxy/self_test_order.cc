/* SPDX-License-Identifier: BSD-3-Clause */
/* self_test_order.cc: does a transport keep the order that it has promised? Pairs of a put and its second, from a rank
 * to itself. */
#include <pmx_atomic.h>

#include <cstring>

#include "self_test.h"

namespace pmx {

namespace {

constexpr uint64_t kTrialNs = 10'000'000; /* no new batch after this */
constexpr uint64_t kPairs = 192;          /* below 256: a second that is a put writes one byte */
constexpr uint64_t kBatch = 16;
constexpr uint64_t kSlotBytes = 20000;
constexpr uint64_t kBothHalves = 0x0000000100000001; /* a word in pieces is known */
/* Offsets in the scratch heap; a slot is used by one pair of each batch. */
constexpr uint64_t kSrc = 0, kDst = kBatch * kSlotBytes, kNumbers = 2 * kDst, kWord = kNumbers + 256;
static_assert(kWord + 8 <= SelfTestHeap::kBytes);

const SelfTestPromise kPromises[] = {
    {"puts in order", &TransportCaps::orders_put, OpKind::put, 0},
    {"sets in order", &TransportCaps::orders_set, OpKind::signal_set, kOpOrdered},
    {"adds in order", &TransportCaps::orders_add, OpKind::signal_add, kOpOrdered},
    {"fence", &TransportCaps::fence, OpKind::signal_set, kOpFence},
    {"counted", &TransportCaps::counted, OpKind::signal_set, kOpCounted},
};

/* Pairs are numbered from 1. Odd sizes cut a byte stream everywhere; some are longer than what providers send
 * at once. */
uint64_t n_bytes(uint64_t pair) { return pair % 8 == 3 ? kSlotBytes - pair % 7 : 1 + pair * 37 % 999; }
uint64_t slot_off(uint64_t pair) { return pair % kBatch * kSlotBytes; }
/* Never 0, nor what the pair before left in the slot. */
unsigned char fill_byte(uint64_t pair) { return static_cast<unsigned char>(pair); }

class Trial {
public:
    Trial(const SelfTestTarget& target, const SelfTestPromise& promise) : target_(target), promise_(promise) {}

    Status run()
    {
        target_.heap.set_word(kWord, 0);
        std::memset(target_.heap.base() + kDst, 0, kBatch * kSlotBytes);
        const uint64_t end_ns = detail::now_ns() + kTrialNs;
        while (n_pairs_ < kPairs && (n_pairs_ == 0 || detail::now_ns() < end_ns)) {
            for (uint64_t i = 0; i < kBatch; i++) prepare(n_pairs_ + 1 + i, &ops_[2 * i]);
            n_pairs_ += kBatch;
            PMX_TRY(run_batch());
        }
        return {};
    }

private:
    void prepare(uint64_t pair, Op* ops) const
    {
        unsigned char* base = target_.heap.base();
        std::memset(base + kSrc + slot_off(pair), fill_byte(pair), n_bytes(pair));
        base[kNumbers + pair] = static_cast<unsigned char>(pair);
        const bool set = promise_.second == OpKind::signal_set;
        const bool counted = promise_.flags & kOpCounted;
        ops[0] = {OpKind::put, 0,       base + kSrc + slot_off(pair), kDst + slot_off(pair), n_bytes(pair),
                  0,           2 * pair};
        ops[1] = {promise_.second,
                  promise_.flags,
                  base + kNumbers + pair,
                  kWord,
                  1,
                  set ? pair * kBothHalves : kBothHalves,
                  2 * pair + 1};
        if (counted) ops[0].flags = kOpCounted;
        ops[0].seq = 2 * pair - 2;
        ops[1].seq = 2 * pair - 1;
        ops[0].stream = ops[1].stream = kMaxStreams - 1;
    }

    Status run_batch()
    {
        uint64_t deadline_ns = detail::now_ns() + kSelfTestNs;
        size_t n_posted = 0, n_done = 0;
        for (unsigned spins = 0; n_done < 2 * kBatch; spins++) {
            if (n_posted < 2 * kBatch) {
                const int n = target_.transport.post(target_.rank, std::span(ops_).subspan(n_posted));
                if (n < 0) return fail(pmx_err_t(n), "refused");
                n_posted += size_t(n);
            }
            Completion done[2 * kBatch];
            const int n = target_.transport.poll(done);
            if (n < 0) return fail(pmx_err_t(n), "the completion queue failed");
            for (int i = 0; i < n; i++)
                if (done[i].err) return fail(done[i].err, "an operation failed");
            n_done += size_t(n);
            PMX_TRY(look());
            if (target_.after_poll) PMX_TRY(target_.after_poll());
            if (detail::now_ns() > deadline_ns)
                return fail(PMX_ERR_TIMEOUT, "{} of {} operations complete, then none for {} ms", n_done,
                            2 * kBatch, kSelfTestNs / 1000000);
            if (n == 0)
                detail::relax(spins);
            else
                deadline_ns = detail::now_ns() + kSelfTestNs;
        }
        if (seen_ != n_pairs_)
            return fail(PMX_ERR_TRANSPORT, "{} of {} seen when all were complete", seen_, n_pairs_);
        return {};
    }

    /* The target's side, after each poll. */
    Status look()
    {
        const uint64_t newest = promise_.flags & kOpFence ? newest_put() : 0;
        const uint64_t word = target_.heap.word(kWord);
        const uint64_t now = promise_.second == OpKind::put ? word & 0xff : word & 0xffffffff;
        if (promise_.second != OpKind::put && word != now * kBothHalves)
            return fail(PMX_ERR_TRANSPORT, "a torn word {:016x}", word);
        if (now < seen_ || now > n_pairs_) return fail(PMX_ERR_TRANSPORT, "{} seen after {}", now, seen_);
        if (newest > now + 1)
            return fail(PMX_ERR_TRANSPORT, "put {} seen before the fence of {}", newest, newest - 1);
        for (; seen_ < now; seen_++) PMX_TRY(check_data(seen_ + 1));
        return {};
    }

    Status check_data(uint64_t pair) const
    {
        const unsigned char* at = target_.heap.base() + kDst + slot_off(pair);
        for (uint64_t i = 0; i < n_bytes(pair); i++)
            if (at[i] != fill_byte(pair))
                return fail(PMX_ERR_TRANSPORT, "{} seen before byte {} of {} of its put", pair, i,
                            n_bytes(pair));
        return {};
    }

    /* The last put of which anything is to be seen. */
    uint64_t newest_put() const
    {
        uint64_t pair = n_pairs_;
        while (pair > seen_ && target_.heap.byte(kDst + slot_off(pair)) != fill_byte(pair)) pair--;
        return pair;
    }

    const SelfTestTarget& target_;
    const SelfTestPromise& promise_;
    Op ops_[2 * kBatch];
    uint64_t n_pairs_ = 0; /* posted, or about to be */
    uint64_t seen_ = 0;    /* seconds seen, with the data of all their puts */
};

}  // namespace

std::span<const SelfTestPromise> self_test_promises() { return kPromises; }

Status self_test_promise(const SelfTestTarget& target, const SelfTestPromise& promise)
{
    return Trial(target, promise).run();
}

}  // namespace pmx
