/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi.cc: opening, posting and polling of the libfabric transport. */
#include <rdma/fi_atomic.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>

#include <algorithm>

#include "transport_ofi_impl.h"

namespace pmx {

namespace {

constexpr size_t kQueueBatch = 32;
constexpr size_t kAckSlots = 64;
/* Where the domain lets us choose keys: the heap, then one for each block of slots. */
constexpr uint64_t kHeapKey = 1;

}  // namespace

Status OfiTransport::open(const OfiRow& row, bool native_add, const TransportConfig& config,
                          std::unique_ptr<OfiTransport>& out)
{
    auto made = std::make_unique<OfiTransport>();
    made->config_ = config;
    made->next_slot_key_ = kHeapKey + 1;
    PMX_TRY(OfiEndpoint::open(row, native_add, size_t(config.size), made->endpoint_));
    OfiEndpoint& endpoint = *made->endpoint_;
    PMX_TRY(endpoint.register_memory(config.heap_base, config.heap_bytes,
                                     FI_READ | FI_WRITE | FI_REMOTE_READ | FI_REMOTE_WRITE, kHeapKey,
                                     &made->heap_region_));
    made->heap_desc_ = fi_mr_desc(made->heap_region_);
    made->max_busy_ = config.size > 2 ? endpoint.n_ops() / 2 : endpoint.n_ops();
    PMX_TRY(made->ops_.grow(endpoint, OfiSlotKind::op, endpoint.n_ops(), made->next_slot_key_++));
    PMX_TRY(made->receives_.grow(endpoint, OfiSlotKind::recv, endpoint.n_recv(), made->next_slot_key_++));
    PMX_TRY(made->acks_.grow(endpoint, OfiSlotKind::ack, kAckSlots, made->next_slot_key_++));
    made->post_receives();
    out = std::move(made);
    return {};
}

int OfiTransport::post(int dst_rank, std::span<const Op> ops)
{
    if (dst_rank < 0 || size_t(dst_rank) >= peers_.size()) return PMX_ERR_RANK;
    Peer& peer = peers_[size_t(dst_rank)];
    if (peer.failed || peer.addr == FI_ADDR_UNSPEC) return PMX_ERR_PEER_FAILED;

    size_t n_taken = 0;
    for (const Op& op : ops) {
        if (op.kind == OpKind::put && op.n_bytes > caps().max_put_bytes)
            return n_taken ? int(n_taken) : PMX_ERR_ARGUMENT;
        OfiOpSlot* slot = peer.n_busy < max_busy_ ? ops_.take() : nullptr;
        if (!slot) break;
        /* FI_MORE holds the doorbell back, so it is set only when the next operation will follow at once. */
        const bool more = n_taken + 1 < ops.size() && ops_.n_free() > 0 && peer.n_busy + 1 < max_busy_;
        const bool fence = (op.flags & kOpFence) && caps().fence;
        slot->cookie = op.cookie;
        slot->dst_rank = dst_rank;
        slot->busy = slot->in_provider = true;
        peer.n_busy++;
        slot->is_message = slot->done = slot->reported = false;
        const uint64_t flags = FI_COMPLETION | (more ? FI_MORE : 0) | (fence ? FI_FENCE : 0);
        const long ret = post_op(peer, op, *slot, flags);
        if (ret == 0) {
            n_taken++;
            continue;
        }
        free_op(*slot);
        if (ret == -FI_EAGAIN || n_taken) break;
        return ofi_peer_error(int(-ret));
    }
    return int(n_taken);
}

long OfiTransport::post_op(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags)
{
    if (op.kind == OpKind::put)
        return post_write(peer, op.src, op.n_bytes, op.dst_off, heap_desc_, slot, flags);
    const bool native = op.kind == OpKind::signal_set ? set_by_write() : add_native();
    if (!native) return post_message(peer, op, slot, flags);
    slot.value = op.value; /* the source must stay until completion, so it lives in the slot */
    if (op.kind == OpKind::signal_add) return post_atomic_add(peer, op.dst_off, slot, flags);
    return post_write(peer, &slot.value, sizeof slot.value, op.dst_off, slot.desc, slot, flags);
}

long OfiTransport::post_write(const Peer& peer, const void* src, size_t n_bytes, uint64_t dst_off, void* desc,
                              OfiOpSlot& slot, uint64_t flags)
{
    iovec local{const_cast<void*>(src), n_bytes};
    fi_rma_iov remote{peer.base + dst_off, n_bytes, peer.key};
    fi_msg_rma msg{};
    msg.msg_iov = &local;
    msg.desc = &desc;
    msg.iov_count = 1;
    msg.addr = peer.addr;
    msg.rma_iov = &remote;
    msg.rma_iov_count = 1;
    msg.context = &slot.fabric;
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

int OfiTransport::poll(std::span<Completion> out)
{
    const int ret = read_queue();
    if (ret < 0) return ret;
    post_receives();
    send_acks();
    return report(out);
}

/* One batch: 0, or a negative PMX_ERR_* when the queue itself is broken. */
int OfiTransport::read_queue()
{
    fi_cq_msg_entry entries[kQueueBatch];
    const long n = fi_cq_read(endpoint_->cq(), entries, kQueueBatch);
    if (n == -FI_EAVAIL) return read_errors();
    if (n < 0) return n == -FI_EAGAIN || n == -FI_EINTR ? 0 : PMX_ERR_TRANSPORT;
    for (long i = 0; i < n; i++)
        if (entries[i].op_context)
            on_provider_done(static_cast<OfiSlot*>(entries[i].op_context), entries[i].len, PMX_SUCCESS);
    return 0;
}

int OfiTransport::read_errors()
{
    for (size_t i = 0; i < kQueueBatch; i++) {
        fi_cq_err_entry entry{};
        const long n = fi_cq_readerr(endpoint_->cq(), &entry, 0);
        if (n == -FI_EAGAIN || n == 0) return 0;
        if (n < 0) return PMX_ERR_TRANSPORT;
        if (entry.op_context)
            on_provider_done(static_cast<OfiSlot*>(entry.op_context), 0, ofi_peer_error(entry.err));
    }
    return 0;
}

void OfiTransport::on_provider_done(OfiSlot* context, size_t n_bytes, pmx_err_t err)
{
    switch (context->kind) {
        case OfiSlotKind::op:
            on_op_done(*static_cast<OfiOpSlot*>(context), err);
            break;
        case OfiSlotKind::recv: {
            auto& slot = *static_cast<OfiRecvSlot*>(context);
            if (err == PMX_SUCCESS) on_receive(slot, n_bytes);
            slot.posted = false;
            receives_.give(&slot);
            break;
        }
        case OfiSlotKind::ack:
            acks_.give(static_cast<OfiAckSlot*>(context));
            break;
    }
}

/* A message that was only sent is not done: its ack says so. */
void OfiTransport::on_op_done(OfiOpSlot& slot, pmx_err_t err)
{
    slot.in_provider = false;
    if (!slot.done && (!slot.is_message || err != PMX_SUCCESS)) finish(slot, err);
    if (slot.reported) free_op(slot);
}

void OfiTransport::free_op(OfiOpSlot& slot)
{
    slot.busy = slot.in_provider = false;
    peers_[size_t(slot.dst_rank)].n_busy--;
    ops_.give(&slot);
}

void OfiTransport::finish(OfiOpSlot& slot, pmx_err_t err)
{
    slot.done = true;
    slot.err = err;
    slot.next_done = nullptr;
    (done_tail_ ? done_tail_->next_done : done_head_) = &slot;
    done_tail_ = &slot;
}

int OfiTransport::report(std::span<Completion> out)
{
    size_t n = 0;
    while (n < out.size() && done_head_) {
        OfiOpSlot& slot = *done_head_;
        done_head_ = slot.next_done;
        if (!done_head_) done_tail_ = nullptr;
        out[n++] = {slot.cookie, slot.err};
        slot.reported = true;
        slot.id += uint64_t(1) << 32; /* an ack of this use that comes now is too late */
        if (!slot.in_provider) free_op(slot);
    }
    return int(n);
}

/* Operations that the provider still holds may never come back, so as many slots are added: the other
 * ranks keep their room. The address stays in the table, because the provider may use it until the end. */
void OfiTransport::fail_peer(int dst_rank)
{
    if (dst_rank < 0 || size_t(dst_rank) >= peers_.size()) return;
    Peer& peer = peers_[size_t(dst_rank)];
    if (peer.failed) return;
    peer.failed = true;
    size_t n_held = 0;
    ops_.for_each([&](OfiOpSlot& slot) {
        if (!slot.busy || slot.dst_rank != dst_rank) return;
        if (slot.in_provider) n_held++;
        if (!slot.done) finish(slot, PMX_ERR_PEER_FAILED);
    });
    /* When this fails there is less room for the others, and no other harm. */
    if (n_held) (void)ops_.grow(*endpoint_, OfiSlotKind::op, n_held, next_slot_key_++);
}

}  // namespace pmx
