/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_post.cc: from operations to libfabric calls: the path of each, and what keeps its order. */
#include <rdma/fi_atomic.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <algorithm>

#include "transport_ofi_impl.h"

namespace pmx {

int OfiTransport::post(int dst_rank, std::span<const Op> ops)
{
    if (dst_rank < 0 || size_t(dst_rank) >= peers_.size()) return PMX_ERR_RANK;
    Peer& peer = peers_[size_t(dst_rank)];
    if (peer.failed || peer.addr == FI_ADDR_UNSPEC) return PMX_ERR_PEER_FAILED;

    size_t n_taken = 0;
    while (n_taken < ops.size()) {
        const Op& op = ops[n_taken];
        const size_t n_together = n_in_put_message(peer, ops.subspan(n_taken));
        if (op.n_bytes > caps().max_put_bytes) return n_taken ? int(n_taken) : PMX_ERR_ARGUMENT;
        if (!n_together && must_wait(peer, op)) break;
        OfiOpSlot* slot = peer.n_busy < max_busy_ ? ops_.take() : nullptr;
        if (!slot) break;
        const Path path = n_together ? Path::message : path_of(peer, op);
        const bool was_behind = peer.behind_fence;
        fill(*slot, dst_rank, op, path, n_together);
        uint64_t flags = FI_COMPLETION | fence_flag(peer, op, path);
        const size_t next = n_taken + std::max<size_t>(n_together, 1);
        /* FI_MORE holds the doorbell back, so it is set only when the next operation will follow at once. */
        const bool room = next < ops.size() && ops_.n_free() > 0 && peer.n_busy < max_busy_;
        if (room && !must_wait(peer, ops[next])) flags |= FI_MORE;
        const long ret = n_together ? post_put_message(peer, op, n_together == 2 ? &ops[n_taken + 1] : nullptr, *slot, flags)
                                    : post_op(peer, op, path, *slot, flags);
        if (ret == 0) {
            if (path == Path::message && peer.next_ack() != kOfiNoAck) peer.acked(1);
            n_taken = next;
            continue;
        }
        peer.behind_fence = was_behind;
        end_message(*slot);
        free_op(*slot);
        if (ret == -FI_EAGAIN || n_taken) break;
        return ofi_peer_error(int(-ret));
    }
    return int(n_taken);
}

/* A signal that must stay behind what was posted before it cannot be placed by the target's NIC while earlier
 * ones wait for the target's CPU: it goes after them, as a message. */
OfiTransport::Path OfiTransport::path_of(const Peer& peer, const Op& op) const
{
    if (op.kind == OpKind::put) return Path::write;
    if (op.kind == OpKind::get) return Path::read;
    const bool set = op.kind == OpKind::signal_set;
    const bool native = set ? set_by_write() : add_native();
    if (!native || (op.flags & kOpCounted)) return Path::message;
    const bool behind = (op.flags & (kOpFence | kOpOrdered)) && peer.n_messages;
    if (behind && endpoint_->messages_in_order()) return Path::message;
    return set ? Path::write : Path::atomic;
}

/* How many of the first operations go together as one message with the data, 0..2: a small put and the signal that must
 * stay behind it, when nothing else is under way. One message and its answer take half the time of a write, its
 * answer, a signal and its ack; where many are under way the target's CPU has better things to do than to copy. Once there
 * are such messages small puts stay on their way, since what the NIC places would have to wait for the acks. */
size_t OfiTransport::n_in_put_message(const Peer& peer, std::span<const Op> ops) const
{
    const Op& put = ops[0];
    if (!endpoint_->puts_by_message() || put.kind != OpKind::put || put.n_bytes > kOfiPutBytes || put.flags) return 0;
    const bool pair = ops.size() > 1 && ops[1].flags == kOpOrdered && path_of(peer, ops[1]) == Path::message;
    if (peer.n_put_messages) return pair ? 2 : 1;
    return pair && ops.size() == 2 && peer.n_busy == 0 ? 2 : 0;
}

/* The NIC of the target would place this one before its CPU has applied messages that come first: all of them
 * for a signal that must stay behind, those with data or a fence for any operation. */
bool OfiTransport::must_wait(const Peer& peer, const Op& op) const
{
    if (peer.n_messages == 0 || path_of(peer, op) == Path::message) return false;
    if (peer.n_put_messages) return true;
    const bool signal = op.kind == OpKind::signal_set || op.kind == OpKind::signal_add;
    return peer.n_fenced_messages || (signal && (op.flags & (kOpFence | kOpOrdered)));
}

/* FI_FENCE keeps an operation, and all later ones, behind all earlier ones; it does not keep the later ones
 * behind this one. So the next one needs it too, where nothing else orders the two. */
uint64_t OfiTransport::fence_flag(Peer& peer, const Op& op, Path path) const
{
    const bool asked = op.flags & kOpFence;
    const bool in_order = path == Path::message ? endpoint_->messages_in_order()
                                                : path != Path::read && endpoint_->writes_in_order();
    if (!asked && (!peer.behind_fence || in_order)) return 0;
    peer.behind_fence = asked;
    return FI_FENCE;
}

void OfiTransport::fill(OfiOpSlot& slot, int dst_rank, const Op& op, Path path, size_t n_together)
{
    Peer& peer = peers_[size_t(dst_rank)];
    slot.cookie = op.cookie;
    slot.dst_rank = dst_rank;
    slot.busy = slot.in_provider = true;
    slot.done = slot.reported = false;
    slot.is_message = path == Path::message;
    slot.is_fenced = op.flags & kOpFence;
    slot.has_put = n_together != 0;
    slot.is_pair = n_together == 2;
    peer.n_put_messages += slot.has_put;
    peer.n_busy++;
    peer.n_messages += slot.is_message;
    peer.n_fenced_messages += slot.is_message && slot.is_fenced;
}

long OfiTransport::post_op(const Peer& peer, const Op& op, Path path, OfiOpSlot& slot, uint64_t flags)
{
    if (path == Path::message) return post_message(peer, op, slot, flags);
    if (op.kind != OpKind::put && op.kind != OpKind::get)
        slot.value = op.value; /* the source must stay until completion, so it lives in the slot */
    if (path == Path::atomic) return post_atomic_add(peer, op.dst_off, slot, flags);
    return post_rma(peer, op, path, slot, flags);
}

/* A put, a SET as a write of 8 bytes, or a get. A counted put carries its number to the target's queue. */
long OfiTransport::post_rma(const Peer& peer, const Op& op, Path path, OfiOpSlot& slot, uint64_t flags)
{
    const bool set = op.kind == OpKind::signal_set;
    iovec local{set ? &slot.value : const_cast<void*>(op.src), set ? sizeof slot.value : op.n_bytes};
    fi_rma_iov remote{peer.base + op.dst_off, local.iov_len, peer.key};
    void* desc = set ? slot.desc : heap_desc_;
    fi_msg_rma msg{};
    msg.msg_iov = &local;
    msg.desc = &desc;
    msg.iov_count = 1;
    msg.addr = peer.addr;
    msg.rma_iov = &remote;
    msg.rma_iov_count = 1;
    msg.context = &slot.fabric;
    if (path == Path::read) return fi_readmsg(endpoint_->ep(), &msg, flags);
    if (op.flags & kOpCounted) {
        const uint64_t data = OfiData::pack(config_.rank, op.stream, op.seq);
        msg.data = endpoint_->source_by_address() ? OfiData::without_rank(data) : data;
        flags |= FI_REMOTE_CQ_DATA;
    }
    return fi_writemsg(endpoint_->ep(), &msg, flags | FI_DELIVERY_COMPLETE);
}

long OfiTransport::post_atomic_add(const Peer& peer, uint64_t dst_off, OfiOpSlot& slot, uint64_t flags)
{
    fi_ioc local{&slot.value, 1};
    fi_rma_ioc remote{peer.base + dst_off, 1, peer.key};
    fi_msg_atomic msg{};
    msg.msg_iov = &local;
    msg.desc = &slot.desc;
    msg.iov_count = 1;
    msg.addr = peer.addr;
    msg.rma_iov = &remote;
    msg.rma_iov_count = 1;
    msg.datatype = FI_UINT64;
    msg.op = FI_SUM;
    msg.context = &slot.fabric;
    return fi_atomicmsg(endpoint_->ep(), &msg, flags | FI_DELIVERY_COMPLETE);
}

}  // namespace pmx
