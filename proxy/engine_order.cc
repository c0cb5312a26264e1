/* SPDX-License-Identifier: BSD-3-Clause */
/* From pull to post: commands are admitted (numbered, order points placed), and each lane is posted as far
 * as its order mode allows. */
#include <algorithm>

#include "engine.h"

namespace pmx {

namespace {

bool stalls(pmx_order_t order) { return order == PMX_ORDER_STALL_ALL || order == PMX_ORDER_STALL_RANK; }

/* Whether this operation is the last part of its put. */
bool ends_put(const Op& op, const Node& node)
{
    return op.dst_off + op.n_bytes == node.command.word[3] + pmx_command_bytes(&node.command);
}

uint64_t cookie_of(const Lane& lane, const Node& node)
{
    return uint64_t{lane.queue().id()} << 48 | (node.ticket & ((uint64_t{1} << 48) - 1));
}

}  // namespace

void Engine::advance(Lane& lane)
{
    if (faults_.failed(lane.dst_rank)) {
        fail_pending(lane);
        return;
    }
    do {
        admit(lane);
        emit(lane);
    } while (!stalled_ && !lane.pending.empty() && fence_holds(lane));
}

/* Moves pending commands to the lists of puts and signals, up to a fence that does not hold yet. In grouped
 * mode the signals of this run share one order point behind all its puts; in coupled mode each has its
 * own, where it was issued. */
void Engine::admit(Lane& lane)
{
    Node* first_ordered = nullptr;
    while (Node* node = lane.pending.front()) {
        pmx_cmd_op_t op = pmx_command_op(&node->command);
        if (op == PMX_CMD_FENCE && !fence_holds(lane)) break;
        lane.pending.pop();
        if (op == PMX_CMD_FENCE) {
            lane.context->counters.add(&pmx_counters_t::order_points_requested);
            lane.context->counters.add(&pmx_counters_t::order_points);
            complete(*node);
        } else if (op == PMX_CMD_PUT) {
            admit_put(lane, *node);
        } else {
            admit_signal(lane, *node, first_ordered);
        }
    }
    /* Only now is it known how many puts the shared order point follows. */
    if (first_ordered && lane.context->signals == PMX_SIGNALS_GROUPED) {
        lane.order_seq = lane.next_put;
        for (Node* node = first_ordered; node; node = node->next) node->seq = lane.order_seq;
    }
}

void Engine::admit_put(Lane& lane, Node& node)
{
    lane.context->counters.add(&pmx_counters_t::puts);
    lane.context->counters.add(&pmx_counters_t::put_bytes, pmx_command_bytes(&node.command));
    if (pmx_command_bytes(&node.command) == 0) {
        complete(node);
        return;
    }
    node.seq = lane.next_put++;
    lane.puts.push(node);
}

void Engine::admit_signal(Lane& lane, Node& node, Node*& first_ordered)
{
    Counters& counters = lane.context->counters;
    counters.add(&pmx_counters_t::signals);
    if (pmx_command_flags(&node.command) & PMX_CMD_ORDER) {
        counters.add(&pmx_counters_t::order_points_requested);
        node.order = !first_ordered || lane.context->signals == PMX_SIGNALS_COUPLED;
        if (node.order) counters.add(&pmx_counters_t::order_points);
        if (!first_ordered) first_ordered = &node;
        lane.order_seq = lane.next_put;
    }
    /* A signal without an order point of its own belongs to the last one: it must not go before it. */
    node.seq = lane.order_seq;
    lane.signals.push(node);
}

/* What the lane has sent so far stays before what follows. */
bool Engine::fence_holds(const Lane& lane) const
{
    if (!lane.all_posted()) return false;
    if (stalls(lane.context->order)) return !must_stall(lane);
    const TransportCaps& caps = transport_->caps();
    bool in_order = caps.orders_put && caps.orders_set && caps.orders_add;
    return lane.outstanding == 0 || (in_order && lane.context->order == PMX_ORDER_ORDERED);
}

/* Whether an order point of a stalling mode has something to wait for. */
bool Engine::must_stall(const Lane& lane) const
{
    return (lane.context->order == PMX_ORDER_STALL_ALL ? outstanding_ : lane.outstanding) + n_chain_ != 0;
}

/* Whether a signal whose puts are all posted, or in the chain, may be posted now. */
Engine::Gate Engine::gate(const Lane& lane, const Node& signal) const
{
    if (stalls(lane.context->order)) return signal.order && must_stall(lane) ? Gate::stall : Gate::go;
    bool add = pmx_command_op(&signal.command) == PMX_CMD_SIGNAL_ADD;
    if (lane.context->order == PMX_ORDER_ORDERED && (!add || transport_->caps().orders_add)) return Gate::go;
    return std::min(lane.inflight_below(), chain_first_put_) >= signal.seq ? Gate::go : Gate::wait;
}

/* Posts what may go, in chains, until a stall begins or the transport is full. */
void Engine::emit(Lane& lane)
{
    for (;;) {
        Node* signal = lane.signals.front();
        bool puts_posted = signal && lane.posted_below() >= signal->seq;
        Gate may = puts_posted ? gate(lane, *signal) : Gate::wait;
        if (may == Gate::stall) {
            if (n_chain_ == 0 || post_chain(lane)) begin_stall(lane);
            return;
        }
        if (may == Gate::go)
            append_signal(lane);
        else if (!lane.puts.empty())
            append_put(lane);
        else
            break;
        if (n_chain_ == kChain && !post_chain(lane)) return;
    }
    if (n_chain_ != 0 && !post_chain(lane)) return;
    bool fence_next = !lane.pending.empty() && lane.all_posted();
    if (fence_next && stalls(lane.context->order) && must_stall(lane)) begin_stall(lane);
}

/* The front put, or the next part of it when the transport limits the size. */
void Engine::append_put(Lane& lane)
{
    Node& node = *lane.puts.front();
    uint64_t n_bytes = pmx_command_bytes(&node.command);
    uint64_t part = std::min(n_bytes - node.posted_bytes, transport_->caps().max_put_bytes);
    chain_first_put_ = std::min(chain_first_put_, node.seq);
    chain_[n_chain_] = {OpKind::put,
                        0,
                        config_.heap_base + node.command.word[1] + node.posted_bytes,
                        node.command.word[3] + node.posted_bytes,
                        part,
                        0,
                        cookie_of(lane, node)};
    chain_nodes_[n_chain_++] = &node;
    node.posted_bytes += part;
    if (node.posted_bytes == n_bytes) lane.puts.pop();
}

void Engine::append_signal(Lane& lane)
{
    Node& node = *lane.signals.pop();
    bool add = pmx_command_op(&node.command) == PMX_CMD_SIGNAL_ADD;
    chain_[n_chain_] = {add ? OpKind::signal_add : OpKind::signal_set,
                        0,
                        nullptr,
                        node.command.word[3],
                        8,
                        node.command.word[1],
                        cookie_of(lane, node)};
    chain_nodes_[n_chain_++] = &node;
}

/* One chain, one doorbell. What the transport does not take goes back to the front of its list. Returns
 * whether all was taken. */
bool Engine::post_chain(Lane& lane)
{
    size_t n = n_chain_;
    int result = transport_->post(lane.dst_rank, std::span<const Op>(chain_.data(), n));
    n_chain_ = 0;
    chain_first_put_ = kNoPut;
    if (result < 0) {
        fail_peer(lane.dst_rank);
        return false;
    }
    size_t taken = static_cast<size_t>(result);
    for (size_t i = 0; i < taken; i++) {
        Node& node = *chain_nodes_[i];
        bool put = chain_[i].kind == OpKind::put;
        node.parts++;
        if (put && !ends_put(chain_[i], node)) continue;
        node.state = Node::State::posted;
        if (put) lane.inflight.push(node);
    }
    progress_ += taken;
    lane.outstanding += static_cast<uint32_t>(taken);
    outstanding_ += taken;
    Counters& counters = lane.context->counters;
    if (taken != 0) counters.add(&pmx_counters_t::doorbells);
    if (taken == n) return true;
    counters.add(&pmx_counters_t::retries);
    for (size_t i = n; i-- > taken;) {
        Node& node = *chain_nodes_[i];
        if (chain_[i].kind != OpKind::put) {
            lane.signals.push_front(node);
            continue;
        }
        if (ends_put(chain_[i], node)) lane.puts.push_front(node);
        node.posted_bytes -= chain_[i].n_bytes;
    }
    return false;
}

void Engine::begin_stall(Lane& lane)
{
    stalled_ = &lane;
    stall_begin_ns_ = clock_.now_ns();
    lane.context->counters.add(&pmx_counters_t::stalls);
}

/* Nothing more goes to a rank that has failed. */
void Engine::fail_pending(Lane& lane)
{
    while (!lane.pending.empty()) {
        Node* node = lane.pending.pop();
        lane.context->counters.add(&pmx_counters_t::errors);
        complete(*node);
    }
}

}  // namespace pmx
