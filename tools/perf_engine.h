/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_engine.h: one engine over the null transport, and the view by which producers fill its queues. */
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "engine.h"
#include "perf_null_transport.h"
#include "pmx_device.h"

namespace pmx {

/* Friend of the engine: goes through one step() stage by stage. Costs the engine nothing. */
class EngineProbe {
public:
    /* Time in each stage, nanoseconds in all. admit: numbering, order points; post: chains, and the call of
     * the transport; pull: from the rings, by destination; poll: completions. */
    struct Stages {
        uint64_t poll_ns = 0, pull_ns = 0, admit_ns = 0, post_ns = 0;
    };

    /* Does what engine.step() does, but for the look at requests and peers. Admits all lanes before it posts
     * the first, so that each stage is one loop and the clock is read once for many commands. Only for modes
     * that do not stall. */
    static void step(Engine& engine, Stages& stages);
};

namespace tools {

class PerfEngine {
public:
    /* Ranks 1..n_destinations are reached by the null transport; rank 0 is this one. depth: of each queue. */
    PerfEngine(int n_destinations, pmx_order_t order, int signals, unsigned n_queues, uint64_t depth,
               unsigned batch);

    Engine& engine() { return engine_; }
    const pmx_device_ctx_t& device() const { return device_; }
    const EngineContext& context() const { return context_; }
    /* All that was queued is complete. */
    bool complete() const;

    /* Queues n puts of n_bytes, over the destinations in turn, each with its signal or without. The queues
     * must have room, or another thread must be stepping. An error is one of pmx_device.h. */
    int produce(uint64_t n, uint64_t n_bytes, bool with_signals);

private:
    static constexpr uint64_t kHeapBytes = 1u << 20;
    MonotonicClock clock_;
    NullTransport transport_;
    Faults faults_;
    std::unique_ptr<uint64_t[]> heap_;
    std::vector<char*> peer_base_;
    EngineContext context_;
    Engine engine_;
    std::vector<pmx_device_queue_t> views_;
    pmx_device_ctx_t device_{};
};

}  // namespace tools
}  // namespace pmx
