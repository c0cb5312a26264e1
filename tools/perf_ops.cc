/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_ops.cc: what is repeated and timed. perf_fan.cc has the fan. */
#include "perf_ops.h"

#include <utility>

#include "perf_fan.h"
#include "pmx_atomic.h"

namespace pmx::tools {

namespace {

using detail::now_ns;

#define PERF_TRY(expr)                      \
    do {                                    \
        if (int err_ = (expr)) return err_; \
    } while (0)

int transfer(const PerfRun& run, PerfPath& path, PerfOp op, uint64_t i, uint64_t value)
{
    const PerfLayout& layout = run.layout;
    const uint64_t slot = i % layout.n_slots;
    switch (op) {
        case PerfOp::put:
            return path.put(layout.data(0, slot), layout.source(i), run.n_bytes, 1);
        case PerfOp::get:
            return path.get(layout.source(i), layout.data(0, slot), run.n_bytes, 1);
        default:
            return path.put_signal(layout.data(0, slot), layout.source(i), run.n_bytes,
                                   layout.signal(0, slot), value, 1);
    }
}

/* Each repetition is n transfers and one quiet. */
int repeat(PerfRun& run, PerfPath& path, PerfOp op, uint64_t n, std::vector<uint64_t>& ns_out)
{
    for (uint64_t it = 0; it < run.warmup + run.iters; it++) {
        const uint64_t begin = now_ns();
        for (uint64_t i = 0; i < n; i++) PERF_TRY(transfer(run, path, op, i, run.epoch + it + 1));
        PERF_TRY(path.quiet());
        if (it >= run.warmup) ns_out.push_back(now_ns() - begin);
    }
    run.epoch += run.warmup + run.iters;
    return PMX_SUCCESS;
}

int one_sided(PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    PERF_TRY(path.barrier());
    if (run.rank == 0) {
        if (run.op == PerfOp::put_signal) PERF_TRY(repeat(run, path, PerfOp::put, 1, samples.put_only_ns));
        PERF_TRY(repeat(run, path, run.op, 1, samples.latency_ns));
        PerfCounting counting(path, samples);
        const uint64_t warmup =
            std::exchange(run.warmup, 0); /* it is warm, and only what is timed is counted */
        PERF_TRY(repeat(run, path, run.op, run.concurrency, samples.window_ns));
        run.warmup = warmup;
    }
    return path.barrier();
}

int pingpong(PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    const PerfLayout& layout = run.layout;
    PERF_TRY(path.barrier());
    if (run.rank < 2) {
        const int other = 1 - run.rank;
        const auto ping = [&](uint64_t value) {
            return path.put_signal(layout.data(run.rank, 0), layout.source(0), run.n_bytes,
                                   layout.signal(run.rank, 0), value, other);
        };
        const auto pong = [&](uint64_t value) {
            return path.wait_signal(layout.signal(other, 0), value, other);
        };
        const auto rounds = [&](uint64_t n, bool timed) -> int {
            for (uint64_t it = 0; it < n; it++) {
                const uint64_t value = ++run.epoch, begin = now_ns();
                PERF_TRY(run.rank == 0 ? ping(value) : pong(value));
                PERF_TRY(run.rank == 0 ? pong(value) : ping(value));
                if (timed && run.rank == 0) samples.latency_ns.push_back((now_ns() - begin) / 2);
            }
            return path.quiet();
        };
        PERF_TRY(rounds(run.warmup, false));
        PerfCounting counting(path, samples);
        PERF_TRY(rounds(run.iters, true));
    }
    return path.barrier();
}

}  // namespace

PerfCounting::PerfCounting(PerfPath& path, PerfSamples& samples) : path_(path), samples_(samples)
{
    samples_.counted = path_.counters(before_);
}

PerfCounting::~PerfCounting()
{
    pmx_counters_t after = {};
    if (!samples_.counted || !path_.counters(after)) return;
    for (auto field : {&pmx_counters_t::puts, &pmx_counters_t::signals, &pmx_counters_t::order_points,
                       &pmx_counters_t::stalls, &pmx_counters_t::stalled_ns, &pmx_counters_t::doorbells})
        samples_.counters.*field += after.*field - before_.*field;
}

int perf_run(PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    const uint64_t epoch = run.epoch;
    const int err = run.op == PerfOp::fan               ? perf_fan(run, path, samples)
                    : run.op == PerfOp::signal_pingpong ? pingpong(run, path, samples)
                                                        : one_sided(run, path, samples);
    /* More than any op uses, so that all ranks agree. */
    run.epoch = epoch + 4 * (run.warmup + run.iters);
    return err;
}

}  // namespace pmx::tools
