/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_cluster.h: many ranks in one process and in virtual time: each has the real engine over the software NIC of
 * a fabric. A workload plays the kernels: it queues commands when a timer says so or a signal comes. No data moves;
 * signals land. One thread; the same seed gives the same run. */
#pragma once

#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "engine.h"
#include "pmx_device.h"
#include "transport_softnic_world.h"

namespace pmx::tools {

struct SimConfig {
    int n_ranks = 2;
    int ranks_per_node = 1; /* divides n_ranks */
    SoftNicProfile profile;
    pmx_order_t order = PMX_ORDER_DEFERRED; /* one that the profile can keep; not AUTO */
    int signals = PMX_SIGNALS_GROUPED;
    uint64_t seed = 1;
    int n_contexts = 1;         /* of each rank, with a queue each */
    uint64_t queue_depth = 256; /* a power of two */
    size_t n_values = 0;        /* 64-bit words at offset 0 of each heap, for the values of runs */
};

/* Sums over all ranks and contexts. */
struct SimCounters {
    uint64_t order_points = 0, stalls = 0, stalled_ns = 0, doorbells = 0, puts = 0, signals = 0;
    SimCounters operator-(const SimCounters& before) const;
};

class SimCluster {
public:
    /* Heap offsets of commands are below this; there is no memory behind them, but that of `n_values`. */
    static constexpr uint64_t kHeapBytes = uint64_t{1} << 40;
    static constexpr uint32_t kMaxTag = UINT32_MAX - 1;

    explicit SimCluster(const SimConfig& config);
    ~SimCluster();

    /* A signal has landed. */
    std::function<void(int rank, uint64_t off, uint64_t value, uint64_t time_ns)> on_signal;
    /* What at() asked for is due. */
    std::function<void(int rank, uint32_t tag)> on_timer;
    /* All commands that the rank has queued so far are complete; told once. */
    std::function<void(int rank, uint64_t time_ns)> on_complete;

    /* Called after every so many events. */
    std::function<void()> on_progress;

    void at(int rank, double time_ns, uint32_t tag);
    /* Queues commands, together, as the device code does. When the queue is full they wait for it. */
    void push(int rank, int context, std::initializer_list<pmx_command_t> commands);
    uint64_t* values(int rank);

    /* Until nothing happens any more. */
    void run();
    uint64_t now_ns() const { return world_.now_ns(); }
    uint64_t n_events() const { return n_events_; }

    bool same_node(int a, int b) const { return a / config_.ranks_per_node == b / config_.ranks_per_node; }
    const SimConfig& config() const { return config_; }
    SimCounters counters(int context) const;

private:
    struct Rank;
    static constexpr uint32_t kStepTag = UINT32_MAX;

    void add_contexts();
    void wake(int rank, double time_ns);
    void step(int rank);
    bool try_push(Rank& rank, int context, const std::vector<pmx_command_t>& commands);
    Rank& rank(int number) { return *ranks_[static_cast<size_t>(number)]; }

    const SimConfig config_;
    SoftNicWorld world_;
    std::vector<std::unique_ptr<Rank>> ranks_;
    uint64_t n_events_ = 0;
};

}  // namespace pmx::tools
