/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs.cc: opening the verbs transport, and what its completion queue brings. */
#include <endian.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>

#include "pmx_atomic.h"
#include "transport_verbs_events.h"
#include "transport_verbs_impl.h"

namespace pmx {

namespace {

constexpr int kQueueBatch = 32;

/* What one device keeps by its kind. Completion of a write on a reliable connection means that the target's
 * card has taken all of it; a message sent after that is behind it on the way to memory.
 *
 * The responder executes the requests of one queue pair in the order in which they were posted, so there
 * signals stay behind puts with no flag. Where puts go into a region with relaxed ordering, a signal is in
 * another one without it: on PCIe, which lets relaxed writes pass others, a strict write passes nothing. Puts
 * may pass each other and signals.
 *
 * IBV_SEND_FENCE keeps an operation behind earlier reads and atomics, not behind writes. So kOpFence is kept
 * by that same order of one queue pair, and only where every operation keeps it.
 *
 * What is counted is applied by the target's processor, which reaches no GPU.
 *
 * An ADD by message is applied by the target's processor, maybe after a put that was posted later has landed;
 * so orders_put, on which fences between puts rest, needs adds by atomics. */
TransportCaps caps_of(const VerbsConfig& verbs, const VerbsResources& mine)
{
    const VerbsPort& port = mine.port;
    const bool one_queue = verbs.n_qps == 1;
    TransportCaps caps;
    caps.name = "verbs";
    caps.provider = port.name;
    caps.orders_set = caps.orders_add = one_queue;
    caps.orders_put = one_queue && !verbs.relaxed && port.native_add;
    caps.fence = one_queue && !verbs.relaxed;
    caps.gpu = mine.gpu().n_bytes != 0;
    caps.why_no_gpu = mine.why_no_gpu();
    caps.counted = !caps.gpu;
    caps.max_put_bytes = port.port.max_msg_sz;
    return caps;
}

}  // namespace

Status VerbsTransport::open(const VerbsConfig& verbs, const std::string& device,
                            const TransportConfig& config, std::unique_ptr<VerbsTransport>& out)
{
    auto made = std::make_unique<VerbsTransport>();
    made->verbs_ = verbs;
    made->config_ = config;
    PMX_TRY(made->mine_.open(verbs, device, config, made->channel_queues()));
    VerbsChannel first;
    PMX_TRY(made->mine_.make_channel(first));
    const VerbsResources& mine = made->mine_;
    PMX_TRY(verbs_begin_events(mine.port));
    made->caps_ = caps_of(verbs, mine);
    /* Packets of an earlier job to a queue pair of the same number are out of sequence with this one. */
    made->first_psn_ = uint32_t(detail::now_ns() ^ uint64_t(getpid()) << 8) & 0xffffff;
    made->add_channel(std::move(first));
    made->chains_.resize(verbs.n_qps);
    made->idle_receives_.resize(mine.n_receives);
    std::iota(made->idle_receives_.begin(), made->idle_receives_.end(), 0u);
    made->arrivals_ = Arrivals(config.size);
    made->post_receives();
    out = std::move(made);
    return {};
}

void VerbsTransport::withhold(const TransportCaps& kept)
{
    caps_.orders_set &= kept.orders_set;
    caps_.orders_add &= kept.orders_add;
    caps_.orders_put &= kept.orders_put;
    caps_.fence &= kept.fence;
    caps_.counted &= kept.counted;
    if (caps_.gpu && !kept.gpu) caps_.why_no_gpu = "not on another rank";
    caps_.gpu &= kept.gpu;
}

int VerbsTransport::poll(std::span<Completion> out)
{
    if (n_polls_++ % kPollsToEvents == 0)
        if (const int err = read_events()) return err;
    if (done_.size() - done_next_ < out.size())
        if (const int err = read_queues()) return err;
    post_receives();
    send_acks();
    return report(out);
}

/* One batch of what has arrived, and one of each channel. */
int VerbsTransport::read_queues()
{
    if (const int err = read_queue(mine_.receive_cq())) return err;
    for (const VerbsChannel& channel : channels_)
        if (const int err = read_queue(channel.cq.get())) return err;
    return 0;
}

/* 0, or a negative PMX_ERR_* when the queue itself is broken. */
int VerbsTransport::read_queue(ibv_cq* cq)
{
    std::array<ibv_wc, kQueueBatch> entries;
    const int n = ibv_poll_cq(cq, kQueueBatch, entries.data());
    if (n < 0) return PMX_ERR_TRANSPORT;
    for (int i = 0; i < n; i++) {
        const ibv_wc& wc = entries[size_t(i)];
        if (wc.wr_id & kReceiveBit)
            on_receive_done(wc);
        else
            on_send_done(wc);
    }
    return 0;
}

/* 0, or a negative PMX_ERR_* when the device has said that it is broken. */
int VerbsTransport::read_events()
{
    for (VerbsEvent event; verbs_next_event(mine_.port, event);) {
        if (event.effect == VerbsEvent::Effect::nothing) continue;
        if (config_.tell) config_.tell(event.text);
        if (event.effect == VerbsEvent::Effect::queue_broken) break_peer(source_rank(event.qp_number));
        if (event.effect == VerbsEvent::Effect::device_broken) return PMX_ERR_TRANSPORT;
    }
    return 0;
}

/* A queue pair that reports an error takes nothing more, and says so for all that it still has; the other
 * ranks' go on. */
void VerbsTransport::on_send_done(const ibv_wc& wc)
{
    const size_t index = size_t(wc.wr_id >> kNumberBits);
    const int rank = rank_of(index);
    sent_.completions++;
    if (peers_[size_t(rank)].failed) return;
    if (wc.status != IBV_WC_SUCCESS) {
        break_peer(rank);
        return;
    }
    Queue& queue = queues_[index];
    const uint64_t low = wc.wr_id & ((uint64_t{1} << kNumberBits) - 1);
    const uint64_t number = queue.n_done + ((low - queue.n_done) & ((uint64_t{1} << kNumberBits) - 1));
    complete_through(queue, number, PMX_SUCCESS);
}

/* A completion stands for all that was posted before it. A message that was only sent is not done: its ack
 * says so. */
void VerbsTransport::complete_through(Queue& queue, uint64_t number, pmx_err_t err)
{
    for (; queue.n_done <= number; queue.n_done++) {
        const Posted& posted = queue.posted[queue.n_done % mine_.send_depth];
        if (posted.sort == Sort::operation) finish(posted.cookie, err);
    }
}

/* The cell of a receive that failed is free as well. */
void VerbsTransport::on_receive_done(const ibv_wc& wc)
{
    const auto index = uint32_t(wc.wr_id & ~kReceiveBit);
    if (wc.status == IBV_WC_SUCCESS) {
        const int rank = source_rank(wc.qp_num);
        if (rank >= 0 && !peers_[size_t(rank)].failed) {
            if (wc.opcode == IBV_WC_RECV_RDMA_WITH_IMM) {
                const uint32_t immediate = be32toh(wc.imm_data);
                ArrivalStream& stream = arrivals_.stream(rank, VerbsImmediate::stream_of(immediate));
                stream.put(VerbsImmediate::seq_of(immediate), VerbsImmediate::kSeqBits);
                apply_ready(rank, stream);
            } else {
                on_message(rank, mine_.receive_cell(index), wc.byte_len);
            }
        }
    }
    idle_receives_.push_back(index);
}

/* In the error state a queue pair gives back what it has and accepts nothing from the other side. */
void VerbsTransport::break_peer(int rank)
{
    if (rank < 0 || size_t(rank) >= peers_.size()) return;
    Peer& peer = peers_[size_t(rank)];
    if (peer.failed) return;
    peer.failed = true;
    arrivals_.forget(rank);
    for (size_t index = 0; index < queues_.size(); index++) {
        if (rank_of(index) != rank) continue;
        Queue& queue = queues_[index];
        ibv_qp_attr attr{};
        attr.qp_state = IBV_QPS_ERR;
        (void)ibv_modify_qp(queue.qp, &attr, IBV_QP_STATE);
        if (queue.n_posted) complete_through(queue, queue.n_posted - 1, PMX_ERR_PEER_FAILED);
    }
    for (const Message& message : peer.messages)
        if (message.busy) finish(message.cookie, PMX_ERR_PEER_FAILED);
    peer.n_messages = peer.n_fenced_messages = 0;
    peer.messages.clear();
    peer.free_messages.clear();
}

int VerbsTransport::report(std::span<Completion> out)
{
    const size_t n = std::min(out.size(), done_.size() - done_next_);
    std::copy_n(done_.begin() + std::ptrdiff_t(done_next_), n, out.begin());
    done_next_ += n;
    if (done_next_ == done_.size()) {
        done_.clear();
        done_next_ = 0;
    }
    return int(n);
}

}  // namespace pmx
