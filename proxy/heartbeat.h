/* SPDX-License-Identifier: BSD-3-Clause */
/* heartbeat.h: signs of life between proxies. Each rank has a word for each rank in its heap, at the same offset
 * everywhere. Once in a period a proxy sets its own word on every other rank to a new value, by a store where memory is
 * shared and else by a signal through the transport, so that what carries the data carries the beats.
 *
 * A rank is silent while no beat of it comes, or while a beat to it that the transport took does not complete: a link may
 * be cut in one direction alone. Beats are not counted, and there is never more than one to a rank under way.
 *
 * Proxy thread alone. Costs a look at the clock that the engine makes anyway, and a few operations in a period. */
#pragma once

#include <cstdint>
#include <vector>

#include "peer_state.h"
#include "transport.h"

namespace pmx {

struct HeartbeatConfig {
    int rank = 0;
    int size = 1;
    uint64_t period_ns = 0;  /* 0: no beats, and nobody is ever silent */
    uint64_t timeout_ns = 0; /* silence of three quarters of it, or of four periods if that is longer, is failure */
    char* heap_base = nullptr;
    uint64_t words_off = 0;        /* in the heap: size zeroed words of 8 bytes, 8-byte aligned */
    std::vector<char*> peer_base;  /* by rank: its heap where memory is shared, or null */
};

class Heartbeat {
  public:
    /* transport may be null: then only ranks that share memory are listened to. */
    Heartbeat(const HeartbeatConfig& config, Transport* transport);

    /* Sends and listens when it is time. Each change it finds is given by next_change() once. */
    void step(uint64_t now_ns);
    bool next_change(PeerChange& change_out);
    PeerStates& states() { return states_; }

    /* Cookies of beats, which the transport reports among others. */
    static bool owns(uint64_t cookie) { return cookie >> 48 == kCookieQueue; }
    void on_completion(const Completion& completion);

  private:
    static constexpr uint64_t kCookieQueue = 0xfffe; /* no queue of an engine has this number */
    struct Peer {
        uint64_t seen = 0;     /* the last value of its word here */
        uint64_t unheard_ns = 0, unanswered_ns = 0;
        bool beat_due = false;
        bool under_way = false;
    };
    void beat(int rank);
    void look(int rank, uint64_t looked_ns);
    uint64_t* own_word(int rank) const;

    const HeartbeatConfig config_;
    Transport* const transport_;
    PeerStates states_;
    std::vector<Peer> peers_;
    std::vector<PeerChange> changes_; /* not given yet; room for all ranks */
    uint64_t n_beats_ = 0;
    uint64_t last_look_ns_ = 0, next_look_ns_ = 0, next_beat_ns_ = 0;
};

}  // namespace pmx
