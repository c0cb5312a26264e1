/* SPDX-License-Identifier: BSD-3-Clause */
/* softnic_rig.h: ranks of one process, each with its engine, over the software NIC in virtual time. Without threads:
 * run() plays network and proxies, the test plays the kernels through the device views. */
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "engine.h"
#include "order.h"
#include "pmx_device.h"
#include "transport_softnic_world.h"

struct SoftNicRig {
    struct Rank {
        Rank(SoftNicRig& rig, int number, pmx_order_t order, int signals)
            : base(rig.world.heap(number)),
              faults(rig.size),
              peer_base(static_cast<size_t>(rig.size), nullptr),
              context(rig.size, order, signals, 3),
              engine({rig.size, {base, rig.heap_bytes}, 32, 0, 1}, &rig.world.transport(number), rig.world.clock(number),
                     faults, nullptr)
        {
            for (int i = 0; i < 2; i++) {
                context.queues.push_back(std::make_unique<pmx::CommandQueue>(engine.next_queue_id(), 4096));
                views.push_back(context.queues.back()->device_view());
            }
            peer_base[static_cast<size_t>(number)] = base;
            device.size_bytes = sizeof device;
            device.rank = number;
            device.size = rig.size;
            device.signals = signals;
            device.n_queues = 2;
            device.queues = views.data();
            device.heap_base = base;
            device.heap_bytes = rig.heap_bytes;
            device.peer_base = peer_base.data();
            device.fault = faults.job_word();
            device.peer_failed = faults.peer_words();
            device.n_failed = faults.count_word();
            device.timeout_ns = 10000000000;
        }

        bool complete()
        {
            for (auto& queue : context.queues)
                if (pmx::detail::load_relaxed(queue->device_view().head) != queue->end_ticket() || !queue->idle())
                    return false;
            return true;
        }
        char* at(uint64_t off) { return base + off; }
        uint64_t* word_at(uint64_t off) { return reinterpret_cast<uint64_t*>(base + off); }
        pmx_counters_t counters()
        {
            pmx_counters_t words{};
            context.counters.read(words);
            return words;
        }

        char* base;
        pmx::Faults faults;
        std::vector<char*> peer_base;
        pmx::EngineContext context;
        pmx::Engine engine;
        std::vector<pmx_device_queue_t> views;
        pmx_device_ctx_t device{};
    };

    SoftNicRig(const pmx::SoftNicWorldConfig& config, pmx_order_t order, int signals)
        : size(config.size), heap_bytes(config.heap_bytes), world(config)
    {
        for (int r = 0; r < size; r++) ranks.push_back(std::make_unique<Rank>(*this, r, order, signals));
        /* add() waits for the engine's thread: play it meanwhile. */
        std::atomic<int> n_added{0};
        std::thread adder([&] {
            for (auto& each : ranks) {
                each->engine.add(each->context);
                n_added++;
            }
        });
        while (n_added != size) {
            rank(n_added % size).engine.step();
            std::this_thread::yield();
        }
        adder.join();
    }

    void step_all()
    {
        for (int r = 0; r < size; r++) {
            pmx::VirtualClock& clock = world.clock(r);
            clock.time_ns = std::max(clock.time_ns, static_cast<double>(world.now_ns()));
            while (rank(r).engine.step()) {
            }
        }
    }
    /* Until all commands of all ranks are complete; false when nothing happens any more and they are not. */
    bool run()
    {
        for (int turn = 0; turn < 10000000; turn++) {
            step_all();
            bool complete = true;
            for (auto& each : ranks) complete = complete && each->complete();
            if (complete) return true;
            /* A storm ends by being asked again, not by an event. */
            if (!world.run_next() && ++idle_turns > 100000) return false;
        }
        return false;
    }
    Rank& rank(int r) { return *ranks[static_cast<size_t>(r)]; }

    int size;
    uint64_t heap_bytes;
    pmx::SoftNicWorld world;
    std::vector<std::unique_ptr<Rank>> ranks;
    int idle_turns = 0;
};
