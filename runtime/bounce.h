/* SPDX-License-Identifier: BSD-3-Clause */
/* bounce.h: slots in the work area through which memory outside the heap goes to the network and comes from it. */
#pragma once

#include <array>
#include <atomic>

#include "pmx_device.h"

namespace pmx {

class Bounce {
  public:
    static constexpr size_t kSlotBytes = 16384;
    static constexpr unsigned kSlots = 32;
    static constexpr size_t kBytes = kSlots * kSlotBytes;

    /* heap_base: of the heap of this rank; area: kBytes in its segment. */
    Bounce(const char* heap_base, char* area) : heap_base_(heap_base), area_(area) {}

    class Slot;
    /* A slot that nothing reads any more. PMX_ERR_TIMEOUT: none became free. Any thread. */
    int take(const pmx_device_ctx_t& ctx, Slot& slot_out);
    /* Before the queues of a context go away; all that they hold is complete. */
    void forget(const pmx_device_ctx_t& ctx);

  private:
    struct State {
        std::atomic<bool> taken{false};
        /* By who has taken it. The slot is being read until *completed has reached upto; null: it is not. */
        const uint64_t* completed = nullptr;
        uint64_t upto = 0;
    };

    const char* heap_base_;
    char* area_;
    std::atomic<unsigned> next_{0};
    std::array<State, kSlots> states_;
};

/* Given back when it goes out of scope. */
class Bounce::Slot {
  public:
    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot()
    {
        if (state_) state_->taken.store(false, std::memory_order_release);
    }

    char* bytes() const { return bytes_; }
    uint64_t heap_off() const { return heap_off_; }
    /* What is in the queue now may still read the slot. */
    void read_by(const pmx_device_queue_t& queue)
    {
        state_->completed = queue.completed;
        state_->upto = detail::load_relaxed(queue.head);
    }

  private:
    friend class Bounce;
    State* state_ = nullptr;
    char* bytes_ = nullptr;
    uint64_t heap_off_ = 0;
};

}  // namespace pmx
