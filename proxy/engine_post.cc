/* SPDX-License-Identifier: BSD-3-Clause */
/* From chain to transport: the operations of a lane that are posted together. */
#include <algorithm>

#include "engine.h"

namespace pmx {

namespace {

bool is_signal(const Op& op) { return op.kind == OpKind::signal_set || op.kind == OpKind::signal_add; }

/* What the parts of a node add up to: bytes of a transfer, words of a run. */
uint64_t extent(const pmx_command_t& command)
{
    switch (pmx_command_op(&command)) {
    case PMX_CMD_SIGNAL_SET:
    case PMX_CMD_SIGNAL_ADD: return 1;
    case PMX_CMD_SIGNAL_RUN: return pmx_command_run_count(&command);
    default: return pmx_command_bytes(&command);
    }
}

/* Whether this operation is the last part of its node. */
bool ends_node(const Op& op, const Node& node)
{
    const pmx_command_t& command = node.command;
    if (!is_signal(op)) return op.dst_off + op.n_bytes == command.word[3] + pmx_command_bytes(&command);
    if (pmx_command_op(&command) != PMX_CMD_SIGNAL_RUN) return true;
    return op.dst_off == command.word[3] + (extent(command) - 1) * pmx_command_run_stride(&command);
}

uint64_t cookie_of(const Lane& lane, const Node& node)
{
    return uint64_t{lane.queue().id()} << 48 | (node.ticket & ((uint64_t{1} << 48) - 1));
}

uint8_t flags_of(pmx_order_t order, const Node& node, bool signal)
{
    switch (order) {
    case PMX_ORDER_FENCE: return signal && node.order && node.n_posted == 0 ? kOpFence : 0;
    case PMX_ORDER_ORDERED: return signal ? kOpOrdered : 0;
    case PMX_ORDER_COUNTED: return kOpCounted;
    default: return 0;
    }
}

}  // namespace

/* The front put or get, or the next part of it when the transport limits the size. */
void Engine::append_transfer(Lane& lane)
{
    Node& node = *lane.puts.front();
    bool get = pmx_command_op(&node.command) == PMX_CMD_GET;
    uint64_t n_bytes = pmx_command_bytes(&node.command);
    uint64_t part = std::min(n_bytes - node.n_posted, transport_->caps().max_put_bytes);
    if (!get) chain_first_put_ = std::min(chain_first_put_, node.seq);
    chain_[n_chain_] = {.kind = get ? OpKind::get : OpKind::put,
                        .flags = get ? uint8_t{0} : flags_of(lane.context->order, node, false),
                        .src = config_.heaps.at(node.command.word[1]) + node.n_posted,
                        .dst_off = node.command.word[3] + node.n_posted,
                        .n_bytes = part,
                        .value = 0,
                        .cookie = cookie_of(lane, node),
                        .seq = 0,
                        .stream = lane.context->stream};
    chain_nodes_[n_chain_++] = &node;
    node.n_posted += part;
    if (node.n_posted == n_bytes) lane.puts.pop();
}

/* The front signal, or the next one of the run. */
void Engine::append_signal(Lane& lane)
{
    Node& node = *lane.signals.front();
    const pmx_command_t& command = node.command;
    pmx_cmd_op_t op = pmx_command_op(&command);
    uint64_t value = command.word[1], dst_off = command.word[3];
    if (op == PMX_CMD_SIGNAL_RUN) {
        value = detail::load_relaxed(reinterpret_cast<const uint64_t*>(config_.heaps.at(value)) + node.n_posted);
        dst_off += node.n_posted * pmx_command_run_stride(&command);
    }
    chain_[n_chain_] = {.kind = op == PMX_CMD_SIGNAL_ADD ? OpKind::signal_add : OpKind::signal_set,
                        .flags = flags_of(lane.context->order, node, true),
                        .src = nullptr,
                        .dst_off = dst_off,
                        .n_bytes = 8,
                        .value = value,
                        .cookie = cookie_of(lane, node),
                        .seq = 0,
                        .stream = lane.context->stream};
    chain_nodes_[n_chain_++] = &node;
    if (++node.n_posted == extent(command)) lane.signals.pop();
}

void Engine::number_chain(const Lane& lane)
{
    uint64_t seq = *lane.stream_seq;
    for (size_t i = 0; i < n_chain_; i++)
        if (chain_[i].flags & kOpCounted) chain_[i].seq = seq++;
}

/* One chain, one doorbell. What the transport does not take goes back to the front of its list. Returns
 * whether all was taken. */
bool Engine::post_chain(Lane& lane)
{
    size_t n = n_chain_;
    if (lane.context->order == PMX_ORDER_COUNTED) number_chain(lane);
    int result = transport_->post(lane.dst_rank, std::span<const Op>(chain_.data(), n));
    n_chain_ = 0;
    chain_first_put_ = kNoPut;
    if (result < 0) {
        fail_peer(lane.dst_rank, PeerFault::unreachable);
        return false;
    }
    size_t taken = static_cast<size_t>(result);
    on_taken(lane, taken);
    if (taken == n) return true;
    lane.context->counters.add(&pmx_counters_t::retries);
    put_back(lane, taken, n);
    return false;
}

void Engine::on_taken(Lane& lane, size_t n_taken)
{
    if (n_taken == 0) return;
    for (size_t i = 0; i < n_taken; i++) {
        Node& node = *chain_nodes_[i];
        node.parts++;
        if (chain_[i].flags & kOpCounted) *lane.stream_seq = chain_[i].seq + 1;
        if (!ends_node(chain_[i], node)) continue;
        node.state = Node::State::posted;
        if (chain_[i].kind == OpKind::put) lane.inflight.push(node);
    }
    progress_ += n_taken;
    lane.outstanding += static_cast<uint32_t>(n_taken);
    outstanding_ += n_taken;
    lane.context->counters.add(&pmx_counters_t::doorbells);
}

/* Back to front, so that each lands before the one that was behind it. */
void Engine::put_back(Lane& lane, size_t first, size_t n)
{
    for (size_t i = n; i-- > first;) {
        Node& node = *chain_nodes_[i];
        bool signal = is_signal(chain_[i]);
        if (ends_node(chain_[i], node)) (signal ? lane.signals : lane.puts).push_front(node);
        node.n_posted -= signal ? 1 : chain_[i].n_bytes;
    }
}

void Engine::begin_stall(Lane& lane)
{
    stalled_ = &lane;
    stall_begin_ns_ = clock_.now_ns();
    lane.context->counters.add(&pmx_counters_t::stalls);
}

}  // namespace pmx
