/* SPDX-License-Identifier: BSD-3-Clause */
/* How the engine learns that ranks fail, and what becomes of operations to them. */
#include "engine.h"

namespace pmx {

void Engine::check_peers()
{
    if (!watch_ && config_.heartbeat.period_ns == 0) return;
    uint64_t now = clock_.now_ns();
    heartbeat_.step(now);
    for (PeerChange change; heartbeat_.next_change(change);) on_change(change);
    if (!watch_ || now - last_check_ns_ < config_.peer_check_ns) return;
    last_check_ns_ = now;
    mark_oldest(now);
    if (watch_->report_wanted()) {
        std::string text;
        describe(text);
        watch_->report(text);
    }
    for (int rank; (rank = watch_->next_dead()) >= 0;) fail_peer(rank, PeerFault::dead);
}

void Engine::fail_peer(int rank, PeerFault why)
{
    PeerChange change;
    if (heartbeat_.states().fail(rank, why, change)) on_change(change);
}

/* An error of the network path is often the first that is seen of the end of a process. */
void Engine::on_change(PeerChange change)
{
    if (change.why == PeerFault::unreachable && watch_) {
        for (int rank; (rank = watch_->next_dead()) >= 0;) {
            if (rank == change.rank)
                change.why = PeerFault::dead;
            else
                fail_peer(rank, PeerFault::dead);
        }
    }
    if (change.state == PeerState::failed) give_up(change.rank, change.why);
    if (watch_) watch_->changed(change);
}

void Engine::give_up(int rank, PeerFault why)
{
    if (faults_.failed(rank)) return;
    faults_.fail_peer(rank, why);
    if (transport_) transport_->fail_peer(rank);
    for (EngineContext* context : contexts_) {
        Lane& lane = context->lanes[rank];
        lane.pending.clear();
        lane.puts.clear();
        lane.signals.clear();
        lane.inflight.clear();
        outstanding_ -= lane.outstanding;
        lane.outstanding = 0;
        CommandQueue& queue = lane.queue();
        for (uint64_t t = queue.first_open_ticket(); t < queue.end_ticket(); t++) {
            Node* node = queue.find(t);
            if (!node || node->lane != &lane || node->state == Node::State::done) continue;
            context->counters.add(&pmx_counters_t::errors);
            queue.complete(*node);
        }
    }
}

void Engine::fail_job(pmx_err_t err)
{
    faults_.fail_job(err);
    PeerChange untold;
    for (int rank = 0; rank < config_.size; rank++) {
        heartbeat_.states().fail(rank, PeerFault::unreachable, untold);
        give_up(rank, PeerFault::unreachable);
    }
}

/* Nothing more goes to a rank that has failed. */
void Engine::fail_pending(Lane& lane)
{
    while (!lane.pending.empty()) {
        Node* node = lane.pending.pop();
        lane.context->counters.add(&pmx_counters_t::errors);
        complete(*node);
    }
}

}  // namespace pmx
