/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_softnic_nic.h: the software NIC of one rank: when an operation leaves, arrives and completes, and what
 * may overtake what. It knows neither clocks nor memory: time comes with each call, and a SoftNicFabric does what
 * is to be done at the target. The same code runs between processes in real time (transport_softnic.h) and for many
 * ranks of one process in virtual time (transport_softnic_world.h).
 *
 * Order: nothing is kept but what is asked for. A put is cut into pieces that land one by one, in any order; a
 * signal lands as one word. What kOpFence, kOpOrdered and kOpCounted ask for is kept, and no more.
 * An operation that was lost takes all others to its rank with it, as the error of a connection does: what had not
 * landed never will. Each operation taken is reported once; those to a silent rank when fail_peer() is called. */
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "transport.h"
#include "transport_softnic_faults.h"
#include "transport_softnic_profile.h"

namespace pmx {

struct SoftNicConfig {
    int rank = 0;
    int size = 1;
    SoftNicProfile profile;
    uint64_t seed = 1;
    bool reorder = true; /* false: what goes to one rank lands in the order of posting */
    SoftNicFaults faults;
    uint64_t piece_bytes = 256; /* a put is cut into up to 8 pieces of at least this */
};

TransportCaps softnic_caps(const SoftNicProfile& profile);

/* Something that will happen to an operation. `slot` and `generation` name it; one whose generation has passed is
 * of no interest any more. */
struct SoftNicEvent {
    enum class Kind : uint8_t { arrive, deliver, retry, complete, room, user };
    uint64_t time_ns;
    uint64_t serial; /* in the order of pushing: ties are broken by it */
    uint32_t nic;    /* rank */
    uint32_t generation;
    uint16_t slot;
    Kind kind;
    uint8_t piece;
};

/* Events, earliest first. Allocates only past the reserved number. */
class SoftNicEvents {
  public:
    void reserve(size_t n) { heap_.reserve(n); }
    bool empty() const { return heap_.empty(); }
    size_t size() const { return heap_.size(); }
    uint64_t next_ns() const { return heap_.front().time_ns; }
    void push(SoftNicEvent event);
    SoftNicEvent pop();

  private:
    std::vector<SoftNicEvent> heap_;
    uint64_t serial_ = 0;
};

/* A counted operation that has landed, as its target is told of it. */
struct SoftNicNotice {
    uint64_t seq;
    uint64_t dst_off;
    uint64_t value;
    uint32_t id; /* for SoftNic::acknowledge(), of a signal */
    uint16_t stream;
    OpKind kind;
};

/* What lies behind a NIC: memory of the targets, their ports, and the way to their proxies. */
class SoftNicFabric {
  public:
    virtual void copy_in(int dst_rank, uint64_t dst_off, const void* src, uint64_t n_bytes) = 0;
    virtual void copy_out(int dst_rank, uint64_t src_off, void* dst, uint64_t n_bytes) = 0;
    /* After all that was copied to that rank before. */
    virtual void signal(int dst_rank, const Op& op) = 0;
    /* The target's port is busy for busy_ns with what came at now_ns; returns when it has passed. */
    virtual uint64_t pass_port(int dst_rank, uint64_t now_ns, double busy_ns) = 0;
    /* After all that was copied there before. False: no room; asked again later. */
    virtual bool notify(int dst_rank, int src_rank, const SoftNicNotice& notice, uint64_t now_ns) = 0;
    /* Something is there for poll() of src_rank, or room for its posts. */
    virtual void ready(int src_rank, uint64_t now_ns) = 0;

  protected:
    ~SoftNicFabric() = default;
};

class SoftNic {
  public:
    SoftNic(const SoftNicConfig& config, SoftNicEvents& events, SoftNicFabric& fabric);

