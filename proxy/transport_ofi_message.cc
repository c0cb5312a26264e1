/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_message.cc: signals as messages. The target's poll() applies each exactly once with one CPU
 * atomic and acknowledges it; several acks to one rank travel together. Nothing depends on the order of
 * messages or acks. */
#include <pmx_atomic.h>
#include <rdma/fi_errno.h>

#include <algorithm>
#include <cstring>

#include "transport_ofi_impl.h"

namespace pmx {

namespace {

long send_bytes(fid_ep* ep, fi_addr_t addr, void* bytes, size_t n_bytes, OfiSlot& slot, uint64_t flags)
{
    iovec local{bytes, n_bytes};
    fi_msg msg{};
    msg.msg_iov = &local;
    msg.desc = &slot.desc;
    msg.iov_count = 1;
    msg.addr = addr;
    msg.context = &slot.fabric;
    return fi_sendmsg(ep, &msg, flags);
}

}  // namespace

long OfiTransport::post_message(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags)
{
    slot.is_message = true;
    const uint32_t kind = op.kind == OpKind::signal_set ? kOfiSet : kOfiAdd;
    slot.message = {kind, uint32_t(config_.rank), slot.id, op.dst_off, op.value};
    return send_bytes(endpoint_->ep(), peer.addr, &slot.message, sizeof slot.message, slot, flags);
}

/* A message that does not read as one of ours is dropped: it cannot come from a rank of this job. */
void OfiTransport::on_receive(OfiRecvSlot& slot, size_t n_bytes)
{
    if (n_bytes < sizeof slot.kind_received) return;
    if (slot.kind_received == kOfiAck) {
        const size_t head = offsetof(OfiAckMessage, ids);
        if (n_bytes < head || slot.ack.n_ids > kOfiAckIds) return;
        if (n_bytes == head + slot.ack.n_ids * sizeof slot.ack.ids[0]) on_ack(slot.ack);
    } else if (n_bytes == sizeof slot.signal) {
        apply(slot.signal);
    }
}

void OfiTransport::apply(const OfiSignalMessage& signal)
{
    if (signal.src_rank >= peers_.size() || signal.dst_off % sizeof(uint64_t)) return;
    if (config_.heap_bytes < sizeof(uint64_t) || signal.dst_off > config_.heap_bytes - sizeof(uint64_t))
        return;
    auto* heap = static_cast<std::byte*>(config_.heap_base);
    auto* word = reinterpret_cast<uint64_t*>(heap + signal.dst_off);
    if (signal.kind == kOfiSet)
        detail::store_release(word, signal.value);
    else if (signal.kind == kOfiAdd)
        detail::fetch_add_release(word, signal.value);
    else
        return;
    Peer& peer = peers_[signal.src_rank];
    if (peer.failed) return;
    if (peer.ack_ids.empty()) ack_ranks_.push_back(int(signal.src_rank));
    peer.ack_ids.push_back(signal.id);
}

void OfiTransport::on_ack(const OfiAckMessage& ack)
{
    for (uint32_t i = 0; i < ack.n_ids; i++) {
        OfiOpSlot* slot = ops_.at(uint32_t(ack.ids[i]));
        if (slot && slot->busy && slot->is_message && !slot->done && slot->id == ack.ids[i])
            finish(*slot, PMX_SUCCESS);
    }
}

void OfiTransport::post_receives()
{
    while (OfiRecvSlot* slot = receives_.take()) {
        iovec local{&slot->ack, sizeof slot->ack};
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

/* Every rank that waits for acks gets them in its turn; one that has no room now keeps its place. */
void OfiTransport::send_acks()
{
    size_t n_kept = 0;
    for (size_t i = 0; i < ack_ranks_.size(); i++) {
        const int rank = ack_ranks_[i];
        if (!send_ack(peers_[size_t(rank)])) ack_ranks_[n_kept++] = rank;
    }
    ack_ranks_.resize(n_kept);
}

/* True when nothing is left to send to this peer. */
bool OfiTransport::send_ack(Peer& peer)
{
    while (!peer.failed && peer.ack_next < peer.ack_ids.size()) {
        OfiAckSlot* slot = acks_.take();
        if (!slot) return false;
        const size_t n_ids = std::min(kOfiAckIds, peer.ack_ids.size() - peer.ack_next);
        slot->message.kind = kOfiAck;
        slot->message.n_ids = uint32_t(n_ids);
        std::memcpy(slot->message.ids, &peer.ack_ids[peer.ack_next], n_ids * sizeof(uint64_t));
        const size_t n_bytes = offsetof(OfiAckMessage, ids) + n_ids * sizeof(uint64_t);
        const long ret =
            send_bytes(endpoint_->ep(), peer.addr, &slot->message, n_bytes, *slot, FI_COMPLETION);
        if (ret) acks_.give(slot);
        if (ret == -FI_EAGAIN) return false;
        if (ret) break; /* the peer cannot be reached: nobody waits for these */
        peer.ack_next += n_ids;
    }
    peer.ack_ids.clear();
    peer.ack_next = 0;
    return true;
}

}  // namespace pmx
