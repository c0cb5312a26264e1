/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_impl.h: the Transport over one libfabric endpoint. transport_ofi.cc opens, polls and reports,
 * transport_ofi_post.cc posts, transport_ofi_message.cc carries signals by messages,
 * transport_ofi_arrivals.cc counts what has arrived, transport_ofi_address.cc finds the peers. */
#pragma once

#include <utility>

#include "arrivals.h"
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
    /* Also of promises that the provider was seen to break. */
    void withhold(const TransportCaps& kept) override { endpoint_->withhold(kept); }
    bool avoids_fence() const { return endpoint_->avoids_fence(); }
    bool source_by_address() const { return endpoint_->source_by_address(); }
    /* Arrivals that could not be counted: the provider names no rank as their source, or one that has failed.
     */
    uint64_t n_strays() const { return n_strays_; }

private:
    struct Peer {
        fi_addr_t addr = FI_ADDR_UNSPEC;
        uint64_t key = 0;
        uint64_t base = 0;
        bool failed = false;
        size_t n_busy = 0; /* operations not free again */
        /* Signals sent as messages whose ack has not come: all, and those with a fence. */
        size_t n_messages = 0;
        size_t n_fenced_messages = 0;
        size_t n_put_messages = 0; /* those of them that have data */
        /* An operation with a fence was posted and none with FI_FENCE since: the next one may overtake it. */
        bool behind_fence = false;
        /* Signals from this peer that were applied here and are not acknowledged yet: ids[next..]. */
        std::vector<uint64_t> ack_ids;
        size_t ack_next = 0;
        uint64_t ack_poll = 0;  /* number of the poll that brought the first of them */
        bool owes_acks = false; /* it is in ack_ranks_ */

        uint64_t next_ack() const { return ack_next < ack_ids.size() ? ack_ids[ack_next] : kOfiNoAck; }
        void acked(size_t n_ids);
    };
    enum class Path : uint8_t { write, read, atomic, message };

    /* posting */
    Path path_of(const Peer& peer, const Op& op) const;
    bool must_wait(const Peer& peer, const Op& op) const;
    uint64_t fence_flag(Peer& peer, const Op& op, Path path) const;
    void fill(OfiOpSlot& slot, int dst_rank, const Op& op, Path path, size_t n_together);
    long post_op(const Peer& peer, const Op& op, Path path, OfiOpSlot& slot, uint64_t flags);
    long post_rma(const Peer& peer, const Op& op, Path path, OfiOpSlot& slot, uint64_t flags);
    long post_atomic_add(const Peer& peer, uint64_t dst_off, OfiOpSlot& slot, uint64_t flags);
    long post_message(const Peer& peer, const Op& op, OfiOpSlot& slot, uint64_t flags);
    bool leaves(size_t n_bytes, uint64_t flags) const;
    long send(const Peer& peer, void* bytes, size_t n_bytes, OfiSlot& slot, uint64_t flags);
    long send_from(OfiOpSlot& slot, const Peer& peer, void* bytes, size_t n_bytes, uint64_t flags);
    size_t n_in_put_message(const Peer& peer, std::span<const Op> ops) const;
    long post_put_message(const Peer& peer, const Op& put, const Op* signal, OfiOpSlot& slot, uint64_t flags);

    /* completions */
    int read_queue();
    int read_errors();
    void on_entry(const fi_cq_data_entry& entry, fi_addr_t source);
    void on_provider_done(OfiSlot* context, size_t n_bytes, pmx_err_t err);
    void on_op_done(OfiOpSlot& slot, pmx_err_t err);
    void finish(OfiOpSlot& slot, pmx_err_t err);
    void end_message(const OfiOpSlot& slot);
    void free_op(OfiOpSlot& slot);
    int report(std::span<Completion> out);

    /* messages */
    void on_receive(OfiRecvSlot& slot, size_t n_bytes);
    void on_signal(const OfiSignalMessage& message, bool counted);
    void on_put(const OfiPutMessage& message, const std::byte* data);
    void acknowledge(int src_rank, uint64_t id);
    void apply(int src_rank, const ArrivedSignal& signal);
    void on_ack(uint64_t id);
    void post_receives();
    void send_acks();
    bool send_ack(Peer& peer);

    /* arrivals */
    void list_sources();
    int64_t source_rank(uint64_t data, fi_addr_t source) const;
    void on_data(uint64_t data, fi_addr_t source);
    void apply_ready(int src_rank, ArrivalStream& stream);

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
    std::vector<int> ack_ranks_; /* ranks that may have ack_ids to send, each once */
    uint64_t n_polls_ = 0;
    uint64_t next_slot_key_ = 0;
    /* Operations in flight to one rank: less than all, so that a rank that stopped taking them leaves room
     * in the provider's queue for the others. */
    size_t max_busy_ = 0;
    Arrivals arrivals_{0};
    std::vector<std::pair<fi_addr_t, int>>
        sources_; /* sorted; ranks by address, where that tells the source */
    uint64_t n_strays_ = 0;
};

}  // namespace pmx
