/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_cluster.cc: when which engine is stepped. An engine whose step moved nothing sleeps until its NIC, its kernel
 * or its peers have something for it. */
#include "sim_cluster.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace pmx::tools {

namespace {

/* No fault and no failure happens here, so the words that tell of them are one for all ranks. */
int32_t no_fault = 0;

SoftNicWorldConfig world_config(const SimConfig& config)
{
    SoftNicWorldConfig world;
    world.size = config.n_ranks;
    world.profile = config.profile;
    world.seed = config.seed;
    world.piece_bytes = UINT64_MAX; /* nothing is copied, so nothing is torn */
    return world;
}

}  // namespace

SimCounters SimCounters::operator-(const SimCounters& before) const
{
    return {order_points - before.order_points, stalls - before.stalls, stalled_ns - before.stalled_ns,
            doorbells - before.doorbells, puts - before.puts, signals - before.signals};
}

struct SimCluster::Rank {
    Rank(SimCluster& cluster, int number)
        : clock(cluster.world_.clock(number)),
          values(std::max<size_t>(1, cluster.config_.n_values)),
          faults(cluster.config_.n_ranks),
          engine({cluster.config_.n_ranks, {reinterpret_cast<char*>(values.data()), kHeapBytes}, 32, 0, 0},
                 &cluster.world_.transport(number), clock, faults, nullptr),
          waiting(static_cast<size_t>(cluster.config_.n_contexts))
    {
        for (int i = 0; i < cluster.config_.n_contexts; i++) {
            contexts.push_back(std::make_unique<EngineContext>(cluster.config_.n_ranks, cluster.config_.order,
                                                               cluster.config_.signals, static_cast<uint16_t>(i)));
            contexts.back()->queues.push_back(
                std::make_unique<CommandQueue>(engine.next_queue_id(), cluster.config_.queue_depth));
            views.push_back(contexts.back()->queues[0]->device_view());
        }
        for (pmx_device_queue_t& view : views) {
            devices.emplace_back();
            devices.back().n_queues = 1;
            devices.back().queues = &view;
            devices.back().fault = &no_fault;
            devices.back().timeout_ns = 1000000000;
        }
    }

    uint64_t n_pulled() const
    {
        uint64_t n = 0;
        for (auto& context : contexts) n += context->queues[0]->end_ticket();
        return n;
    }
    bool complete() const
    {
        for (size_t i = 0; i < contexts.size(); i++)
            if (!waiting[i].empty() || !contexts[i]->queues[0]->idle() ||
                contexts[i]->queues[0]->end_ticket() != detail::load_relaxed(views[i].head))
                return false;
        return true;
    }

    VirtualClock& clock;
    std::vector<uint64_t> values;
    Faults faults;
    Engine engine;
    std::vector<std::unique_ptr<EngineContext>> contexts;
    std::vector<pmx_device_queue_t> views;
    std::vector<pmx_device_ctx_t> devices;
    std::vector<std::deque<std::vector<pmx_command_t>>> waiting; /* by context: for room in its queue */
    uint64_t step_at_ns = UINT64_MAX;                           /* when it is stepped next */
    bool told_complete = true;
};

SimCluster::SimCluster(const SimConfig& config) : config_(config), world_(world_config(config))
{
    for (int r = 0; r < config.n_ranks; r++) ranks_.push_back(std::make_unique<Rank>(*this, r));
    add_contexts();
    world_.on_wake = [this](int r, uint64_t time_ns) { wake(r, static_cast<double>(time_ns)); };
    world_.on_signal = [this](int r, uint64_t off, uint64_t value, uint64_t time_ns) {
        on_signal(r, off, value, time_ns);
    };
    world_.on_user = [this](int r, uint64_t tag) {
        if (tag != kStepTag)
            on_timer(r, static_cast<uint32_t>(tag));
        else if (rank(r).step_at_ns <= world_.now_ns())
            step(r);
    };
}

SimCluster::~SimCluster() = default;

/* add() waits for the thread that steps the engine; this one steps, another adds. */
void SimCluster::add_contexts()
{
    std::atomic<int> n_added{0};
    std::thread adder([&] {
        for (auto& each : ranks_) {
            for (auto& context : each->contexts) each->engine.add(*context);
            n_added++;
        }
    });
    for (int n; (n = n_added) != config_.n_ranks;) {
        rank(n).engine.step();
        std::this_thread::yield();
    }
    adder.join();
    for (auto& each : ranks_) each->clock.time_ns = 0;
}

void SimCluster::at(int r, double time_ns, uint32_t tag)
{
    world_.schedule(r, static_cast<uint64_t>(time_ns), tag);
}

uint64_t* SimCluster::values(int r) { return rank(r).values.data(); }

bool SimCluster::try_push(Rank& rank, int context, const std::vector<pmx_command_t>& commands)
{
    const pmx_device_queue_t& view = rank.views[static_cast<size_t>(context)];
    uint64_t n_queued = detail::load_relaxed(view.head) - detail::load_relaxed(view.consumed);
    if (n_queued + commands.size() > view.capacity) return false;
    detail::push(rank.devices[static_cast<size_t>(context)], 0, commands.data(), static_cast<unsigned>(commands.size()));
    return true;
}

void SimCluster::push(int r, int context, std::initializer_list<pmx_command_t> commands)
{
    Rank& self = rank(r);
    auto& waiting = self.waiting[static_cast<size_t>(context)];
    std::vector<pmx_command_t> list(commands);
    self.told_complete = false;
    if (!waiting.empty() || !try_push(self, context, list)) waiting.push_back(std::move(list));
    wake(r, static_cast<double>(now_ns()));
}

void SimCluster::wake(int r, double time_ns)
{
    Rank& self = rank(r);
    uint64_t at_ns = static_cast<uint64_t>(std::max({time_ns, self.clock.time_ns, static_cast<double>(now_ns())}));
    if (self.step_at_ns <= at_ns) return;
    self.step_at_ns = at_ns;
    world_.schedule(r, at_ns, kStepTag);
}

void SimCluster::step(int r)
{
    Rank& self = rank(r);
    self.step_at_ns = UINT64_MAX;
    self.clock.time_ns = std::max(self.clock.time_ns, static_cast<double>(now_ns()));
    uint64_t n_before = self.n_pulled();
    bool moved = self.engine.step();
    self.clock.time_ns += static_cast<double>(self.n_pulled() - n_before) * config_.profile.command_ns;
    for (size_t i = 0; i < self.waiting.size(); i++)
        for (auto& list = self.waiting[i]; !list.empty() && try_push(self, static_cast<int>(i), list.front());
             list.pop_front())
            moved = true;
    if (moved) wake(r, self.clock.time_ns);
    if (self.told_complete || !self.complete()) return;
    self.told_complete = true;
    if (on_complete) on_complete(r, self.clock.now_ns());
}

void SimCluster::run()
{
    constexpr uint64_t kEventsBetween = 1 << 16;
    while (world_.run_next())
        if (++n_events_ % kEventsBetween == 0 && on_progress) on_progress();
}

SimCounters SimCluster::counters(int context) const
{
    SimCounters sum;
    for (auto& each : ranks_) {
        pmx_counters_t words{};
        each->contexts[static_cast<size_t>(context)]->counters.read(words);
        sum.order_points += words.order_points;
        sum.stalls += words.stalls;
        sum.stalled_ns += words.stalled_ns;
        sum.doorbells += words.doorbells;
        sum.puts += words.puts;
        sum.signals += words.signals;
    }
    return sum;
}

}  // namespace pmx::tools
