/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/bounce.h"

namespace pmx {

int Bounce::take(const pmx_device_ctx_t& ctx, Slot& slot_out)
{
    unsigned i = 0;
    int err = detail::wait_until(ctx, detail::kNoRank, 0, [&] {
        i = next_.fetch_add(1, std::memory_order_relaxed) % kSlots;
        return !states_[i].taken.exchange(true, std::memory_order_acquire);
    });
    if (err) return err;
    slot_out.state_ = &states_[i];
    slot_out.bytes_ = area_ + i * kSlotBytes;
    slot_out.heap_off_ = static_cast<uint64_t>(slot_out.bytes_ - heap_base_);
    if (!states_[i].completed) return PMX_SUCCESS;
    err = detail::wait_until(ctx, detail::kNoRank, 0,
                             [&] { return detail::reached(states_[i].completed, nullptr, states_[i].upto); });
    if (!err) states_[i].completed = nullptr;
    return err;
}

void Bounce::forget(const pmx_device_ctx_t& ctx)
{
    for (State& state : states_) {
        for (unsigned spins = 0; state.taken.exchange(true, std::memory_order_acquire); spins++) detail::relax(spins);
        for (unsigned q = 0; q < ctx.n_queues; q++)
            if (state.completed == ctx.queues[q].completed) state.completed = nullptr;
        state.taken.store(false, std::memory_order_release);
    }
}

}  // namespace pmx
