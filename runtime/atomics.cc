/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/atomics.h"

namespace pmx {

bool Atomics::take(unsigned i)
{
    Lane& lane = lanes_[i];
    if (!lane.taken.exchange(true, std::memory_order_acquire)) return true;
    if (!lane.late.exchange(false, std::memory_order_acquire)) return false;
    /* Its last user has given up on it, so it is this thread's to look at. */
    if (detail::load_acquire(&area_.answers()[i].number) == lane.number) return true;
    lane.late.store(true, std::memory_order_release);
    return false;
}

int Atomics::ask(const pmx_device_ctx_t& ctx, int rank, const AtomicRequest& request, uint64_t& before_out)
{
    if (int err = detail::check(ctx, rank)) return err;
    unsigned i = 0;
    int err = detail::wait_until(ctx, rank, 0, [&] {
        for (i = 0; i < AtomicArea::kLanes; i++)
            if (take(i)) return true;
        return false;
    });
    if (err) return err;
    Lane& lane = lanes_[i];
    AtomicArea::RequestCell& from = area_.requests()[i];
    AtomicArea::RequestCell& to = area_.from(ctx.rank)[i];
    const AtomicArea::AnswerCell& answer = area_.answers()[i];
    from.request = request;
    uint64_t to_off = detail::heap_off(ctx, &to);
    pmx_command_t commands[3] = {
        pmx_command_make(PMX_CMD_PUT, 0, static_cast<uint32_t>(rank), detail::heap_off(ctx, &from), sizeof request, to_off),
        detail::signal_command(to_off + offsetof(AtomicArea::RequestCell, number), ++lane.number, PMX_SIGNAL_SET,
                               PMX_CMD_ORDER, rank),
        detail::signal_command(detail::heap_off(ctx, area_.bell()), 1, PMX_SIGNAL_ADD, 0, rank)};
    err = detail::push(ctx, rank, commands, 3);
    if (!err)
        err = detail::wait_until(ctx, rank, 0, [&] { return detail::load_acquire(&answer.number) == lane.number; });
    if (err && err != PMX_ERR_PEER_FAILED) {
        lane.late.store(true, std::memory_order_release);
        return err;
    }
    if (!err) before_out = answer.answer.before;
    lane.taken.store(false, std::memory_order_release);
    return err;
}

}  // namespace pmx
