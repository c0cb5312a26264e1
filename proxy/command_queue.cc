/* SPDX-License-Identifier: BSD-3-Clause */
#include "command_queue.h"

#include <cstring>
#include <new>
#include <utility>

#include "pmx_atomic.h"

namespace pmx {

QueueMemory host_queue_memory(uint64_t capacity)
{
    /* The ring, then a line for each word: they have different writers. */
    constexpr size_t line = 64;
    constexpr std::align_val_t align{line};
    size_t ring_bytes = (capacity * sizeof(pmx_command_t) + line - 1) & ~(line - 1);
    void* start = ::operator new(ring_bytes + 3 * line, align);
    std::memset(start, 0, ring_bytes + 3 * line);
    QueueMemory memory;
    memory.owner = std::shared_ptr<void>(start, [](void* p) { ::operator delete(p, align); });
    memory.capacity = capacity;
    memory.entries = static_cast<pmx_command_t*>(start);
    auto word = [&](size_t i) { return reinterpret_cast<uint64_t*>(static_cast<char*>(start) + ring_bytes + i * line); };
    memory.head = word(0);
    memory.consumed = word(1);
    memory.completed = word(2);
    return memory;
}

CommandQueue::CommandQueue(uint32_t id, QueueMemory memory)
    : id_(id),
      memory_(std::move(memory)),
      capacity_(memory_.capacity),
      window_(std::make_unique<Node[]>(capacity_))
{
}

pmx_device_queue_t CommandQueue::device_view()
{
    return {memory_.entries,       memory_.head,           memory_.consumed, memory_.completed,
            memory_.consumed_seen, memory_.completed_seen, capacity_};
}

Node* CommandQueue::pull()
{
    if (pulled_ - completed_local_ == capacity_) return nullptr;
    const pmx_command_t& slot = memory_.entries[pulled_ & (capacity_ - 1)];
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

void CommandQueue::publish_consumed() { detail::store_release(memory_.consumed, pulled_); }

void CommandQueue::complete(Node& node)
{
    node.state = Node::State::done;
    if (node.ticket != completed_local_) return;
    while (completed_local_ != pulled_ &&
           window_[completed_local_ & (capacity_ - 1)].state == Node::State::done)
        completed_local_++;
    detail::store_release(memory_.completed, completed_local_);
}

Node* CommandQueue::find(uint64_t ticket)
{
    if (ticket - completed_local_ >= pulled_ - completed_local_) return nullptr;
    return &window_[ticket & (capacity_ - 1)];
}

}  // namespace pmx
