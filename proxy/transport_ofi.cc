/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi.cc: opening the libfabric transport, and what its completion queue brings. */
#include <rdma/fi_errno.h>

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
    made->arrivals_ = Arrivals(config.size);
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

int OfiTransport::poll(std::span<Completion> out)
{
    n_polls_++;
    const int ret = read_queue();
    if (ret < 0) return ret;
    post_receives();
    send_acks();
    return report(out);
}

/* One batch: 0, or a negative PMX_ERR_* when the queue itself is broken. */
int OfiTransport::read_queue()
{
    fi_cq_data_entry entries[kQueueBatch];
    fi_addr_t sources[kQueueBatch];
    const bool named = endpoint_->source_by_address();
    const long n = named ? fi_cq_readfrom(endpoint_->cq(), entries, kQueueBatch, sources)
                         : fi_cq_read(endpoint_->cq(), entries, kQueueBatch);
    if (n == -FI_EAVAIL) return read_errors();
    if (n < 0) return n == -FI_EAGAIN || n == -FI_EINTR ? 0 : PMX_ERR_TRANSPORT;
    for (long i = 0; i < n; i++) on_entry(entries[i], named ? sources[i] : FI_ADDR_NOTAVAIL);
    return 0;
}

/* Some providers set FI_REMOTE_CQ_DATA at the sender, too; there the context is that of the operation. */
void OfiTransport::on_entry(const fi_cq_data_entry& entry, fi_addr_t source)
{
    auto* slot = static_cast<OfiSlot*>(entry.op_context);
    if (!(entry.flags & FI_REMOTE_CQ_DATA) || (slot && !(entry.flags & FI_REMOTE_WRITE))) {
        if (slot) on_provider_done(slot, entry.len, PMX_SUCCESS);
        return;
    }
    on_data(entry.data, source);
    if (slot && endpoint_->data_takes_receive()) on_provider_done(slot, 0, PMX_SUCCESS);
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
    end_message(slot);
    slot.done = true;
    slot.err = err;
    slot.next_done = nullptr;
    (done_tail_ ? done_tail_->next_done : done_head_) = &slot;
    done_tail_ = &slot;
}

/* A message is under way until its ack comes, or its failure. */
void OfiTransport::end_message(const OfiOpSlot& slot)
{
    if (!slot.is_message) return;
    Peer& peer = peers_[size_t(slot.dst_rank)];
    peer.n_messages--;
    if (slot.is_fenced) peer.n_fenced_messages--;
    if (slot.has_put) peer.n_put_messages--;
}

int OfiTransport::report(std::span<Completion> out)
{
    size_t n = 0;
    while (n < out.size() && done_head_) {
        OfiOpSlot& slot = *done_head_;
        if (slot.is_pair) { /* the put; the signal is next */
            out[n++] = {slot.cookie, slot.err};
            slot.is_pair = false;
            slot.cookie = slot.signal_cookie;
            continue;
        }
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
 * ranks keep their room. Signals of that rank that wait for its puts are dropped. The address stays in the
 * table, because the provider may use it until the end. */
void OfiTransport::fail_peer(int dst_rank)
{
    if (dst_rank < 0 || size_t(dst_rank) >= peers_.size()) return;
    Peer& peer = peers_[size_t(dst_rank)];
    if (peer.failed) return;
    peer.failed = true;
    arrivals_.forget(dst_rank);
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
