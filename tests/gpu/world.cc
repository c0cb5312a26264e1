/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <atomic>
#include <thread>

#include "engine.h"
#include "machine.h"
#include "tests/proxy/fake_nic.h"

namespace {

FakeNicConfig nic_config(const WorldConfig& config, int rank, const std::vector<char*>& heaps)
{
    FakeNicConfig nic;
    nic.size = config.size;
    nic.heap_bytes = config.heap_bytes;
    nic.seed = 1 + static_cast<uint32_t>(rank);
    nic.claims_order = nic.keeps_order = config.in_order;
    nic.queue_depth = 128;
    nic.refuse_percent = 3;
    nic.heaps = heaps;
    return nic;
}

std::shared_ptr<uint32_t[]> fault_words(int size)
{
    std::shared_ptr<void> memory = shared_memory(pmx::Faults::n_words(size) * sizeof(uint32_t));
    return std::shared_ptr<uint32_t[]>(memory, static_cast<uint32_t*>(memory.get()));
}

}  // namespace

struct World::Rank {
    Rank(const WorldConfig& config, int rank, const std::vector<char*>& heaps)
        : nic(nic_config(config, rank, heaps)),
          faults(config.size, fault_words(config.size)),
          context(config.size, config.order, config.signals, 0),
          engine({config.size, {heaps[rank], config.heap_bytes}, 32, 20000000000, 1}, &nic, clock, faults, nullptr)
    {
        std::vector<pmx_device_queue_t> views;
        for (unsigned i = 0; i < config.n_queues; i++) {
            context.queues.push_back(
                std::make_unique<pmx::CommandQueue>(engine.next_queue_id(), queue_memory(config.depth)));
            views.push_back(context.queues.back()->device_view());
        }
        if (config.broken_rank >= 0) nic.break_peer(config.broken_rank);
        queues = views;
        peer_base.assign(config.size, nullptr); /* the own heap is reached by the proxy, too */
        pmx_device_ctx_t host{};
        host.size_bytes = sizeof host;
        host.rank = rank;
        host.size = config.size;
        host.signals = config.signals;
        host.n_queues = config.n_queues;
        host.queues = queues.data();
        host.heap_base = heaps[rank];
        host.heap_bytes = config.heap_bytes;
        host.peer_base = peer_base.data();
        host.fault = faults.job_word();
        host.peer_failed = faults.peer_words();
        host.n_failed = faults.count_word();
        host.timeout_ns = config.timeout_ns;
        ctx = kernel_view(host, keep);
        if (!config.engines_run) return;
        thread = std::thread([this] {
            for (unsigned idle = 0; !stop.load(std::memory_order_relaxed);) {
                if (engine.step())
                    idle = 0;
                else
                    pmx::detail::relax(idle++);
            }
        });
        engine.add(context);
    }
    ~Rank()
    {
        stop = true;
        if (thread.joinable()) thread.join();
    }

    pmx::MonotonicClock clock;
    FakeNic nic;
    pmx::Faults faults;
    pmx::EngineContext context;
    pmx::Engine engine;
    std::vector<pmx_device_queue_t> queues;
    std::vector<char*> peer_base;
    std::shared_ptr<void> keep;
    pmx_device_ctx_t ctx{};
    std::atomic<bool> stop{false};
    std::thread thread;
};

World::World(const WorldConfig& config)
{
    std::vector<char*> heaps;
    for (int rank = 0; rank < config.size; rank++) {
        heaps_.push_back(shared_memory(config.heap_bytes));
        heaps.push_back(static_cast<char*>(heaps_.back().get()));
    }
    for (int rank = 0; rank < config.size; rank++) ranks_.push_back(std::make_unique<Rank>(config, rank, heaps));
}

World::~World() = default;

int World::size() const { return static_cast<int>(ranks_.size()); }
char* World::heap(int rank) const { return static_cast<char*>(heaps_[rank].get()); }
const pmx_device_ctx_t& World::ctx(int rank) const { return ranks_[rank]->ctx; }
void World::fail_job(int rank, pmx_err_t err) { ranks_[rank]->faults.fail_job(err); }

pmx_counters_t World::counters() const
{
    pmx_counters_t sum{};
    for (const auto& rank : ranks_) rank->context.counters.add_to(sum);
    return sum;
}
