/* SPDX-License-Identifier: BSD-3-Clause */
#include "atomic_server.h"

namespace pmx {

AtomicServer::AtomicServer(AtomicArea area, char* heap_base, uint64_t heap_bytes, int size)
    : area_(area), heap_base_(heap_base), heap_bytes_(heap_bytes), size_(size),
      served_(static_cast<size_t>(size) * AtomicArea::kLanes)
{
}

/* The cells are looked at only while a bell has rung for one that has not been found. */
bool AtomicServer::step()
{
    uint64_t n_before = n_served_;
    if (detail::load_acquire(area_.bell()) == n_served_) return false;
    for (int rank = 0; rank < size_; rank++)
        for (unsigned lane = 0; lane < AtomicArea::kLanes; lane++) {
            uint64_t number = detail::load_acquire(&area_.from(rank)[lane].number);
            if (number == served_[static_cast<size_t>(rank) * AtomicArea::kLanes + lane]) continue;
            if (!has_room()) return n_served_ != n_before;
            serve(rank, lane, number);
        }
    return n_served_ != n_before;
}

/* The proxy must not wait for itself. */
bool AtomicServer::has_room() const
{
    pmx_device_queue_t queue = detail::queue_of(*ctx_, 0);
    return detail::load_relaxed(queue.head) + 2 - detail::load_acquire(queue.consumed) <= queue.capacity;
}

void AtomicServer::serve(int rank, unsigned lane, uint64_t number)
{
    const AtomicRequest request = area_.from(rank)[lane].request;
    AtomicArea::AnswerCell& from = area_.answers_to(rank)[lane];
    AtomicArea::AnswerCell& to = area_.answers()[lane];
    uint64_t n_bytes = word_bytes(request.operation.type);
    from.answer.before = 0;
    /* The caller has checked its arguments: what is beyond the heap comes from overwritten memory. */
    if (request.word_off % n_bytes == 0 && request.word_off <= heap_bytes_ - n_bytes)
        from.answer.before = apply(heap_base_ + request.word_off, request.operation);
    uint64_t to_off = static_cast<uint64_t>(reinterpret_cast<char*>(&to) - heap_base_);
    uint64_t from_off = static_cast<uint64_t>(reinterpret_cast<char*>(&from) - heap_base_);
    pmx_command_t pair[2] = {
        pmx_command_make(PMX_CMD_PUT, 0, static_cast<uint32_t>(rank), from_off, sizeof from.answer, to_off),
        detail::signal_command(to_off + offsetof(AtomicArea::AnswerCell, number), number, PMX_SIGNAL_SET, PMX_CMD_ORDER,
                               rank)};
    (void)detail::push(*ctx_, rank, pair, 2);
    served_[static_cast<size_t>(rank) * AtomicArea::kLanes + lane] = number;
    n_served_++;
}

}  // namespace pmx
