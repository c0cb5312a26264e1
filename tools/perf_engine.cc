/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf_engine.h"

#include <atomic>
#include <thread>

namespace pmx {

void EngineProbe::step(Engine& engine, Stages& stages)
{
    const uint64_t begin = detail::now_ns();
    engine.poll();
    const uint64_t polled = detail::now_ns();
    for (EngineContext* context : engine.contexts_) engine.pull(*context);
    const uint64_t pulled = detail::now_ns();
    for (Lane* lane = engine.active_head_; lane; lane = lane->next_active) engine.admit(*lane);
    const uint64_t admitted = detail::now_ns();
    engine.visit_active_lanes();
    const uint64_t posted = detail::now_ns();
    stages.poll_ns += polled - begin;
    stages.pull_ns += pulled - polled;
    stages.admit_ns += admitted - pulled;
    stages.post_ns += posted - admitted;
}

namespace tools {

PerfEngine::PerfEngine(int n_destinations, pmx_order_t order, int signals, unsigned n_queues, uint64_t depth,
                       unsigned batch)
    : transport_(n_queues * depth),
      faults_(n_destinations + 1),
      heap_(std::make_unique<uint64_t[]>(kHeapBytes / sizeof(uint64_t))),
      peer_base_(static_cast<size_t>(n_destinations) + 1, nullptr),
      context_(n_destinations + 1, order, signals, 0),
      engine_({n_destinations + 1, {reinterpret_cast<char*>(heap_.get()), kHeapBytes}, batch, 0, 0},
              &transport_, clock_, faults_, nullptr)
{
    for (unsigned i = 0; i < n_queues; i++) {
        context_.queues.push_back(std::make_unique<CommandQueue>(engine_.next_queue_id(), depth));
        views_.push_back(context_.queues.back()->device_view());
    }
    device_.size_bytes = sizeof device_;
    device_.size = n_destinations + 1;
    device_.signals = signals;
    device_.n_queues = n_queues;
    device_.queues = views_.data();
    device_.heap_base = reinterpret_cast<char*>(heap_.get());
    device_.heap_bytes = kHeapBytes;
    device_.peer_base = peer_base_.data();
    device_.fault = faults_.job_word();
    device_.peer_failed = faults_.peer_words();
    device_.n_failed = faults_.count_word();
    device_.timeout_ns = 60'000'000'000u;
    /* add() returns when the engine's thread has taken the context in: this one plays it meanwhile. */
    std::atomic<bool> added{false};
    std::thread adder([&] {
        engine_.add(context_);
        added = true;
    });
    while (!added) {
        engine_.step();
        std::this_thread::yield();
    }
    adder.join();
}

bool PerfEngine::complete() const
{
    for (const pmx_device_queue_t& view : views_)
        if (detail::load_acquire(view.completed) != detail::load_relaxed(view.head)) return false;
    return true;
}

int PerfEngine::produce(uint64_t n, uint64_t n_bytes, bool with_signals)
{
    const auto n_destinations = static_cast<uint64_t>(device_.size - 1);
    char* data = device_.heap_base;
    auto* signal = reinterpret_cast<uint64_t*>(device_.heap_base);
    for (uint64_t i = 0; i < n; i++) {
        const int to = 1 + static_cast<int>(i % n_destinations);
        const int err = with_signals
                            ? put_signal(thread, device_, data, data, n_bytes, signal, i, PMX_SIGNAL_SET, to)
                            : put(thread, device_, data, data, n_bytes, to);
        if (err) return err;
    }
    return PMX_SUCCESS;
}

}  // namespace tools
}  // namespace pmx
