/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_impl.h: the Transport over queue pairs. transport_verbs.cc opens, polls and reports,
 * transport_verbs_address.cc connects, transport_verbs_stream.cc gives streams channels of their own, transport_verbs_post.cc
 * posts, transport_verbs_message.cc carries signals by messages and counts what has arrived. */
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "arrivals.h"
#include "transport.h"
#include "transport_verbs_resources.h"

namespace pmx {

/* What a rank tells the others of itself. Followed by the numbers of the queue pairs of its first channel: those for rank r
 * begin at r * n_qps. */
struct VerbsAddress {
    uint32_t magic;
    uint16_t version;
    uint16_t lid;
    uint32_t size;
    uint32_t n_qps;
    uint8_t gid[16];
    uint32_t first_psn;
    uint8_t mtu; /* enum ibv_mtu */
    uint8_t ethernet;
    uint8_t native_add;
    uint8_t rd_atomic;
    uint64_t heap_bytes;
    /* Its parts: of host memory, and of GPU memory where the device reaches that. */
    struct Part {
        uint64_t base;
        uint32_t data_key;
        uint32_t strict_key;
    };
    Part host;
    Part gpu;
};

/* A signal that travels as a message. The target answers with id when it has applied it. */
struct VerbsSignalMessage {
    uint32_t kind; /* kVerbsSet, kVerbsAdd */
    uint32_t stream;
    uint64_t id;
    uint64_t dst_off;
    uint64_t value;
    uint64_t seq; /* kVerbsNotCounted, or Op::seq in stream */
};
inline constexpr uint64_t kVerbsNotCounted = UINT64_MAX;

/* Signals applied at the sender of this message; the first n_ids ids travel. */
inline constexpr size_t kVerbsAckIds = 15;
struct VerbsAckMessage {
    uint32_t kind; /* kVerbsAck */
    uint32_t n_ids;
    uint64_t ids[kVerbsAckIds];
};
inline constexpr uint32_t kVerbsSet = 0x50585631, kVerbsAdd = 0x50585632, kVerbsAck = 0x50585633;
static_assert(sizeof(VerbsAckMessage) <= sizeof(VerbsCell) &&
              sizeof(VerbsSignalMessage) <= sizeof(VerbsCell));

/* The 32 bits that go along with a counted put: bits 24..31 Op::stream, 0..23 the low bits of Op::seq. */
struct VerbsImmediate {
    static constexpr unsigned kSeqBits = 24;
    static uint32_t pack(uint32_t stream, uint64_t seq)
    {
        return stream << kSeqBits | (uint32_t(seq) & ((uint32_t{1} << kSeqBits) - 1));
    }
    static uint32_t stream_of(uint32_t immediate) { return immediate >> kSeqBits; }
    static uint32_t seq_of(uint32_t immediate) { return immediate & ((uint32_t{1} << kSeqBits) - 1); }
};

class VerbsTransport : public Transport {
public:
    static Status open(const VerbsConfig& verbs, const std::string& device, const TransportConfig& config,
                       std::unique_ptr<VerbsTransport>& out);

    const TransportCaps& caps() const override { return caps_; }
    std::vector<std::byte> address() const override;
    Status connect(std::span<const std::vector<std::byte>> addresses) override;
    int post(int dst_rank, std::span<const Op> ops) override;
    int poll(std::span<Completion> out) override;
    void fail_peer(int dst_rank) override { break_peer(dst_rank); }
    void withhold(const TransportCaps& kept) override;
    Status prepare_stream(uint16_t stream, std::vector<std::byte>& address_out) override;
    Status connect_stream(std::span<const std::vector<std::byte>> addresses) override;
    void begin_stream(uint16_t stream) override;

    std::string describe() const { return mine_.port.describe(); }
    /* How operations left, for tests. The words of a run of signals are one request. */
    struct Sent {
        uint64_t chains, requests, completions, inlines, messages, flushes;
    };
    const Sent& sent() const { return sent_; }

private:
    static constexpr size_t kChain = 64;     /* operations of one post() */
    static constexpr size_t kMessages = 256; /* signals on their way to one rank as messages */
    static constexpr uint64_t kReceiveBit = uint64_t{1} << 63;
    static constexpr uint64_t kPollsToEvents = 1024; /* so many polls to a look at the events of the device */
    static constexpr unsigned kNumberBits = 40; /* of the number in a work request's id; above it the queue */

    /* What was posted under one number of a queue. own: of the transport itself, reported to nobody. */
    enum class Sort : uint8_t { operation, message, own };
    struct Posted {
        uint64_t cookie;
        Sort sort;
    };
    /* One queue pair. Numbers n_done..n_posted-1 are with the device. */
    struct Queue {
        ibv_qp* qp;
        VerbsCell* cells; /* send_depth of them */
        uint32_t cell_key;
        std::vector<Posted> posted; /* by number modulo send_depth */
        uint64_t n_posted = 0;
        uint64_t n_done = 0;
    };
    /* A signal on its way as a message. Its id: the index, and in the upper half how often it was used
     * before. */
    struct Message {
        uint64_t cookie;
        uint32_t use;
        bool busy;
        bool fenced;
    };
    struct Peer {
        VerbsAddress at{};
        bool failed = false;
        unsigned next_queue = 0; /* for the next operation, where there are several */
        size_t n_messages = 0;
        size_t n_fenced_messages = 0;
        bool wrote_host = false, wrote_gpu = false; /* since that part of the target's heap was last read */
        std::vector<Message> messages;
        std::vector<uint32_t> free_messages;
        std::vector<uint64_t> ack_ids; /* of signals applied here, not acknowledged yet: from ack_next on */
        size_t ack_next = 0;
    };
    /* Work requests of one queue about to be posted with one doorbell. */
    struct Chain {
        std::array<ibv_send_wr, kChain> requests;
        std::array<ibv_sge, kChain> pieces;
        size_t n = 0;
    };
    enum class Path : uint8_t { write, read, atomic, message };
    /* The last request of a chain, while it may take more words: operations with one cookie are parts of one command
     * and keep no order among themselves. */
    struct Run {
        Chain* chain = nullptr;
        size_t queue = 0;
        uint64_t cookie = 0;
        uint64_t next_off = 0;
        bool takes(const Op& op) const;
    };

