/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_message.cc: signals as messages, and order mode counted at the target. Its poll() applies
 * each signal exactly once with one atomic of the processor, a counted one when everything before it in its
 * stream has arrived, and acknowledges it; several acks to one rank travel together. */

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "transport_verbs_impl.h"

namespace pmx {

void VerbsTransport::append_message(Chain& chain, size_t queue, Peer& peer, const Op& op)
{
    const uint32_t index = peer.free_messages.back();
    peer.free_messages.pop_back();
    Message& message = peer.messages[index];
    message.cookie = op.cookie;
    message.busy = true;
    message.fenced = op.flags & kOpFence;
    peer.n_messages++;
    peer.n_fenced_messages += message.fenced;
    sent_.messages++;

    VerbsSignalMessage body{};
    body.kind = op.kind == OpKind::signal_set ? kVerbsSet : kVerbsAdd;
    body.stream = op.stream;
    body.id = uint64_t(message.use) << 32 | index;
    body.dst_off = op.dst_off;
    body.value = op.value;
    body.seq = op.flags & kOpCounted ? op.seq : kVerbsNotCounted;
    void* const cell = next_cell(queue);
    std::memcpy(cell, &body, sizeof body);
    ibv_send_wr& request =
        next_request(chain, queue, {op.cookie, Sort::message}, cell, sizeof body, queues_[queue].cell_key);
    request.opcode = IBV_WR_SEND;
    if (op.flags & kOpFence) request.send_flags |= IBV_SEND_FENCE;
    if (sizeof body <= mine_.max_inline()) request.send_flags |= IBV_SEND_INLINE;
}

/* The rank at the other end of one of our queue pairs, or -1. */
int VerbsTransport::source_rank(uint32_t qp_number) const
{
    const auto at = std::lower_bound(numbers_.begin(), numbers_.end(), std::pair(qp_number, 0));
    const bool known = at != numbers_.end() && at->first == qp_number && size_t(at->second) < peers_.size();
    return known ? at->second : -1;
}

/* A message that does not read as one of ours is dropped: it cannot come from a rank of this job. */
void VerbsTransport::on_message(int src_rank, const VerbsCell& cell, size_t n_bytes)
{
    uint32_t kind = 0;
    if (n_bytes < sizeof kind) return;
    std::memcpy(&kind, cell.bytes, sizeof kind);
    if (kind == kVerbsAck) {
        VerbsAckMessage ack;
        std::memcpy(&ack, cell.bytes, std::min(n_bytes, sizeof ack));
        const size_t head = offsetof(VerbsAckMessage, ids);
        if (n_bytes >= head && ack.n_ids <= kVerbsAckIds && n_bytes == head + ack.n_ids * sizeof ack.ids[0])
            on_ack(src_rank, ack);
    } else if ((kind == kVerbsSet || kind == kVerbsAdd) && n_bytes == sizeof(VerbsSignalMessage)) {
        VerbsSignalMessage message;
        std::memcpy(&message, cell.bytes, sizeof message);
        on_signal(src_rank, message);
    }
}

void VerbsTransport::on_signal(int src_rank, const VerbsSignalMessage& message)
{
    constexpr size_t kWord = sizeof(uint64_t);
    if (message.dst_off % kWord || config_.heap_bytes < kWord || message.dst_off > config_.heap_bytes - kWord)
        return;
    const ArrivedSignal signal = {message.seq, message.dst_off, message.value, message.id,
                                  message.kind == kVerbsAdd};
    if (message.seq == kVerbsNotCounted) {
        apply(src_rank, signal);
    } else if (message.stream < kMaxStreams) {
        ArrivalStream& stream = arrivals_.stream(src_rank, message.stream);
        stream.signal(signal);
        apply_ready(src_rank, stream);
    }
}

void VerbsTransport::apply_ready(int src_rank, ArrivalStream& stream)
{
    ArrivedSignal signal;
    while (stream.next(signal)) apply(src_rank, signal);
}

void VerbsTransport::apply(int src_rank, const ArrivedSignal& signal)
{
    apply_signal(static_cast<std::byte*>(config_.heap_base) + signal.dst_off, signal.value, signal.add);
    Peer& peer = peers_[size_t(src_rank)];
    if (peer.ack_ids.empty()) ack_ranks_.push_back(src_rank);
    peer.ack_ids.push_back(signal.id);
}

void VerbsTransport::on_ack(int src_rank, const VerbsAckMessage& ack)
{
    Peer& peer = peers_[size_t(src_rank)];
    for (uint32_t i = 0; i < ack.n_ids; i++) {
        const auto index = uint32_t(ack.ids[i]), use = uint32_t(ack.ids[i] >> 32);
        if (index >= peer.messages.size()) continue;
        Message& message = peer.messages[index];
        if (!message.busy || message.use != use) continue;
        finish(message.cookie, PMX_SUCCESS);
        message.busy = false;
        message.use++;
        peer.n_messages--;
        peer.n_fenced_messages -= message.fenced;
        peer.free_messages.push_back(index);
    }
}

/* All cells that are not posted, in one chain. */
void VerbsTransport::post_receives()
{
    constexpr size_t kBatch = 32;
    while (!idle_receives_.empty()) {
        std::array<ibv_recv_wr, kBatch> requests;
        std::array<ibv_sge, kBatch> pieces;
        const size_t n = std::min(kBatch, idle_receives_.size());
        for (size_t i = 0; i < n; i++) {
            const uint32_t index = idle_receives_[idle_receives_.size() - 1 - i];
            VerbsCell& cell = mine_.receive_cell(index);
            pieces[i] = {reinterpret_cast<uint64_t>(cell.bytes), uint32_t(sizeof cell.bytes),
                         mine_.receive_key()};
            requests[i] = {kReceiveBit | index, i + 1 < n ? &requests[i + 1] : nullptr, &pieces[i], 1};
        }
        ibv_recv_wr* refused = nullptr;
        const int err = ibv_post_srq_recv(mine_.srq(), requests.data(), &refused);
        const size_t n_posted = err ? size_t(refused - requests.data()) : n;
        idle_receives_.resize(idle_receives_.size() - n_posted);
        if (err) return; /* the next poll tries again */
    }
}

/* Every rank that waits for acks gets them in its turn; one that has no room now keeps its place. */
void VerbsTransport::send_acks()
{
    size_t n_kept = 0;
    for (size_t i = 0; i < ack_ranks_.size(); i++) {
        const int rank = ack_ranks_[i];
        if (!send_acks_to(rank)) ack_ranks_[n_kept++] = rank;
    }
    ack_ranks_.resize(n_kept);
}

/* True when nothing is left to send to this rank. By the first channel, whatever the signals came by. */
bool VerbsTransport::send_acks_to(int rank)
{
    Peer& peer = peers_[size_t(rank)];
    const unsigned i = pick_queue(0, rank, peer);
    const size_t queue = queue_index(0, rank, i);
    Chain& chain = chains_[i];
    while (!peer.failed && peer.ack_next < peer.ack_ids.size() && room(queues_[queue]) && chain.n < kChain) {
        VerbsAckMessage ack{};
        const size_t n_ids = std::min(kVerbsAckIds, peer.ack_ids.size() - peer.ack_next);
        ack.kind = kVerbsAck;
        ack.n_ids = uint32_t(n_ids);
        std::copy_n(&peer.ack_ids[peer.ack_next], n_ids, ack.ids);
        peer.ack_next += n_ids;
        const size_t n_bytes = offsetof(VerbsAckMessage, ids) + n_ids * sizeof ack.ids[0];
        void* const cell = next_cell(queue);
        std::memcpy(cell, &ack, n_bytes);
        ibv_send_wr& request = next_request(chain, queue, {0, Sort::own}, cell, n_bytes, queues_[queue].cell_key);
        request.opcode = IBV_WR_SEND;
        if (n_bytes <= mine_.max_inline()) request.send_flags |= IBV_SEND_INLINE;
    }
    if (!ring(chain, queue)) break_peer(rank);
    if (!peer.failed && peer.ack_next < peer.ack_ids.size()) return false;
    peer.ack_ids.clear();
    peer.ack_next = 0;
    return true;
}

}  // namespace pmx