    const TransportCaps& caps() const { return caps_; }
    int post(int dst_rank, std::span<const Op> ops, uint64_t now_ns); /* as Transport::post */
    int reap(std::span<Completion> out);
    void fail_peer(int dst_rank, uint64_t now_ns);
    /* A due event of this NIC. */
    void on_event(const SoftNicEvent& event);
    /* The target has applied a counted signal. */
    void acknowledge(uint32_t id, uint64_t now_ns);

    unsigned n_under_way() const { return config_.profile.queue_ops - static_cast<unsigned>(free_.size()); }
    /* Events that this NIC may have under way at once. */
    static size_t max_events(const SoftNicProfile& profile) { return profile.queue_ops * (kMaxPieces + 1) + 1; }

  private:
    static constexpr unsigned kMaxPieces = 8;
    static constexpr uint16_t kNone = UINT16_MAX;
    enum class Fate : uint8_t { lands, lost, dead, silent };
    enum class State : uint8_t { free, held, flying, landed, complete };

    struct Slot {
        Op op;
        int dst_rank;
        uint32_t generation = 0;
        uint32_t fences_before; /* fences posted to that rank before it */
        uint16_t next, prev;    /* not landed, to the same rank, in the order of posting */
        State state = State::free;
        Fate fate;
        uint8_t n_pieces;
        uint8_t n_arrived;
        uint8_t waiting; /* a bit for each piece that has arrived and was not copied */
        bool parked;     /* it has arrived, in part at least, and may not land yet */
        pmx_err_t err;
    };
    /* The state of the way to one rank. */
    struct Peer {
        uint16_t head = kNone, tail = kNone; /* not landed */
        uint16_t held = kNone;               /* the first that waits in the NIC for the fence in front of it */
        bool failed = false;
        bool used = false;
        uint32_t n_open = 0; /* out of the NIC and not complete */
        uint32_t n_parked = 0;
        uint32_t n_posted = 0;
        uint32_t fences_posted = 0;
        uint32_t fences_landed = 0;
    };

    bool has_room(const Op& op, uint64_t now_ns);
    bool in_storm();
    Fate draw_fate(int dst_rank, const Peer& peer);
    void take(const Op& op, int dst_rank, uint64_t now_ns);
    void inject(uint16_t i, uint64_t now_ns);
    void let_go(int dst_rank, uint64_t now_ns);
    void arrive(const SoftNicEvent& event);
    void deliver(const SoftNicEvent& event);
    bool may_land(const Slot& slot, uint16_t i) const;
    bool land_pieces(uint16_t i, uint64_t now_ns);
    void land(uint16_t i, uint64_t now_ns);
    void release(int dst_rank, uint64_t now_ns);
    void complete(uint16_t i, uint64_t now_ns);
    void break_peer(int dst_rank, uint64_t now_ns);
    void unlink(uint16_t i);
    void push_event(SoftNicEvent::Kind kind, double time_ns, uint16_t i, unsigned piece);
    uint64_t piece_begin(const Slot& slot, unsigned piece) const;
    double crossing();
    bool faulty() const { return !config_.faults.on || __atomic_load_n(config_.faults.on.get(), __ATOMIC_RELAXED) != '0'; }
    bool is_cut(int dst_rank) const;
    uint64_t random();
    bool one_of(uint32_t n) { return n != 0 && faulty() && random() % n == 0; }

    const SoftNicConfig config_;
    const TransportCaps caps_;
    SoftNicEvents& events_;
    SoftNicFabric& fabric_;
    uint64_t random_state_;
    std::vector<Slot> slots_;
    std::vector<uint16_t> free_;
    std::vector<Peer> peers_;
    /* Complete and not reported, first in first out; room for all slots. */
    std::vector<uint16_t> ready_;
    size_t ready_begin_ = 0, n_ready_ = 0;
    double free_ns_ = 0; /* the NIC sends something until then */
    bool room_asked_ = false; /* an event will tell that there is room for bytes again */
    unsigned n_used_peers_ = 0;
    uint32_t storm_left_ = 0;
};

}  // namespace pmx
