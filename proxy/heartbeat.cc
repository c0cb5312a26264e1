/* SPDX-License-Identifier: BSD-3-Clause */
#include "heartbeat.h"

#include <algorithm>

#include "pmx_atomic.h"

namespace pmx {

namespace {

constexpr uint64_t kLooks = 8; /* in a period */

/* A beat that is late by less than three quarters of a period is no matter; a look more, and it is within two
 * periods of the one before. */
constexpr uint64_t suspect_after(uint64_t period_ns) { return period_ns / 4 * 7; }

/* Before a wait that began with the silence is over: it is to end with the name of the rank. */
uint64_t silent_after(const HeartbeatConfig& config)
{
    return std::max(config.timeout_ns / 4 * 3, 4 * config.period_ns);
}

}  // namespace

Heartbeat::Heartbeat(const HeartbeatConfig& config, Transport* transport)
    : config_(config),
      transport_(transport),
      states_(config.size, suspect_after(config.period_ns), silent_after(config)),
      peers_(static_cast<size_t>(config.size))
{
    changes_.reserve(peers_.size());
}

uint64_t* Heartbeat::own_word(int rank) const
{
    return reinterpret_cast<uint64_t*>(config_.heap_base + config_.words_off) + rank;
}

void Heartbeat::step(uint64_t now_ns)
{
    if (config_.period_ns == 0 || now_ns < next_look_ns_) return;
    uint64_t between_ns = config_.period_ns / kLooks;
    /* What is more than that, this rank was away itself. */
    uint64_t looked_ns = last_look_ns_ == 0 ? 0 : std::min(now_ns - last_look_ns_, config_.period_ns / 2);
    last_look_ns_ = now_ns;
    next_look_ns_ = now_ns + between_ns;
    bool beats = now_ns >= next_beat_ns_;
    if (beats) {
        next_beat_ns_ = now_ns + config_.period_ns;
        n_beats_++;
    }
    for (int rank = 0; rank < config_.size; rank++) {
        if (rank == config_.rank || states_.state(rank) == PeerState::failed) continue;
        if (beats) peers_[static_cast<size_t>(rank)].beat_due = true;
        beat(rank);
        look(rank, looked_ns);
    }
}

/* One that the transport has no room for is tried again at the next look. */
void Heartbeat::beat(int rank)
{
    Peer& peer = peers_[static_cast<size_t>(rank)];
    if (!peer.beat_due || peer.under_way) return;
    uint64_t word_off = config_.words_off + static_cast<uint64_t>(config_.rank) * sizeof(uint64_t);
    if (char* base = config_.peer_base[static_cast<size_t>(rank)]) {
        detail::store_release(reinterpret_cast<uint64_t*>(base + word_off), n_beats_);
        peer.beat_due = false;
        return;
    }
    if (!transport_) return;
    Op op = {.kind = OpKind::signal_set,
             .flags = 0,
             .src = nullptr,
             .dst_off = word_off,
             .n_bytes = 8,
             .value = n_beats_,
             .cookie = kCookieQueue << 48 | static_cast<uint64_t>(rank)};
    int taken = transport_->post(rank, {&op, 1});
    peer.under_way = taken == 1;
    if (taken != 0) peer.beat_due = false;
    PeerChange change;
    if (taken < 0 && states_.fail(rank, PeerFault::unreachable, change)) changes_.push_back(change);
}

void Heartbeat::look(int rank, uint64_t looked_ns)
{
    Peer& peer = peers_[static_cast<size_t>(rank)];
    uint64_t word = detail::load_acquire(own_word(rank));
    peer.unheard_ns = word != peer.seen ? 0 : peer.unheard_ns + looked_ns;
    peer.unanswered_ns = peer.under_way ? peer.unanswered_ns + looked_ns : 0;
    peer.seen = word;
    PeerChange change;
    if (states_.observe(rank, std::max(peer.unheard_ns, peer.unanswered_ns), change))
        changes_.push_back(change);
}

void Heartbeat::on_completion(const Completion& completion)
{
    int rank = static_cast<int>(completion.cookie & 0xffffffff);
    Peer& peer = peers_[static_cast<size_t>(rank)];
    peer.under_way = false;
    peer.unanswered_ns = 0;
    PeerChange change;
    if (completion.err != PMX_SUCCESS && states_.fail(rank, PeerFault::unreachable, change))
        changes_.push_back(change);
}

bool Heartbeat::next_change(PeerChange& change_out)
{
    if (changes_.empty()) return false;
    change_out = changes_.back();
    changes_.pop_back();
    return true;
}

}  // namespace pmx
