/* SPDX-License-Identifier: BSD-3-Clause */
/* What the software NIC draws, by its seed: how long a way takes, and which operations faults hit. */
#include "transport_softnic_nic.h"

namespace pmx {

namespace {

constexpr double kMaxAgainNs = 1e9; /* a message that is lost again and again */

}  // namespace

/* splitmix64 */
uint64_t SoftNic::random()
{
    uint64_t z = random_state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* One way through the network, drawn. */
double SoftNic::crossing()
{
    const SoftNicProfile& profile = config_.profile;
    double mean = profile.jitter_ns + profile.jitter_per_peer_ns * (n_used_peers_ > 0 ? n_used_peers_ - 1 : 0);
    uint64_t word = random();
    double unit = static_cast<double>(word >> 40) / (1 << 24);
    double again_ns = 0;
    while (one_of(config_.faults.loss_one_of) && again_ns < kMaxAgainNs) again_ns += 1e3 * config_.faults.loss_us;
    return profile.latency_ns + 2 * unit * mean + static_cast<double>(word % profile.n_paths) * profile.path_ns + again_ns;
}

bool SoftNic::is_cut(int dst_rank) const
{
    int cut = config_.faults.cut_rank;
    return cut >= 0 && (dst_rank == cut) != (config_.rank == cut) && faulty();
}

bool SoftNic::in_storm()
{
    if (storm_left_ == 0 && one_of(config_.faults.again_one_of)) storm_left_ = config_.faults.again_posts;
    if (storm_left_ == 0) return false;
    storm_left_--;
    return true;
}

SoftNic::Fate SoftNic::draw_fate(int dst_rank, const Peer& peer)
{
    const SoftNicFaults& faults = config_.faults;
    if (!faulty()) return Fate::lands;
    if (dst_rank == faults.silent_rank && peer.n_posted >= faults.silent_after) return Fate::silent;
    if (dst_rank == faults.dead_rank && peer.n_posted >= faults.dead_after) return Fate::dead;
    return one_of(faults.drop_one_of) ? Fate::lost : Fate::lands;
}

}  // namespace pmx
