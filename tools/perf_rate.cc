/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_rate.cc: rounds of put_signals through an engine over the null transport. */
#include "perf_rate.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <thread>

#include "order.h"
#include "perf_engine.h"
#include "progress.h"

namespace pmx::tools {

namespace {

constexpr unsigned kQueues = 4, kBatch = 32; /* the defaults of PMX_QUEUES and PMX_BATCH */
constexpr uint64_t kCommands = 2;            /* of a put_signal */
constexpr uint64_t kMaxSteps = 100'000'000;  /* of a round; the engine is broken that needs more */

struct Setting {
    pmx_order_t order;
    int signals;
    unsigned n_queues;
    uint64_t depth; /* room for a round in one queue: few destinations use few queues */
};

Status resolve(const PerfOptions& options, Setting& setting_out)
{
    pmx_order_t asked = PMX_ORDER_AUTO;
    for (int order = PMX_ORDER_AUTO; order <= PMX_ORDER_COUNTED; order++)
        if (options.order == order_name(static_cast<pmx_order_t>(order)))
            asked = static_cast<pmx_order_t>(order);
    PMX_TRY(resolve_order(asked, NullTransport(1).caps(), setting_out.order));
    setting_out.signals = options.signals == "coupled" ? PMX_SIGNALS_COUPLED : PMX_SIGNALS_GROUPED;
    setting_out.n_queues = options.queues ? options.queues : kQueues;
    setting_out.depth = std::bit_ceil(std::max<uint64_t>(kCommands * options.concurrency, 64));
    return {};
}

PerfRow blank(const PerfOptions& options, const Setting& setting, uint64_t destinations, uint64_t n_bytes)
{
    PerfRow row;
    row.op = PerfOp::rate;
    row.transport = "null";
    row.order = order_name(setting.order);
    row.signals = signals_name(setting.signals);
    row.queues = setting.n_queues;
    row.ranks = static_cast<int>(destinations) + 1;
    row.bytes = n_bytes;
    row.concurrency = options.concurrency;
    row.iters = options.iters;
    return row;
}

void set_times(PerfRow& row, const std::vector<uint64_t>& ns, uint64_t commands)
{
    const double p50_ns = static_cast<double>(std::max<uint64_t>(perf_percentile(ns, 0.50), 1));
    row.p50_us = p50_ns / 1000;
    row.p99_us = static_cast<double>(perf_percentile(ns, 0.99)) / 1000;
    row.rate_mops = static_cast<double>(commands) * 1000 / p50_ns;
}

void set_counts(PerfRow& row, const pmx_counters_t& before, const pmx_counters_t& after, uint64_t rounds)
{
    const auto each = [&](uint64_t pmx_counters_t::*field) {
        return static_cast<double>(after.*field - before.*field) / static_cast<double>(rounds);
    };
    row.counts = PerfCounts{each(&pmx_counters_t::order_points), each(&pmx_counters_t::stalls),
                            each(&pmx_counters_t::stalled_ns) / 1000, each(&pmx_counters_t::doorbells)};
}

pmx_counters_t counters(const PerfEngine& perf)
{
    pmx_counters_t words = {};
    perf.context().counters.read(words);
    return words;
}

Status produced(int err)
{
    return err ? fail(static_cast<pmx_err_t>(err), "rate: a command was not queued: {}",
                      pmx_error_string(err))
               : Status();
}

Status stuck()
{
    return fail(PMX_ERR_INTERNAL, "rate: the engine did not complete a round in {} steps", kMaxSteps);
}

/* The median of each stage: a round in which this thread lost its core counts as one, not as all of its time.
 */
template <typename Round>
Status stages(uint64_t n_rounds, uint64_t commands, Round round, PerfRow& row)
{
    using Stages = EngineProbe::Stages;
    std::vector<Stages> spent(n_rounds);
    for (Stages& each : spent) PMX_TRY(round(each));
    const auto median = [&](uint64_t Stages::*field) {
        std::vector<uint64_t> ns;
        for (const Stages& each : spent) ns.push_back(each.*field);
        return static_cast<double>(perf_percentile(ns, 0.50)) / static_cast<double>(commands);
    };
    row.stages = PerfStages{median(&Stages::pull_ns), median(&Stages::admit_ns), median(&Stages::post_ns),
                            median(&Stages::poll_ns)};
    return {};
}

/* One thread plays the kernel, then the proxy: what is timed is the proxy alone. */
Status in_advance(const PerfOptions& options, const Setting& setting, PerfEngine& perf, PerfRow& row)
{
    const bool stalls = setting.order == PMX_ORDER_STALL_ALL || setting.order == PMX_ORDER_STALL_RANK;
    const auto round = [&](bool with_signals, auto step, std::vector<uint64_t>* ns_out) {
        PMX_TRY(produced(perf.produce(options.concurrency, row.bytes, with_signals)));
        const uint64_t begin = detail::now_ns();
        for (uint64_t steps = 0; !perf.complete(); steps++) {
            if (steps == kMaxSteps) return stuck();
            step();
        }
        if (ns_out) ns_out->push_back(detail::now_ns() - begin);
        return Status();
    };
    const auto step = [&] { perf.engine().step(); };
    for (uint64_t i = 0; i < options.warmup; i++) PMX_TRY(round(true, step, nullptr));

    std::vector<uint64_t> ns, put_ns;
    const pmx_counters_t before = counters(perf);
    for (uint64_t i = 0; i < options.iters; i++) PMX_TRY(round(true, step, &ns));
    set_counts(row, before, counters(perf), options.iters);
    for (uint64_t i = 0; i < options.iters; i++) PMX_TRY(round(false, step, &put_ns));
    set_times(row, ns, kCommands * options.concurrency);
    row.put_only_us = static_cast<double>(perf_percentile(put_ns, 0.50)) / 1000;
    if (stalls) return {}; /* the probe cannot stop in the middle */
    return stages(
        options.iters, kCommands * options.concurrency,
        [&](EngineProbe::Stages& spent) {
            return round(
                true, [&] { EngineProbe::step(perf.engine(), spent); }, nullptr);
        },
        row);
}

/* The producers queue as fast as they can, round after round, while this thread steps. */
Status beside(const PerfOptions& options, PerfEngine& perf, PerfRow& row)
{
    const uint64_t rounds = options.warmup + options.iters;
    const uint64_t share =
        options.concurrency / options.producers + (options.concurrency % options.producers != 0);
    std::atomic<uint64_t> begun{0};
    std::atomic<unsigned> queued{0};
    std::atomic<int> failed{0};
    std::vector<std::thread> producers;
    for (unsigned p = 0; p < options.producers; p++)
        producers.emplace_back([&] {
            for (uint64_t round = 1; round <= rounds; round++) {
                for (unsigned spins = 0; begun.load(std::memory_order_acquire) < round; spins++)
                    detail::relax(spins);
                if (int err = perf.produce(share, row.bytes, true)) failed = err;
                queued.fetch_add(1, std::memory_order_release);
            }
        });
    std::vector<uint64_t> ns;
    pmx_counters_t before = counters(perf);
    for (uint64_t round = 1; round <= rounds; round++) {
        if (round == options.warmup + 1) before = counters(perf);
        queued.store(0, std::memory_order_relaxed);
        const uint64_t begin = detail::now_ns();
        begun.store(round, std::memory_order_release);
        unsigned idle = 0;
        for (uint64_t steps = 0;
             queued.load(std::memory_order_acquire) < options.producers || !perf.complete(); steps++) {
            if (failed || steps == kMaxSteps) failed = failed ? failed.load() : int{PMX_ERR_TIMEOUT};
            if (failed) break;
            if (perf.engine().step())
                idle = 0;
            else
                detail::relax(idle++); /* as the proxy thread does */
        }
        if (round > options.warmup) ns.push_back(detail::now_ns() - begin);
    }
    for (std::thread& producer : producers) producer.join();
    set_counts(row, before, counters(perf), options.iters);
    set_times(row, ns, kCommands * share * options.producers);
    row.concurrency = share * options.producers;
    return produced(failed);
}

}  // namespace

Status perf_rate(const PerfOptions& options, std::vector<PerfRow>& rows_out)
{
    Setting setting = {};
    PMX_TRY(resolve(options, setting));
    Progress progress("rate", 0);
    int n_done = 0;
    const auto n_all = static_cast<int>(options.bytes.size() * options.destinations.size() * 2);
    for (uint64_t n_bytes : options.bytes)
        for (uint64_t destinations : options.destinations) {
            PerfEngine perf(static_cast<int>(destinations), setting.order, setting.signals, setting.n_queues,
                            setting.depth, kBatch);
            PerfRow row = blank(options, setting, destinations, n_bytes);
            row.producers = 0;
            PMX_TRY(in_advance(options, setting, perf, row));
            rows_out.push_back(row);
            progress(++n_done, n_all);
            if (options.producers > 0) {
                row = blank(options, setting, destinations, n_bytes);
                row.producers = options.producers;
                PMX_TRY(beside(options, perf, row));
                rows_out.push_back(row);
            }
            progress(++n_done, n_all);
        }
    return {};
}

}  // namespace pmx::tools
