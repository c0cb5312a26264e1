/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_impl.h: the Transport over one libfabric endpoint. transport_ofi.cc posts and polls,
 * transport_ofi_message.cc carries signals by messages, transport_ofi_address.cc finds the peers. */
#pragma once

#include "transport.h"
#include "transport_ofi_endpoint.h"
#include "transport_ofi_slots.h"

namespace pmx {

class OfiTransport : public Transport {
public:
    /* native_add: use the provider's atomics where it confirms them. */
    static Status open(const OfiRow& row, bool native_add, const TransportConfig& config,
                       std::unique_ptr<OfiTransport>& out);

    const TransportCaps& caps() const override { return endpoint_->caps(); }
    std::vector<std::byte> address() const override;
    Status connect(std::span<const std::vector<std::byte>> addresses) override;
    int post(int dst_rank, std::span<const Op> ops) override;
    int poll(std::span<Completion> out) override;
    void fail_peer(int dst_rank) override;

    bool add_native() const { return endpoint_->add_native(); }
    bool set_by_write() const { return endpoint_->set_by_write(); }

private:
    struct Peer {
        fi_addr_t addr = FI_ADDR_UNSPEC;
        uint64_t key = 0;
        uint64_t base = 0;
        bool failed = false;
        size_t n_busy = 0; /* operations not free again */
        /* Signals from this peer that were applied here and are not acknowledged yet: ids[next..]. */
        std::vector<uint64_t> ack_ids;
        size_t ack_next = 0;
    };

    /* posting */
    long post_op(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags);
    long post_write(const Peer& peer, const void* src, size_t n_bytes, uint64_t dst_off, void* desc,
                    OfiOpSlot& slot, uint64_t flags);
    long post_atomic_add(const Peer& peer, uint64_t dst_off, OfiOpSlot& slot, uint64_t flags);
    long post_message(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags);

    /* completions */
    int read_queue();
    int read_errors();
    void on_provider_done(OfiSlot* context, size_t n_bytes, pmx_err_t err);
    void on_op_done(OfiOpSlot& slot, pmx_err_t err);
    void finish(OfiOpSlot& slot, pmx_err_t err);
    void free_op(OfiOpSlot& slot);
    int report(std::span<Completion> out);

    /* messages */
    void on_receive(OfiRecvSlot& slot, size_t n_bytes);
    void apply(const OfiSignalMessage& signal);
    void on_ack(const OfiAckMessage& ack);
    void post_receives();
    void send_acks();
    bool send_ack(Peer& peer);

    TransportConfig config_;
    std::vector<Peer> peers_;
    /* The slots stand before the endpoint: they are freed after it is closed. */
    OfiPool<OfiOpSlot> ops_;
    OfiPool<OfiRecvSlot> receives_;
    OfiPool<OfiAckSlot> acks_;
    std::unique_ptr<OfiEndpoint> endpoint_;
    fid_mr* heap_region_ = nullptr;
    void* heap_desc_ = nullptr;
    OfiOpSlot* done_head_ = nullptr;
    OfiOpSlot* done_tail_ = nullptr;
    std::vector<int> ack_ranks_; /* ranks with ack_ids to send, each once */
    uint64_t next_slot_key_ = 0;
    /* Operations in flight to one rank: less than all, so that a rank that stopped taking them leaves room
     * in the provider's queue for the others. */
    size_t max_busy_ = 0;
};

}  // namespace pmx
