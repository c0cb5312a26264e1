/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_message.cc: signals as messages. The target's poll() applies each exactly once with one CPU
 * atomic and acknowledges it: with the next message to that rank, when there is one soon, else several acks together.
 * Nothing depends on the order of messages or acks. */
#include <rdma/fi_errno.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "transport_ofi_impl.h"

namespace pmx {

namespace {

constexpr size_t kPlainBytes = offsetof(OfiSignalMessage, seq); /* of a signal that is not counted */

long send_parts(fid_ep* ep, fi_addr_t addr, std::span<const iovec> parts, void** descs, OfiSlot& slot, uint64_t flags)
{
    fi_msg msg{};
    msg.msg_iov = parts.data();
    msg.desc = descs;
    msg.iov_count = parts.size();
    msg.addr = addr;
    msg.context = &slot.fabric;
    return fi_sendmsg(ep, &msg, flags);
}

}  // namespace

/* Whether the provider takes a message away at once, and says no more of it. A completion that nobody needs costs it three
 * calls of the system (libfabric 1.17, tcp). */
bool OfiTransport::leaves(size_t n_bytes, uint64_t flags) const
{
    return flags == FI_COMPLETION && n_bytes <= endpoint_->inject_bytes();
}

long OfiTransport::send(const Peer& peer, void* bytes, size_t n_bytes, OfiSlot& slot, uint64_t flags)
{
    if (leaves(n_bytes, flags)) return fi_inject(endpoint_->ep(), bytes, n_bytes, peer.addr);
    const iovec local{bytes, n_bytes};
    return send_parts(endpoint_->ep(), peer.addr, {&local, 1}, &slot.desc, slot, flags);
}

long OfiTransport::send_from(OfiOpSlot& slot, const Peer& peer, void* bytes, size_t n_bytes, uint64_t flags)
{
    slot.in_provider = !leaves(n_bytes, flags);
    return send(peer, bytes, n_bytes, slot, flags);
}

long OfiTransport::post_message(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags)
{
    const uint32_t kind = op.kind == OpKind::signal_set ? kOfiSet : kOfiAdd;
    const bool counted = op.flags & kOpCounted;
    slot.message = {kind, uint32_t(config_.rank), slot.id, peer.next_ack(), op.dst_off, op.value, op.seq, op.stream, 0};
    const size_t n_bytes = counted ? sizeof slot.message : kPlainBytes;
    return send_from(slot, peer, &slot.message, n_bytes, flags);
}

/* signal: the one behind it, or null. */
long OfiTransport::post_put_message(const Peer& peer, const Op& put, const Op* signal, OfiOpSlot& slot, uint64_t flags)
{
    uint32_t kind = kOfiPut;
    if (signal) kind = signal->kind == OpKind::signal_set ? kOfiPutSet : kOfiPutAdd;
    slot.put.head = {kind, uint32_t(config_.rank), slot.id, peer.next_ack(), signal ? signal->dst_off : 0,
                     signal ? signal->value : 0, put.dst_off, put.n_bytes};
    slot.signal_cookie = signal ? signal->cookie : 0;
    if (put.n_bytes <= sizeof slot.put.data) {
        std::memcpy(slot.put.data, put.src, put.n_bytes);
        return send_from(slot, peer, &slot.put, sizeof slot.put.head + put.n_bytes, flags);
    }
    const iovec parts[] = {{&slot.put.head, sizeof slot.put.head}, {const_cast<void*>(put.src), put.n_bytes}};
    void* descs[] = {slot.desc, heap_desc_};
    return send_parts(endpoint_->ep(), peer.addr, parts, descs, slot, flags);
}

/* A message that does not read as one of ours is dropped: it cannot come from a rank of this job. */
void OfiTransport::on_receive(OfiRecvSlot& slot, size_t n_bytes)
{
    if (n_bytes < sizeof slot.kind_received) return;
    if (slot.kind_received == kOfiAck) {
        const size_t head = offsetof(OfiAckMessage, ids);
        if (n_bytes < head || slot.ack.n_ids > kOfiAckIds) return;
        if (n_bytes != head + slot.ack.n_ids * sizeof slot.ack.ids[0]) return;
        for (uint32_t i = 0; i < slot.ack.n_ids; i++) on_ack(slot.ack.ids[i]);
    } else if (slot.kind_received >= kOfiPut && slot.kind_received <= kOfiPutAdd) {
        const OfiPutMessage& head = slot.put.head;
        if (n_bytes <= sizeof head || n_bytes - sizeof head != head.n_bytes) return;
        on_ack(head.ack);
        on_put(head, slot.put.data);
    } else if (n_bytes == kPlainBytes || n_bytes == sizeof slot.signal) {
        on_ack(slot.signal.ack);
        on_signal(slot.signal, n_bytes == sizeof slot.signal);
    }
}

/* A counted signal waits until everything before it in its stream has arrived. */
void OfiTransport::on_signal(const OfiSignalMessage& message, bool counted)
{
    if (message.src_rank >= peers_.size() || message.dst_off % sizeof(uint64_t)) return;
    if (config_.heap_bytes < sizeof(uint64_t) || message.dst_off > config_.heap_bytes - sizeof(uint64_t))
        return;
    if (message.kind != kOfiSet && message.kind != kOfiAdd) return;
    const int src_rank = int(message.src_rank);
    const ArrivedSignal signal = {message.seq, message.dst_off, message.value, message.id,
                                  message.kind == kOfiAdd};
    if (!counted) {
        apply(src_rank, signal);
    } else if (message.stream < kMaxStreams && !peers_[message.src_rank].failed) {
        ArrivalStream& stream = arrivals_.stream(src_rank, message.stream);
        stream.signal(signal);
        apply_ready(src_rank, stream);
    }
}

void OfiTransport::on_put(const OfiPutMessage& message, const std::byte* data)
{
    if (message.src_rank >= peers_.size() || message.put_off > config_.heap_bytes ||
        message.n_bytes > config_.heap_bytes - message.put_off)
        return;
    auto* heap = static_cast<std::byte*>(config_.heap_base);
    const bool alone = message.kind == kOfiPut;
    const bool in_heap = config_.heap_bytes >= sizeof(uint64_t) &&
                         message.dst_off <= config_.heap_bytes - sizeof(uint64_t);
    if (!alone && (!in_heap || message.dst_off % sizeof(uint64_t))) return;
    std::memcpy(heap + message.put_off, data, message.n_bytes);
    if (!alone) apply_signal(heap + message.dst_off, message.value, message.kind == kOfiPutAdd);
    acknowledge(int(message.src_rank), message.id);
}

void OfiTransport::apply(int src_rank, const ArrivedSignal& signal)
{
    apply_signal(static_cast<std::byte*>(config_.heap_base) + signal.dst_off, signal.value, signal.add);
    acknowledge(src_rank, signal.id);
}

void OfiTransport::acknowledge(int src_rank, uint64_t id)
{
    Peer& peer = peers_[size_t(src_rank)];
    if (peer.failed) return;
    if (!peer.owes_acks) ack_ranks_.push_back(src_rank);
    peer.owes_acks = true;
    if (peer.ack_ids.empty()) peer.ack_poll = n_polls_;
    peer.ack_ids.push_back(id);
}

/* The next ones are on their way. */
void OfiTransport::Peer::acked(size_t n_ids)
{
    ack_next += n_ids;
    if (ack_next < ack_ids.size()) return;
    ack_ids.clear();
    ack_next = 0;
}

void OfiTransport::on_ack(uint64_t id)
{
    OfiOpSlot* slot = ops_.at(uint32_t(id));
    if (slot && slot->busy && slot->is_message && !slot->done && slot->id == id) finish(*slot, PMX_SUCCESS);
}

void OfiTransport::post_receives()
{
    while (OfiRecvSlot* slot = receives_.take()) {
        iovec local{&slot->put, sizeof slot->put};
        fi_msg msg{};
        msg.msg_iov = &local;
        msg.desc = &slot->desc;
        msg.iov_count = 1;
        msg.addr = FI_ADDR_UNSPEC;
        msg.context = &slot->fabric;
        slot->posted = true;
        if (fi_recvmsg(endpoint_->ep(), &msg, FI_COMPLETION) == 0) continue;
        slot->posted = false;
        receives_.give(slot); /* no room now: the next poll tries again */
        return;
    }
}

/* Every rank that waits for acks gets them in its turn; one that has no room now keeps its place. The first ack waits for
 * a message to ride with: until the next poll, or the one behind it where a thread may send an answer of its own. Longer
 * would be a burden on who waits for each operation. */
void OfiTransport::send_acks()
{
    size_t n_kept = 0;
    for (size_t i = 0; i < ack_ranks_.size(); i++) {
        const int rank = ack_ranks_[i];
        Peer& peer = peers_[size_t(rank)];
        peer.owes_acks = !send_ack(peer);
        if (peer.owes_acks) ack_ranks_[n_kept++] = rank;
    }
    ack_ranks_.resize(n_kept);
}

/* True when nothing is left to send to this peer. */
bool OfiTransport::send_ack(Peer& peer)
{
    if (peer.ack_ids.empty()) return true;
    if (n_polls_ - peer.ack_poll < (config_.visited ? 2 : 1)) return false;
    while (!peer.failed && !peer.ack_ids.empty()) {
        OfiAckSlot* slot = acks_.take();
        if (!slot) return false;
        const size_t n_ids = std::min(kOfiAckIds, peer.ack_ids.size() - peer.ack_next);
        slot->message.kind = kOfiAck;
        slot->message.n_ids = uint32_t(n_ids);
        std::memcpy(slot->message.ids, &peer.ack_ids[peer.ack_next], n_ids * sizeof(uint64_t));
        const size_t n_bytes = offsetof(OfiAckMessage, ids) + n_ids * sizeof(uint64_t);
        const long ret = send(peer, &slot->message, n_bytes, *slot, FI_COMPLETION);
        if (ret || leaves(n_bytes, FI_COMPLETION)) acks_.give(slot);
        if (ret == -FI_EAGAIN) return false;
        if (ret) break; /* the peer cannot be reached: nobody waits for these */
        peer.acked(n_ids);
    }
    peer.acked(peer.ack_ids.size() - peer.ack_next);
    return true;
}

}  // namespace pmx
