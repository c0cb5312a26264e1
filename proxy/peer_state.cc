/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer_state.h"

#include <utility>

namespace pmx {

const char* peer_fault_text(PeerFault why)
{
    switch (why) {
        case PeerFault::none:
            return "it has not failed";
        case PeerFault::dead:
            return "its process has ended";
        case PeerFault::unreachable:
            return "the network path to it reported an error";
        case PeerFault::silent:
            return "it is silent";
    }
    return "unknown";
}

PeerStates::PeerStates(int size, uint64_t suspect_ns, uint64_t silent_ns)
    : peers_(static_cast<size_t>(size)), suspect_ns_(suspect_ns), silent_ns_(silent_ns)
{
}

bool PeerStates::observe(int rank, uint64_t silent_ns, PeerChange& change_out)
{
    Peer& peer = peers_[static_cast<size_t>(rank)];
    if (peer.state == PeerState::failed) return false;
    uint64_t was_ns = std::exchange(peer.silent_ns, silent_ns);
    if (silent_ns >= silent_ns_) return fail(rank, PeerFault::silent, change_out);
    PeerState now = silent_ns >= suspect_ns_ ? PeerState::suspect : PeerState::up;
    if (std::exchange(peer.state, now) == now) return false;
    change_out = {rank, now, PeerFault::none, now == PeerState::up ? was_ns : silent_ns};
    return true;
}

bool PeerStates::fail(int rank, PeerFault why, PeerChange& change_out)
{
    Peer& peer = peers_[static_cast<size_t>(rank)];
    if (std::exchange(peer.state, PeerState::failed) == PeerState::failed) return false;
    change_out = {rank, PeerState::failed, why, peer.silent_ns};
    return true;
}

}  // namespace pmx
