/* SPDX-License-Identifier: BSD-3-Clause */
/* command_queue.h: the consumer side of a command queue: the ring, and the window of commands that the
 * proxy has taken and that are not complete yet. The format is include/pmx_command.h. */
#pragma once

#include <cstdint>
#include <memory>

#include "pmx_atomic.h"
#include "pmx_command.h"

namespace pmx {

struct Lane;

/* The parts of a queue that producers and the proxy share; what each word is: pmx_device_queue_t. The CPU and the
 * producers know them by the same addresses. Zeroed when the queue is made. */
struct QueueMemory {
    uint64_t capacity = 0; /* slots, a power of two */
    pmx_command_t* entries = nullptr; /* 64-byte aligned */
    uint64_t* head = nullptr; /* not touched by the proxy */
    uint64_t* consumed = nullptr;
    uint64_t* completed = nullptr;
    uint64_t* consumed_seen = nullptr; /* not touched by the proxy; may be null, as completed_seen */
    uint64_t* completed_seen = nullptr;
    std::shared_ptr<void> owner; /* keeps all of them */
};
/* Memory of this process, for producers that are threads. */
QueueMemory host_queue_memory(uint64_t capacity);

/* A command between pull and completion. Lives in the window of its queue, is linked into the lists of its
 * lane, and is touched by the proxy thread alone. */
struct Node {
    enum class State : uint8_t { queued, posted, done };

    pmx_command_t command;
    Node* next = nullptr;
    Lane* lane = nullptr;
    uint64_t ticket = 0;
    /* put: its number among the puts of the lane. signal: all puts with a lower number go before it. */
    uint64_t seq = 0;
    uint64_t n_posted = 0;     /* bytes of a put or get that is cut into parts, words of a run */
    uint32_t parts = 0;        /* operations posted and not complete */
    bool order = false;        /* an order point stands before this signal */
    State state = State::done;
};

class CommandQueue {
  public:
    CommandQueue(uint32_t id, QueueMemory memory);
    CommandQueue(uint32_t id, uint64_t capacity) : CommandQueue(id, host_queue_memory(capacity)) {}
    CommandQueue(const CommandQueue&) = delete;
    CommandQueue& operator=(const CommandQueue&) = delete;

    uint32_t id() const { return id_; }
    pmx_device_queue_t device_view();

    /* The next command, in a node of state queued, or nullptr when none is there or the window is full.
     * The slot may be written again after publish_consumed(). */
    Node* pull();
    void publish_consumed();

    /* The node is complete: moves the completion index past all that are, and publishes it. */
    void complete(Node& node);

    /* The node of a ticket that is still in the window, else nullptr. */
    Node* find(uint64_t ticket);
    uint64_t first_open_ticket() const { return completed_local_; }
    uint64_t end_ticket() const { return pulled_; }
    bool idle() const { return completed_local_ == pulled_; }

  private:
    const uint32_t id_;
    const QueueMemory memory_;
    const uint64_t capacity_;
    uint64_t pulled_ = 0;
    uint64_t completed_local_ = 0;
    std::unique_ptr<Node[]> window_;
};

/* Called for every command, up to a hundred million times a second. */
inline Node* CommandQueue::pull()
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

inline void CommandQueue::publish_consumed() { detail::store_release(memory_.consumed, pulled_); }

inline void CommandQueue::complete(Node& node)
{
    node.state = Node::State::done;
    if (node.ticket != completed_local_) return;
    while (completed_local_ != pulled_ &&
           window_[completed_local_ & (capacity_ - 1)].state == Node::State::done)
        completed_local_++;
    detail::store_release(memory_.completed, completed_local_);
}

inline Node* CommandQueue::find(uint64_t ticket)
{
    if (ticket - completed_local_ >= pulled_ - completed_local_) return nullptr;
    return &window_[ticket & (capacity_ - 1)];
}

}  // namespace pmx
