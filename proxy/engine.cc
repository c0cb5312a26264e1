/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop and completion; engine_order.cc holds what happens between pull and post, engine_failure.cc what becomes of
 * ranks that fail. */
#include "engine.h"

#include <algorithm>

namespace pmx {

namespace {

constexpr uint64_t kTicketMask = (uint64_t{1} << 48) - 1;

HeartbeatConfig heartbeat_of(const EngineConfig& config)
{
    HeartbeatConfig heartbeat = config.heartbeat;
    heartbeat.size = config.size;
    return heartbeat;
}

}  // namespace

EngineContext::EngineContext(int size, pmx_order_t order_mode, int signal_mode, uint16_t stream_number)
    : order(order_mode), signals(signal_mode), stream(stream_number), lanes(size)
{
    for (int rank = 0; rank < size; rank++) {
        lanes[rank].context = this;
        lanes[rank].dst_rank = rank;
    }
}

CommandQueue& Lane::queue() const
{
    return *context->queues[static_cast<unsigned>(dst_rank) % context->queues.size()];
}

Engine::Engine(const EngineConfig& config, Transport* transport, const Clock& clock, Faults& faults,
               PeerWatch* watch)
    : config_(config), transport_(transport), clock_(clock), faults_(faults), watch_(watch),
      heartbeat_(heartbeat_of(config), transport)
{
}

uint32_t Engine::next_queue_id() { return next_queue_id_.fetch_add(1, std::memory_order_relaxed); }

void Engine::add(EngineContext& context)
{
    std::unique_lock lock(mutex_);
    adding_ = &context;
    request_.store(true, std::memory_order_release);
    served_.wait(lock, [&] { return adding_ == nullptr; });
}

void Engine::remove(EngineContext& context)
{
    std::unique_lock lock(mutex_);
    removing_ = &context;
    request_.store(true, std::memory_order_release);
    served_.wait(lock, [&] { return removing_ == nullptr; });
}

void Engine::between_visits(const std::function<void()>& work)
{
    std::unique_lock lock(mutex_);
    work_ = &work;
    request_.store(true, std::memory_order_release);
    served_.wait(lock, [&] { return work_ == nullptr; });
}

void Engine::serve_requests()
{
    std::lock_guard lock(mutex_);
    if (work_) {
        (*work_)();
        work_ = nullptr;
    }
    if (adding_) {
        contexts_.push_back(adding_);
        if (adding_->stream >= stream_seq_.size()) stream_seq_.resize(adding_->stream + 1);
        std::vector<uint64_t>& seq = stream_seq_[adding_->stream];
        seq.resize(config_.size);
        for (Lane& lane : adding_->lanes) lane.stream_seq = &seq[lane.dst_rank];
        for (auto& queue : adding_->queues) {
            if (queue->id() >= queues_.size()) queues_.resize(queue->id() + 1);
            queues_[queue->id()] = queue.get();
        }
        adding_ = nullptr;
    }
    if (removing_) {
        std::erase(contexts_, removing_);
        for (auto& queue : removing_->queues) queues_[queue->id()] = nullptr;
        /* The active list is rebuilt without the lanes that go away. */
        Lane* lane = active_head_;
        active_head_ = active_tail_ = nullptr;
        for (Lane* next; lane; lane = next) {
            next = lane->next_active;
            lane->active = false;
            if (lane->context != removing_) activate(*lane);
        }
        for (Lane& gone : removing_->lanes) outstanding_ -= gone.outstanding;
        if (stalled_ && stalled_->context == removing_) stalled_ = nullptr;
        removing_ = nullptr;
    }
    serve_report();
    request_.store(false, std::memory_order_relaxed);
    served_.notify_all();
}

bool Engine::step()
{
    if (request_.load(std::memory_order_acquire)) serve_requests();
    uint64_t before = progress_;
    check_peers();
    poll();
    if (!stalled_ || !still_stalled()) {
        for (EngineContext* context : contexts_) {
            if (context->work && context->work->step()) progress_++;
            pull(*context);
        }
        visit_active_lanes();
    }
    return progress_ != before;
}

void Engine::poll()
{
    if (!transport_) return;
    int n = transport_->poll(completions_);
    if (n < 0 && !faults_.job_failed()) fail_job(static_cast<pmx_err_t>(n));
    for (int i = 0; i < n; i++) on_completion(completions_[i]);
}

void Engine::on_completion(const Completion& completion)
{
    uint32_t queue_id = static_cast<uint32_t>(completion.cookie >> 48);
    CommandQueue* queue = queue_id < queues_.size() ? queues_[queue_id] : nullptr;
    if (!queue) {
        if (Heartbeat::owns(completion.cookie)) heartbeat_.on_completion(completion);
        return;
    }
    /* The cookie has the low 48 bits of the ticket; the window is far smaller than that. */
    uint64_t first = queue->first_open_ticket();
    Node* node = queue->find(first + ((completion.cookie - first) & kTicketMask));
    /* A failed peer's operations were completed when it failed: what comes later is of no interest. */
    if (!node || node->state == Node::State::done || node->parts == 0) return;

    Lane& lane = *node->lane;
    Counters& counters = lane.context->counters;
    progress_++;
    counters.add(&pmx_counters_t::completions);
    lane.outstanding--;
    outstanding_--;
    node->parts--;
    if (completion.err != PMX_SUCCESS) {
        counters.add(&pmx_counters_t::errors);
        fail_peer(lane.dst_rank, PeerFault::unreachable);
        return;
    }
    if (node->parts == 0 && node->state == Node::State::posted)
        complete(*node);
    else if (!lane.signals.empty())
        activate(lane); /* the rest of a run, which the transport had no room for */
}

void Engine::complete(Node& node)
{
    Lane& lane = *node.lane;
    lane.queue().complete(node);
    while (!lane.inflight.empty() && lane.inflight.front()->state == Node::State::done) lane.inflight.pop();
    if (!lane.signals.empty() || !lane.pending.empty()) activate(lane);
}

/* What a producer of this library never queues: seen only when memory of the ring was overwritten. */
bool Engine::well_formed(const Node& node) const
{
    const pmx_command_t& command = node.command;
    if ((command.word[0] >> 1 & 31) > PMX_CMD_SIGNAL_RUN) return false; /* no value of the enum */
    uint64_t n_bytes = pmx_command_bytes(&command);
    pmx_cmd_op_t op = pmx_command_op(&command);
    if (pmx_command_dst(&command) >= static_cast<uint32_t>(config_.size)) return false;
    const HeapMap& heaps = config_.heaps;
    uint64_t local_off = command.word[1], remote_off = command.word[3];
    if (op == PMX_CMD_SIGNAL_RUN) {
        uint64_t n = pmx_command_run_count(&command), stride = pmx_command_run_stride(&command);
        return n != 0 && stride % 8 == 0 && (stride != 0 || n == 1) && remote_off % 8 == 0 &&
               heaps.holds(remote_off, (n - 1) * stride + 8) && !HeapMap::is_gpu(local_off) &&
               heaps.holds(local_off, 8 * n);
    }
    if (op == PMX_CMD_PUT || op == PMX_CMD_GET)
        return heaps.holds(local_off, n_bytes) && heaps.holds(remote_off, n_bytes);
    if (op == PMX_CMD_SIGNAL_SET || op == PMX_CMD_SIGNAL_ADD)
        return remote_off % 8 == 0 && heaps.holds(remote_off, 8);
    return op == PMX_CMD_FENCE;
}

void Engine::pull(EngineContext& context)
{
    for (auto& queue : context.queues) {
        unsigned n = 0;
        for (; n < config_.batch; n++) {
            Node* node = queue->pull();
            if (!node) break;
            if (!well_formed(*node)) {
                context.counters.add(&pmx_counters_t::errors);
                queue->complete(*node);
                faults_.fail_job(PMX_ERR_INTERNAL);
                continue;
            }
            Lane& lane = context.lanes[pmx_command_dst(&node->command)];
            node->lane = &lane;
            lane.pending.push(*node);
            activate(lane);
        }
        if (n == 0) continue;
        queue->publish_consumed();
        progress_ += n;
    }
}

void Engine::activate(Lane& lane)
{
    if (lane.active) return;
    lane.active = true;
    lane.next_active = nullptr;
    (active_head_ ? active_tail_->next_active : active_head_) = &lane;
    active_tail_ = &lane;
}

void Engine::visit_active_lanes()
{
    Lane* last = active_tail_;
    while (Lane* lane = active_head_) {
        active_head_ = lane->next_active;
        advance(*lane); /* still marked active: it is put back here, not by what it completes */
        if (stalled_) {
            /* The stalled lane goes on first. */
            lane->next_active = active_head_;
            if (!active_head_) active_tail_ = lane;
            active_head_ = lane;
            return;
        }
        lane->active = false;
        /* Lanes that have something they could not post come back; those that wait for a completion are
         * woken by it. */
        if (!lane->puts.empty() || (lane->outstanding == 0 && (!lane->signals.empty() || !lane->pending.empty())))
            activate(*lane);
        if (lane == last) break;
    }
}

bool Engine::still_stalled()
{
    Lane& lane = *stalled_;
    bool all = lane.context->order == PMX_ORDER_STALL_ALL;
    uint64_t now = clock_.now_ns();
    if ((all ? outstanding_ : lane.outstanding) != 0) {
        if (config_.timeout_ns == 0 || now - stall_begin_ns_ < config_.timeout_ns) return true;
        for (EngineContext* context : contexts_)
            for (Lane& waited : context->lanes)
                if (waited.outstanding && (all || waited.dst_rank == lane.dst_rank))
                    fail_peer(waited.dst_rank, PeerFault::silent);
    }
    lane.context->counters.add(&pmx_counters_t::stalled_ns, now - stall_begin_ns_);
    stalled_ = nullptr;
    return false;
}

}  // namespace pmx
