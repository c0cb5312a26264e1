/* SPDX-License-Identifier: BSD-3-Clause */
/* From pull to chain: commands are admitted (numbered, order points placed), and each lane goes as far as its order
 * mode allows. engine_post.cc makes operations of them. */
#include <algorithm>

#include "engine.h"
#include "order.h"

namespace pmx {

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
        } else if (op == PMX_CMD_GET) {
            admit_get(lane, *node);
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

/* A get has a place in the list of transfers, but no signal waits for it. */
void Engine::admit_get(Lane& lane, Node& node)
{
    lane.context->counters.add(&pmx_counters_t::gets);
    lane.context->counters.add(&pmx_counters_t::get_bytes, pmx_command_bytes(&node.command));
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
    bool run = pmx_command_op(&node.command) == PMX_CMD_SIGNAL_RUN;
    counters.add(&pmx_counters_t::signals, run ? pmx_command_run_count(&node.command) : 1);
    unsigned flags = pmx_command_flags(&node.command);
    if (flags & PMX_CMD_ORDER) {
        counters.add(&pmx_counters_t::order_points_requested);
        node.order = !first_ordered || (flags & PMX_CMD_COMMIT) || lane.context->signals == PMX_SIGNALS_COUPLED;
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
    pmx_order_t order = lane.context->order;
    bool begun = signal.n_posted != 0; /* a run, of which the first word is posted */
    if (stalls(order)) return signal.order && !begun && must_stall(lane) ? Gate::stall : Gate::go;
    bool add = pmx_command_op(&signal.command) == PMX_CMD_SIGNAL_ADD;
    bool kept = order == PMX_ORDER_FENCE || order == PMX_ORDER_COUNTED || order == kOrderNone ||
                (order == PMX_ORDER_ORDERED && (!add || transport_->caps().orders_add));
    if (kept || begun) return Gate::go;
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
            append_transfer(lane);
        else
            break;
        if (n_chain_ == kChain && !post_chain(lane)) return;
    }
    if (n_chain_ != 0 && !post_chain(lane)) return;
    bool fence_next = !lane.pending.empty() && lane.all_posted();
    if (fence_next && stalls(lane.context->order) && must_stall(lane)) begin_stall(lane);
}

}  // namespace pmx
