/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_job_rows.cc: from the samples and counters of all ranks to the rows of the report. */
#include <algorithm>
#include <array>

#include "launcher.h"
#include "order.h"
#include "perf_fan.h"
#include "perf_job.h"
#include "pmx_gpu.h"

namespace pmx::tools {

namespace {

double microseconds(uint64_t ns) { return static_cast<double>(ns) / 1000; }

}  // namespace

/* From samples to the row; collective. */
void PerfJob::finish(Case& one)
{
    PerfRow& row = one.row;
    if (!row.refused.empty()) return;
    const bool fan = options_.op == PerfOp::fan;
    const auto& samples = one.samples;
    /* Of the other ops rank 0 has the times. */
    const std::vector<uint64_t> latency = fan ? slowest(samples.latency_ns) : samples.latency_ns;
    const std::vector<uint64_t> put_only = fan ? slowest(samples.put_only_ns) : samples.put_only_ns;
    const std::vector<uint64_t>& many = fan ? latency : samples.window_ns;
    if (!latency.empty()) {
        row.p50_us = microseconds(perf_percentile(latency, 0.50));
        row.p99_us = microseconds(perf_percentile(latency, 0.99));
    }
    if (!put_only.empty()) row.put_only_us = microseconds(perf_percentile(put_only, 0.50));
    if (!many.empty()) {
        const double us = std::max(microseconds(perf_percentile(many, 0.50)), 0.001);
        row.rate_mops = static_cast<double>(options_.concurrency) / us;
        row.gb_per_s = *row.rate_mops * static_cast<double>(row.bytes) / 1000;
    }
    if (!one.raw) count(one);
}

/* Collective. Order points must be one for each transfer by the network when signals are coupled; when they
 * are grouped no more than that, and at least one for each destination; with groups exactly that. Only two
 * modes may stall. */
void PerfJob::count(Case& one)
{
    const pmx_counters_t& mine = one.samples.counters;
    const Sent sent = sent_by_network();
    const bool coupled = one.row.signals == signals_name(PMX_SIGNALS_COUPLED);
    const uint64_t least = (coupled ? sent.transfers : sent.ranks) * options_.iters;
    const uint64_t highest = (coupled || !one.row.groups ? sent.transfers : sent.ranks) * options_.iters;
    const bool good =
        mine.order_points >= least && mine.order_points <= highest && (one.stalls || mine.stalls == 0);
    const std::array<uint64_t, 5> words = {mine.order_points, mine.stalls, mine.stalled_ns, mine.doorbells,
                                           !good};
    std::array<uint64_t, 5> most = {};
    for (const auto& record : gather(words))
        for (size_t i = 0; i < words.size(); i++) most[i] = std::max(most[i], record[i]);
    const auto each = [&](size_t i) {
        return static_cast<double>(most[i]) / static_cast<double>(options_.iters);
    };
    one.row.counts = PerfCounts{each(0), each(1), each(2) / 1000, each(3)};
    one.row.ok = most[4] == 0;
    if (!one.row.ok) exit_ = kExitWrong;
}

PerfJob::Sent PerfJob::sent_by_network() const
{
    const auto by_network = [&](int rank) {
        void* direct = nullptr;
        const bool kernels = options_.initiator != PerfInitiator::host;
        const int err = kernels ? pmx_gpu_ptr(area_, rank, &direct) : pmx_ptr(area_, rank, &direct);
        return err == PMX_SUCCESS && direct == nullptr;
    };
    Sent sent;
    const auto add = [&](int to, uint64_t n) {
        if (n == 0 || to == rank_ || !by_network(to)) return;
        sent.transfers += n;
        sent.ranks++;
    };
    if (options_.op == PerfOp::fan && rank_ < senders())
        for (int to = 0; to < size_; to++)
            add(to, to == rank_ ? 0 : fan_expected(rank_, to, size_, options_.concurrency));
    if (options_.op == PerfOp::put_signal && rank_ == 0) add(1, options_.concurrency);
    if (options_.op == PerfOp::signal_pingpong && rank_ < 2) add(1 - rank_, 1);
    return sent;
}

/* Of each repetition that of the slowest rank. */
std::vector<uint64_t> PerfJob::slowest(const std::vector<uint64_t>& mine)
{
    std::vector<uint64_t> most(mine.size());
    for (size_t begin = 0; begin < mine.size(); begin += Gather::kMaxWords) {
        const size_t n = std::min(mine.size() - begin, Gather::kMaxWords);
        for (const auto& record : gather({mine.data() + begin, n}))
            for (size_t i = 0; i < n; i++) most[begin + i] = std::max(most[begin + i], record[i]);
    }
    return most;
}

}  // namespace pmx::tools
