/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_fan.cc: every rank sends its transfers, each with a signal, to the ranks beyond its node in turn, and waits for
 * the signals of the others. Beside it the same puts alone, and one quiet. */
#include <algorithm>
#include <bit>

#include "order.h"
#include "sim_cluster.h"
#include "sim_result.h"

namespace pmx::tools {

namespace {

class Fan {
public:
    Fan(const SimTask& task, bool put_only)
        : task_(task), put_only_(put_only), n_far_(task.n_ranks() - task.ranks_per_node),
          cluster_({task.n_ranks(), task.ranks_per_node, task.profile, task.order, task.signals, task.seed, 1,
                    std::bit_ceil<uint64_t>(2 * static_cast<uint64_t>(task.concurrency) + 1),
                    static_cast<size_t>(task.concurrency)}),
          ranks_(static_cast<size_t>(task.n_ranks()))
    {
        for (int r = 0; r < task.n_ranks(); r++)
            for (int i = 0; i < task.concurrency; i++) ranks_[static_cast<size_t>(target(r, i))].n_expected++;
        cluster_.on_timer = [this](int r, uint32_t i) { issue(r, static_cast<int>(i)); };
        cluster_.on_signal = [this](int r, uint64_t, uint64_t, uint64_t time_ns) {
            Rank& rank = ranks_[static_cast<size_t>(r)];
            if (++rank.n_seen == rank.n_expected) finish(time_ns);
        };
        cluster_.on_complete = [this](int r, uint64_t time_ns) {
            if (ranks_[static_cast<size_t>(r)].n_issued != task_.concurrency) return; /* it goes on */
            n_complete_++;
            if (put_only_) finish(time_ns);
        };
        cluster_.on_progress = [this] { tell(); };
    }

    /* One iteration; us_out: from the begin to the end of the slowest rank. */
    Status iterate(double& us_out)
    {
        uint64_t begin_ns = last_ns_ = cluster_.now_ns();
        n_finished_ = n_complete_ = 0;
        for (int r = 0; r < task_.n_ranks(); r++) {
            Rank& rank = ranks_[static_cast<size_t>(r)];
            rank.n_seen = rank.n_issued = 0;
            cluster_.at(r, static_cast<double>(begin_ns), 0);
        }
        cluster_.run();
        n_iterations_++;
        int n_waiting = static_cast<int>(std::count_if(ranks_.begin(), ranks_.end(), [&](const Rank& rank) {
            return put_only_ || rank.n_expected != 0;
        }));
        if (n_finished_ != n_waiting || n_complete_ != task_.n_ranks())
            return fail(PMX_ERR_INTERNAL, "the simulation stands still: {} of {} ranks have finished", n_finished_,
                        n_waiting);
        us_out = static_cast<double>(last_ns_ - begin_ns) / 1e3;
        return {};
    }

    SimCluster& cluster() { return cluster_; }

private:
    struct Rank {
        int n_expected = 0, n_seen = 0, n_issued = 0;
    };

    /* Of transfer i of rank r. Neighbours on a node begin with different targets. */
    int target(int r, int i) const
    {
        int next_node = r / task_.ranks_per_node * task_.ranks_per_node + task_.ranks_per_node;
        return (next_node + (i + r % task_.ranks_per_node) % n_far_) % task_.n_ranks();
    }

    /* Transfer i, and a timer for the next. The groups are the targets; the last put of each commits its group. */
    void issue(int r, int i)
    {
        uint32_t dst = static_cast<uint32_t>(target(r, i));
        ranks_[static_cast<size_t>(r)].n_issued = i + 1;
        pmx_command_t put = pmx_command_make(PMX_CMD_PUT, 0, dst, 4096, task_.n_bytes, 4096);
        uint64_t signal_off = 8 * static_cast<uint64_t>(i);
        if (put_only_) {
            cluster_.push(r, 0, {put});
        } else if (task_.signals == PMX_SIGNALS_COUPLED) {
            cluster_.push(r, 0, {put, pmx_command_make(PMX_CMD_SIGNAL_SET, PMX_CMD_ORDER, dst, 1, 0, signal_off)});
        } else {
            cluster_.push(r, 0, {put});
            uint64_t n = static_cast<uint64_t>(i / n_far_ + 1);
            if (i + n_far_ >= task_.concurrency)
                cluster_.push(r, 0, {pmx_command_make(PMX_CMD_SIGNAL_RUN, PMX_CMD_ORDER | PMX_CMD_COMMIT, dst, 0,
                                                      pmx_command_run_make(n, 8), signal_off)});
        }
        if (i + 1 < task_.concurrency)
            cluster_.at(r, static_cast<double>(cluster_.now_ns()) + task_.profile.issue_ns, static_cast<uint32_t>(i + 1));
    }

    /* Puts alone are half of the work. */
    void tell() const
    {
        if (!task_.progress) return;
        double share = (n_iterations_ + static_cast<double>(n_finished_) / task_.n_ranks()) / (task_.iterations + 1);
        task_.progress(put_only_ ? share / 2 : 0.5 + share / 2);
    }
    void finish(uint64_t time_ns)
    {
        n_finished_++;
        last_ns_ = std::max(last_ns_, time_ns);
    }

    const SimTask task_;
    const bool put_only_;
    const int n_far_; /* ranks beyond the node */
    SimCluster cluster_;
    std::vector<Rank> ranks_;
    int n_finished_ = 0, n_complete_ = 0, n_iterations_ = 0;
    uint64_t last_ns_ = 0;
};

Status put_only(const SimTask& task, double& p50_us_out)
{
    Fan fan(task, true);
    std::vector<double> times;
    double us = 0;
    PMX_TRY(fan.iterate(us));
    for (int i = 0; i < task.iterations; i++) {
        PMX_TRY(fan.iterate(us));
        times.push_back(us);
    }
    p50_us_out = percentile(times, 50);
    return {};
}

}  // namespace

Status sim_fan(const SimTask& asked, SimResult& result_out)
{
    SimResult result;
    result.task = asked;
    PMX_TRY(resolve_order(asked.order, softnic_caps(asked.profile), result.task.order));
    PMX_TRY(put_only(result.task, result.put_only_us));
    Fan fan(result.task, false);
    std::vector<double> times;
    double us = 0;
    PMX_TRY(fan.iterate(us)); /* the first meets its peers: not measured */
    SimCounters before = fan.cluster().counters(0);
    for (int i = 0; i < asked.iterations; i++) {
        PMX_TRY(fan.iterate(us));
        times.push_back(us);
    }
    SimCounters sum = fan.cluster().counters(0) - before;
    double share = 1.0 / asked.n_ranks() / asked.iterations;
    result.order_points = static_cast<double>(sum.order_points) * share;
    result.stalls = static_cast<double>(sum.stalls) * share;
    result.stalled_us = static_cast<double>(sum.stalled_ns) * share / 1e3;
    result.doorbells = static_cast<double>(sum.doorbells) * share;
    result.p50_us = percentile(times, 50);
    result.p99_us = percentile(times, 99);
    result.n_events = fan.cluster().n_events();
    result_out = result;
    return {};
}

}  // namespace pmx::tools
