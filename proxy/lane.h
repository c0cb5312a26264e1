/* SPDX-License-Identifier: BSD-3-Clause */
/* lane.h: what one context has under way to one destination. Proxy thread only. */
#pragma once

#include <cstdint>

#include "command_queue.h"

namespace pmx {

struct EngineContext;

/* A first-in first-out list through Node::next. */
class NodeList {
  public:
    Node* front() const { return head_; }
    bool empty() const { return head_ == nullptr; }
    void push(Node& node)
    {
        node.next = nullptr;
        (head_ ? tail_->next : head_) = &node;
        tail_ = &node;
    }
    void push_front(Node& node)
    {
        if (!head_) tail_ = &node;
        node.next = head_;
        head_ = &node;
    }
    Node* pop()
    {
        Node* node = head_;
        head_ = node->next;
        return node;
    }
    void clear() { head_ = nullptr; }

  private:
    Node* head_ = nullptr;
    Node* tail_ = nullptr;
};

/* A command goes pending -> puts or signals -> posted. Puts are posted in the order of their number; a
 * signal is posted behind the puts with numbers below its own (Node::seq), never before an earlier signal. */
struct Lane {
    EngineContext* context = nullptr;
    int dst_rank = 0;
    NodeList pending;  /* pulled; what follows a fence that does not hold yet stays here */
    NodeList puts;     /* puts and gets, numbered, not fully posted */
    NodeList signals;  /* numbered, not posted */
    NodeList inflight; /* puts posted, in order; the front one is not complete */
    uint64_t next_put = 0;  /* number of the next put to be admitted */
    uint64_t order_seq = 0; /* Node::seq of the last order point */
    uint32_t outstanding = 0; /* operations posted and not complete */
    uint64_t* stream_seq = nullptr; /* Op::seq of the next counted operation */
    Lane* next_active = nullptr;
    bool active = false;

    bool all_posted() const { return puts.empty() && signals.empty(); }
    CommandQueue& queue() const;
    /* All puts with a number below this are posted, or in the chain about to be. */
    uint64_t posted_below() const { return puts.empty() ? next_put : puts.front()->seq; }
    /* All puts with a number below this have left inflight: complete, or not posted yet. */
    uint64_t inflight_below() const { return inflight.empty() ? posted_below() : inflight.front()->seq; }
};

}  // namespace pmx
