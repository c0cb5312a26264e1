/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_softnic_world.h: software NICs of many ranks in one process, in virtual time. One thread drives it: it
 * runs events one after the other, and steps the engine of a rank when something is there for it. The same seed
 * gives the same run.
 *
 *   SoftNicWorld world(config);
 *   world.on_wake = [&](int rank, uint64_t t) { ... };   // or step all engines after each event
 *   while (world.run_next()) ...
 *
 * Each rank has a clock of its own, which is the now of its posts: what the proxy does takes time by the profile. */
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "arrivals.h"
#include "clock.h"
#include "transport_softnic_nic.h"

namespace pmx {

struct SoftNicWorldConfig {
    int size = 2;
    SoftNicProfile profile;
    uint64_t seed = 1;
    bool reorder = true;
    SoftNicFaults faults;
    uint64_t piece_bytes = 256;
    size_t heap_bytes = 0; /* of each rank; 0: no heaps, nothing is copied, and on_signal is all there is */
};

class VirtualClock final : public Clock {
  public:
    uint64_t now_ns() const override { return static_cast<uint64_t>(time_ns); }
    double time_ns = 0;
};

class SoftNicWorld final : private SoftNicFabric {
  public:
    explicit SoftNicWorld(const SoftNicWorldConfig& config);
    ~SoftNicWorld();

    Transport& transport(int rank);
    VirtualClock& clock(int rank);
    char* heap(int rank); /* nullptr without heaps */
    uint64_t word(int rank, uint64_t off) { return *reinterpret_cast<uint64_t*>(heap(rank) + off); }

    /* A put, or a piece of it, lands; a signal lands, at a time that is the target's proxy's when that one applies it. */
    std::function<void(int dst_rank, uint64_t dst_off, uint64_t n_bytes)> on_put;
    std::function<void(int dst_rank, uint64_t dst_off, uint64_t value, uint64_t time_ns)> on_signal;
    /* poll() of this rank will find something. */
    std::function<void(int rank, uint64_t time_ns)> on_wake;
    /* What schedule() asked for is due. */
    std::function<void(int rank, uint64_t tag)> on_user;
    void schedule(int rank, uint64_t time_ns, uint32_t tag);

    uint64_t now_ns() const { return now_ns_; }
    /* Runs the next event; false: there is none. */
    bool run_next();

  private:
    struct Port;

    void copy_in(int dst_rank, uint64_t dst_off, const void* src, uint64_t n_bytes) override;
    void copy_out(int dst_rank, uint64_t src_off, void* dst, uint64_t n_bytes) override;
    void signal(int dst_rank, const Op& op) override;
    uint64_t pass_port(int dst_rank, uint64_t now_ns, double busy_ns) override;
    bool notify(int dst_rank, int src_rank, const SoftNicNotice& notice, uint64_t now_ns) override;
    void ready(int src_rank, uint64_t now_ns) override;
    Port& port(int rank) { return *ports_[static_cast<size_t>(rank)]; }

    const SoftNicWorldConfig config_;
    uint64_t now_ns_ = 0;
    SoftNicEvents events_;
    std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace pmx
