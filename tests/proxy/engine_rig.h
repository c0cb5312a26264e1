/* SPDX-License-Identifier: BSD-3-Clause */
/* engine_rig.h: one rank (0) with an engine over a FakeNic, and the device view by which a test plays the
 * kernel. Without threads: the test calls engine.step(). */
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "engine.h"
#include "fake_nic.h"
#include "pmx_device.h"

struct ManualClock final : pmx::Clock {
    uint64_t time_ns = 0;
    uint64_t now_ns() const override { return time_ns; }
};

struct EngineRig {
    EngineRig(const FakeNicConfig& nic_config, pmx_order_t order, int signals, unsigned n_queues = 2,
              uint64_t depth = 4096, unsigned batch = 32)
        : nic(nic_config),
          faults(nic_config.size),
          heap(nic_config.heap_bytes / 8),
          peer_base(nic_config.size, nullptr),
          context(nic_config.size, order, signals, 0),
          engine({nic_config.size, {reinterpret_cast<char*>(heap.data()), nic_config.heap_bytes}, batch, 1000000000, 1},
                 &nic, clock, faults, nullptr)
    {
        for (unsigned i = 0; i < n_queues; i++) {
            context.queues.push_back(std::make_unique<pmx::CommandQueue>(engine.next_queue_id(), depth));
            views.push_back(context.queues.back()->device_view());
        }
        peer_base[0] = reinterpret_cast<char*>(heap.data());
        device.size_bytes = sizeof device;
        device.size = nic_config.size;
        device.signals = signals;
        device.n_queues = n_queues;
        device.queues = views.data();
        device.heap_base = peer_base[0];
        device.heap_bytes = nic_config.heap_bytes;
        device.peer_base = peer_base.data();
        device.fault = faults.job_word();
        device.peer_failed = faults.peer_words();
        device.n_failed = faults.count_word();
        device.timeout_ns = 10000000000;
        /* add() waits for the engine's thread: play it meanwhile. */
        std::atomic<bool> added{false};
        std::thread adder([&] {
            engine.add(context);
            added = true;
        });
        while (!added) {
            engine.step();
            std::this_thread::yield();
        }
        adder.join();
    }

    bool complete()
    {
        for (auto& view : views)
            if (pmx::detail::load_acquire(view.completed) != pmx::detail::load_relaxed(view.head)) return false;
        return true;
    }
    /* Steps until all is complete; false when that takes more than max_steps. */
    bool run(int max_steps = 1000000)
    {
        for (int i = 0; i < max_steps; i++) {
            if (complete()) return true;
            clock.time_ns += 10;
            engine.step();
        }
        return complete();
    }
    pmx_counters_t counters()
    {
        pmx_counters_t words{};
        context.counters.read(words);
        return words;
    }
    char* at(uint64_t off) { return device.heap_base + off; }
    uint64_t* word_at(uint64_t off) { return reinterpret_cast<uint64_t*>(device.heap_base + off); }

    ManualClock clock;
    FakeNic nic;
    pmx::Faults faults;
    std::vector<uint64_t> heap;
    std::vector<char*> peer_base;
    pmx::EngineContext context;
    pmx::Engine engine;
    std::vector<pmx_device_queue_t> views;
    pmx_device_ctx_t device{};
};
