/* SPDX-License-Identifier: BSD-3-Clause */
#include "command_queue.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "pmx_atomic.h"

namespace pmx {

void CommandQueue::FreeDeleter::operator()(void* p) const { std::free(p); }

CommandQueue::CommandQueue(uint32_t id, uint64_t capacity)
    : id_(id), capacity_(capacity), window_(std::make_unique<Node[]>(capacity))
{
    size_t n_bytes = capacity * sizeof(pmx_command_t);
    void* ring = std::aligned_alloc(64, (n_bytes + 63) & ~size_t{63});
    if (!ring) throw std::bad_alloc();
    std::memset(ring, 0, n_bytes);
    ring_.reset(static_cast<pmx_command_t*>(ring));
}

pmx_device_queue_t CommandQueue::device_view()
{
    return {ring_.get(), &head_.value, &consumed_.value, &completed_.value, capacity_};
}

Node* CommandQueue::pull()
{
    if (pulled_ - completed_local_ == capacity_) return nullptr;
    const pmx_command_t& slot = ring_[pulled_ & (capacity_ - 1)];
    uint64_t parity = pmx_command_parity(pulled_, capacity_);
    uint64_t word0 = detail::load_acquire(&slot.word[0]);
    uint64_t word2 = detail::load_acquire(&slot.word[2]);
    if ((word0 & 1) != parity || (word2 & 1) != parity) return nullptr;

    Node& node = window_[pulled_ & (capacity_ - 1)];
    node.command.word[0] = word0;
    node.command.word[1] = detail::load_relaxed(&slot.word[1]);
    node.command.word[2] = word2;
    node.command.word[3] = detail::load_relaxed(&slot.word[3]);
    node.next = nullptr;
    node.ticket = pulled_++;
    node.n_posted = 0;
    node.parts = 0;
    node.order = false;
    node.state = Node::State::queued;
    return &node;
}

void CommandQueue::publish_consumed() { detail::store_release(&consumed_.value, pulled_); }

void CommandQueue::complete(Node& node)
{
    node.state = Node::State::done;
    if (node.ticket != completed_local_) return;
    while (completed_local_ != pulled_ &&
           window_[completed_local_ & (capacity_ - 1)].state == Node::State::done)
        completed_local_++;
    detail::store_release(&completed_.value, completed_local_);
}

Node* CommandQueue::find(uint64_t ticket)
{
    if (ticket - completed_local_ >= pulled_ - completed_local_) return nullptr;
    return &window_[ticket & (capacity_ - 1)];
}

}  // namespace pmx
