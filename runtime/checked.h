/* SPDX-License-Identifier: BSD-3-Clause */
/* checked.h: PMX_CHECK: what a context sends with a signal through the network carries a number and a checksum.
 *
 * Instead of the signal goes a record of the put and its signal, with an order point before it, to a ring of the sender in
 * the target's work area. The proxy of the target takes the records in the order of their numbers, compares, and only then
 * applies the signal: whoever waits there sees no signal whose data are not right. So waits need not know of it, and
 * nothing has been told of the data before they are looked at. What is not right fails the job with PMX_ERR_INTEGRITY.
 *
 * A sender has kSlots records under way at most. The target answers by adding to a word of it, which is also what makes
 * quiet and fence true: an operation is complete when its signal has been applied. */
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "engine.h"
#include "pmx_device.h"
#include "status.h"

namespace pmx {

class Checked final : public ProxyWork {
  public:
    static constexpr uint64_t kSlots = 64;
    static constexpr uint64_t kNoSignal = UINT64_MAX;

    /* A put of which the bytes are known, and a signal. */
    struct What {
        uint64_t dst_off = 0;
        const void* src = nullptr;
        uint64_t n_bytes = 0;
        uint64_t sig_off = kNoSignal;
        uint64_t value = 0;
        pmx_sigop_t op = PMX_SIGNAL_SET;
    };

    /* The part of one context: zeroed, at the same heap offset on all ranks. */
    static size_t n_bytes(int size) { return static_cast<size_t>(size) * 2 * (kSlots + 1) * 64; }
    /* answers: the context of the proxy's own answers, which outlives this. fail: told of the first record that is wrong,
     * on the proxy thread. */
    Checked(char* area, char* heap_base, uint64_t heap_bytes, const pmx_device_ctx_t& answers,
            std::function<void(const std::string&)> fail);

    /* Any thread. ctx: always that of the same context. Queues the put, if src is in the heap and with_put says so, and
     * the record behind it. */
    int send(const pmx_device_ctx_t& ctx, const What& what, bool with_put, int dst_rank);
    /* Any thread. Until the target, or all with PMX_RANK_ANY, has applied what was sent; failed ranks are left out. */
    int complete(const pmx_device_ctx_t& ctx, int dst_rank);

    bool step() override;

  private:
    struct alignas(64) Record {
        uint64_t dst_off, n_bytes, checksum;
        uint64_t sig_off, value, op;
        uint64_t own_checksum; /* of this record, its number included */
        uint64_t number;       /* the signal; the record in the heap of the sender has it too */
    };
    static_assert(sizeof(Record) == 64);
    struct alignas(64) Word {
        uint64_t n_applied; /* Writers: adds of the target's proxy. Readers: senders, acquire. */
    };
    Record* sent_to(int rank) const { return reinterpret_cast<Record*>(area_) + static_cast<size_t>(rank) * kSlots; }
    Record* come_from(int rank) const { return sent_to(size_ + rank); }
    uint64_t* applied_by(int rank) const
    {
        return &(reinterpret_cast<Word*>(sent_to(2 * size_)) + static_cast<size_t>(rank))->n_applied;
    }
    uint64_t off(const void* p) const { return static_cast<uint64_t>(static_cast<const char*>(p) - heap_base_); }
    bool take(int rank);
    bool verify(int rank, const Record& record, uint64_t number);
    bool answer(int rank);

    char* const area_;
    char* const heap_base_;
    const uint64_t heap_bytes_;
    const pmx_device_ctx_t& answers_;
    const std::function<void(const std::string&)> fail_;
    const int size_, rank_;
    std::mutex mutex_;             /* of n_sent_, and of the order in the queues */
    std::vector<uint64_t> n_sent_; /* by rank */
    /* Proxy thread alone. By rank: how many were taken, and how many of these the sender has been told of. */
    std::vector<uint64_t> n_taken_, n_answered_;
    bool broken_ = false;
};

}  // namespace pmx
