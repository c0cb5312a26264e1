/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_fan.cc: the fan, by the calling thread or by host blocks that stay for all repetitions. */
#include "perf_fan.h"

#include <atomic>
#include <barrier>

#include "pmx_atomic.h"
#include "pmx_device.h"

namespace pmx::tools {

namespace {

/* One run of the blocks. */
struct Fan {
    Fan(const PerfRun& the_run, PerfPath& the_path) : run(the_run), path(the_path), met(the_run.blocks) {}

    const PerfRun& run;
    PerfPath& path;
    bool with_signals = true;
    uint64_t first_value = 0;
    uint64_t warmup = 0, iters = 0;
    std::vector<uint64_t>* ns_out = nullptr; /* block 0 */
    std::barrier<> met;
    std::atomic<int> err{0}; /* the first failure; all blocks go on meeting, and do nothing else */

    void note(int result)
    {
        int none = 0;
        if (result) err.compare_exchange_strong(none, result);
    }
};

void send(Fan& fan, uint64_t value, unsigned block)
{
    const PerfRun& run = fan.run;
    const PerfLayout& layout = run.layout;
    if (run.rank >= run.senders) return;
    for (uint64_t i = block; i < run.concurrency && !fan.err; i += run.blocks) {
        const FanTarget to = fan_target(run.rank, run.size, i);
        const uint64_t data = layout.data(run.rank, to.slot), source = layout.source(i);
        if (!fan.with_signals)
            fan.note(fan.path.put(data, source, run.n_bytes, to.rank));
        else if (run.groups)
            fan.note(fan.path.group_put(data, source, run.n_bytes, static_cast<uint32_t>(to.slot), value,
                                        to.rank));
        else
            fan.note(fan.path.put_signal(data, source, run.n_bytes, layout.signal(run.rank, to.slot), value,
                                         to.rank));
    }
}

void receive(Fan& fan, uint64_t value, unsigned block)
{
    const PerfRun& run = fan.run;
    uint64_t turn = 0;
    for (int step = 1; step < run.size; step++) {
        const int from = (run.rank + step) % run.size;
        if (from >= run.senders) continue;
        const uint64_t n = fan_expected(from, run.rank, run.size, run.concurrency);
        for (uint64_t slot = 0; slot < n && !fan.err; slot++)
            if (turn++ % run.blocks == block)
                fan.note(fan.path.wait_signal(run.layout.signal(from, slot), value, from));
    }
}

void block_main(void* arg)
{
    Fan& fan = *static_cast<Fan*>(arg);
    const unsigned block = pmx_block_get().index;
    uint64_t begin = 0;
    for (uint64_t it = 0; it < fan.warmup + fan.iters; it++) {
        const uint64_t value = fan.first_value + it;
        if (block == 0 && !fan.err) {
            fan.note(fan.path.barrier());
            begin = detail::now_ns();
        }
        fan.met.arrive_and_wait();
        send(fan, value, block);
        if (fan.with_signals) receive(fan, value, block);
        fan.met.arrive_and_wait();
        if (block != 0 || fan.err) continue;
        /* The puts alone are done when they are complete; with signals, when all signals are here. Where only some
         * send, their clocks tell, and all is done when it is complete. */
        const bool some = fan.run.senders < fan.run.size;
        if (some || !fan.with_signals) fan.note(fan.path.quiet());
        const uint64_t end = detail::now_ns();
        if (!some && fan.with_signals) fan.note(fan.path.quiet());
        if (it >= fan.warmup) fan.ns_out->push_back(fan.run.rank < fan.run.senders ? end - begin : 0);
    }
}

int launch(Fan& fan)
{
    if (fan.run.blocks == 1) {
        block_main(&fan);
    } else if (int err = pmx_launch(block_main, fan.run.blocks, 1, &fan)) {
        return err;
    }
    return fan.err;
}

}  // namespace

int perf_fan(PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    Fan fan(run, path);
    fan.with_signals = false;
    fan.warmup = run.warmup;
    fan.iters = run.iters;
    fan.ns_out = &samples.put_only_ns;
    if (int err = launch(fan)) return err;

    fan.with_signals = true;
    fan.first_value = run.epoch + 1;
    fan.iters = 0;
    fan.ns_out = &samples.latency_ns;
    if (int err = launch(fan)) return err;

    fan.first_value += run.warmup;
    fan.warmup = 0;
    fan.iters = run.iters;
    PerfCounting counting(path, samples);
    if (int err = launch(fan)) return err;
    return path.barrier();
}

}  // namespace pmx::tools
