/* SPDX-License-Identifier: BSD-3-Clause */
/* peer_state.h: what this rank believes of each other rank, and why.
 *
 *     up       --- silent for suspect_ns --------------> suspect
 *     suspect  --- heard of again ---------------------> up
 *     any      --- silent for silent_ns ---------------> failed (silent)
 *     any      --- its process has ended --------------> failed (dead)
 *     any      --- the network path reports an error --> failed (unreachable)
 *
 * A suspect rank is used like one that is up: nothing is lost when it comes back. failed is final, since operations to
 * the rank have been given up by then.
 *
 * Silence is measured in time in which this rank itself was looking: one that was stopped, or did not get a core, takes
 * none of it for the silence of others. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pmx {

enum class PeerState : uint8_t { up, suspect, failed };

/* Why a rank has failed. The fault word of a rank holds it: none is 0 there, and all else ends waits. */
enum class PeerFault : uint32_t { none = 0, dead = 1, unreachable = 2, silent = 3 };
/* "its process has ended", ... */
const char* peer_fault_text(PeerFault why);

/* A change that somebody must be told of. */
struct PeerChange {
    int rank = -1;
    PeerState state = PeerState::up;
    PeerFault why = PeerFault::none; /* of failed */
    uint64_t silent_ns = 0;          /* how long; of up: it was */
};

/* Proxy thread alone. */
class PeerStates {
  public:
    /* Both limits in ns, suspect_ns below silent_ns. */
    PeerStates(int size, uint64_t suspect_ns, uint64_t silent_ns);

    PeerState state(int rank) const { return peers_[static_cast<size_t>(rank)].state; }
    uint64_t silent_ns(int rank) const { return peers_[static_cast<size_t>(rank)].silent_ns; }

    /* The rank has been silent for silent_ns, 0 when it was just heard of. Returns whether its state changed; then
     * change_out says so. */
    bool observe(int rank, uint64_t silent_ns, PeerChange& change_out);
    /* False when it has failed already. */
    bool fail(int rank, PeerFault why, PeerChange& change_out);

  private:
    struct Peer {
        PeerState state = PeerState::up;
        uint64_t silent_ns = 0;
    };
    std::vector<Peer> peers_;
    const uint64_t suspect_ns_, silent_ns_;
};

}  // namespace pmx