    /* connecting */
    size_t channel_queues() const { return size_t(config_.size) * verbs_.n_qps; }
    size_t queue_index(size_t channel, int rank, unsigned i) const
    {
        return channel * channel_queues() + size_t(rank) * verbs_.n_qps + i;
    }
    int rank_of(size_t queue) const { return int(queue % channel_queues() / verbs_.n_qps); }
    void append_numbers(const VerbsChannel& channel, std::vector<std::byte>& blob) const;
    Status connect_channel(const VerbsChannel& channel, std::span<const Peer> peers,
                        std::span<const std::vector<std::byte>> addresses, size_t numbers_at) const;
    Status connect_queue(ibv_qp* qp, size_t rank, uint32_t their_number, const VerbsAddress& their) const;
    void add_channel(VerbsChannel channel);

    /* posting */
    static bool is_signal(const Op& op) { return op.kind == OpKind::signal_set || op.kind == OpKind::signal_add; }
    static const VerbsAddress::Part& part_of(const Peer& peer, uint64_t off);
    Path path_of(const Peer& peer, const Op& op) const;
    bool must_flush(const Peer& peer, const Op& op) const;
    void append_flush(Chain& chain, size_t queue, Peer& peer, const Op& op);
    void note_write(Peer& peer, const Op& op) const;
    const VerbsMemory& local(const void* p) const { return mine_.gpu().holds(p) ? mine_.gpu() : mine_.host(); }
    bool must_wait(const Peer& peer, const Op& op) const;
    unsigned pick_queue(size_t channel, int dst_rank, Peer& peer) const;
    size_t room(const Queue& queue) const { return mine_.send_depth - (queue.n_posted - queue.n_done); }
    ibv_send_wr& next_request(Chain& chain, size_t queue, Posted posted, const void* from, size_t n_bytes,
                              uint32_t local_key);
    void* next_cell(size_t queue);
    void append(Chain& chain, size_t queue, Peer& peer, const Op& op, Path path);
    void append_operation(Chain& chain, size_t queue, Peer& peer, const Op& op, Path path);
    void extend(Run& run, const Op& op);
    static uint64_t id_of(size_t queue, uint64_t number)
    {
        return uint64_t(queue) << kNumberBits | (number & ((uint64_t{1} << kNumberBits) - 1));
    }
    void append_message(Chain& chain, size_t queue, Peer& peer, const Op& op);
    bool ring(Chain& chain, size_t queue);

    /* completions */
    int read_queues();
    int read_queue(ibv_cq* cq);
    int read_events();
    void on_send_done(const ibv_wc& wc);
    void on_receive_done(const ibv_wc& wc);
    void complete_through(Queue& queue, uint64_t number, pmx_err_t err);
    void finish(uint64_t cookie, pmx_err_t err) { done_.push_back({cookie, err}); }
    void break_peer(int rank);
    int report(std::span<Completion> out);

    /* messages and arrivals */
    int source_rank(uint32_t qp_number) const;
    void on_message(int src_rank, const VerbsCell& cell, size_t n_bytes);
    void on_signal(int src_rank, const VerbsSignalMessage& message);
    void on_ack(int src_rank, const VerbsAckMessage& ack);
    void apply(int src_rank, const ArrivedSignal& signal);
    void apply_ready(int src_rank, ArrivalStream& stream);
    void post_receives();
    void send_acks();
    bool send_acks_to(int rank);

    VerbsConfig verbs_;
    TransportConfig config_;
    TransportCaps caps_;
    VerbsResources mine_;
    uint32_t first_psn_ = 0;
    std::vector<Peer> peers_;
    std::vector<VerbsChannel> channels_;                  /* the first is that of all streams without one of their own */
    std::array<uint16_t, kMaxStreams> channel_of_{};   /* by stream */
    std::unique_ptr<VerbsChannel> prepared_;           /* until begin_stream() takes it; the thread that prepares */
    std::vector<Queue> queues_;                     /* of all channels, see queue_index() */
    std::vector<std::pair<uint32_t, int>> numbers_; /* sorted: numbers of the queue pairs, and their ranks */
    std::vector<Chain> chains_;                     /* one for each queue pair of a channel to a rank */
    std::vector<Completion> done_;                  /* from done_next_ on: not reported yet */
    size_t done_next_ = 0;
    std::vector<uint32_t> idle_receives_; /* cells that are not posted */
    std::vector<int> ack_ranks_;          /* ranks with ack_ids to send, each once */
    Arrivals arrivals_{0};
    uint64_t n_polls_ = 0;
    Sent sent_{};
};

}  // namespace pmx
