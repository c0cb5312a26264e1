/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_rig.h: ranks of one process, each with its engine over a staging transport, over a NIC that knows
 * host memory only. GPU memory has addresses that nobody may touch; copy engines and the test reach what lies
 * behind them. Without threads: turn() plays networks, copies and proxies in an order drawn from a seed. */
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <thread>

#include "engine.h"
#include "fake_nic.h"
#include "order.h"
#include "pmx_device.h"
#include "staging.h"
#include "transport_softnic_world.h"

/* GPU memory of one rank. */
struct FakeGpu {
    explicit FakeGpu(size_t n_bytes) : memory(n_bytes / 8)
    {
        base = static_cast<char*>(mmap(nullptr, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    FakeGpu(const FakeGpu&) = delete;
    ~FakeGpu() { munmap(base, 8 * memory.size()); }

    char* at(uint64_t off) { return reinterpret_cast<char*>(memory.data()) + off; }
    bool owns(const void* p) const
    {
        return static_cast<uint64_t>(static_cast<const char*>(p) - base) < 8 * memory.size();
    }
    char* real(const void* p)
    {
        return owns(p) ? at(static_cast<uint64_t>(static_cast<const char*>(p) - base))
                       : static_cast<char*>(const_cast<void*>(p));
    }

    std::vector<uint64_t> memory;
    char* base;
};

/* A copy takes place at some time between its beginning and the answer that it has finished, which may be
 * late; between two fences in any order. */
class FakeCopyEngine final : public pmx::CopyEngine {
  public:
    FakeCopyEngine(FakeGpu& gpu, bool to_gpu, uint32_t seed) : gpu_(gpu), to_gpu_(to_gpu), random_(seed) {}

    bool broken = false;
    bool frozen = false; /* nothing takes place */
    bool wrong = false;  /* a copy that was not from one kind of memory to the other */
    uint64_t n_begun = 0;
    std::function<void()> on_copied;

    pmx::Status copy(void* dst, const void* src, uint64_t n_bytes) override
    {
        if (broken) return {PMX_ERR_SYSTEM, "broken"};
        wrong = wrong || gpu_.owns(to_gpu_ ? src : dst) || !gpu_.owns(to_gpu_ ? dst : src);
        waiting_.push_back({gpu_.real(dst), gpu_.real(src), n_bytes, ++n_begun, n_fences_});
        if (random_() % 4 == 0) work(random_() % 4);
        return {};
    }
    pmx::Status fence() override
    {
        if (broken) return {PMX_ERR_SYSTEM, "broken"};
        n_fences_++;
        return {};
    }
    pmx::Status flush() override { return {}; }
    pmx::Status n_finished(uint64_t& n_out) override
    {
        if (broken) return {PMX_ERR_SYSTEM, "broken"};
        work(random_() % 4);
        uint64_t all_up_to = n_begun;
        for (const Copy& copy : waiting_) all_up_to = std::min(all_up_to, copy.number - 1);
        n_finished_ += random_() % 2 == 0 ? random_() % (all_up_to - n_finished_ + 1) : 0;
        n_out = n_finished_;
        return {};
    }

  private:
    void work(uint64_t n)
    {
        for (; n > 0 && !waiting_.empty() && !frozen; n--) {
            size_t n_free = 1;
            while (n_free < waiting_.size() && waiting_[n_free].epoch == waiting_[0].epoch) n_free++;
            auto copy = waiting_.begin() + static_cast<ptrdiff_t>(random_() % n_free);
            std::memcpy(copy->dst, copy->src, copy->n_bytes);
            waiting_.erase(copy);
            if (on_copied) on_copied();
        }
    }

    struct Copy {
        char* dst;
        const char* src;
        uint64_t n_bytes;
        uint64_t number; /* from 1 */
        uint64_t epoch;  /* fences before it */
    };
    FakeGpu& gpu_;
    const bool to_gpu_;
    std::mt19937 random_;
    std::deque<Copy> waiting_;
    uint64_t n_fences_ = 0, n_finished_ = 0;
};

struct StagingRigConfig {
    /* A NIC that orders nothing, one that lands all to a rank in order, the software NIC, which keeps no
     * order but that of ordered signals. */
    enum class Net { any_order, in_order, softnic };
    Net net = Net::any_order;
    int size = 3;
    uint64_t host_bytes = 1 << 16, gpu_bytes = 1 << 16;
    unsigned n_slots = 4;
    uint64_t slot_bytes = 256;
    size_t queue_depth = 64;
    int refuse_percent = 0;
    uint64_t max_put_bytes = UINT64_MAX;
    pmx_order_t order = PMX_ORDER_DEFERRED;
    int signals = PMX_SIGNALS_COUPLED;
    uint32_t seed = 1;
};

/* What another owns. */
class BorrowedTransport final : public pmx::Transport {
  public:
    explicit BorrowedTransport(pmx::Transport& of) : of_(of) {}
    const pmx::TransportCaps& caps() const override { return of_.caps(); }
    void withhold(const pmx::TransportCaps& kept) override { of_.withhold(kept); }
    std::vector<std::byte> address() const override { return of_.address(); }
    pmx::Status connect(std::span<const std::vector<std::byte>> all) override { return of_.connect(all); }
    int post(int dst_rank, std::span<const pmx::Op> ops) override { return of_.post(dst_rank, ops); }
    int poll(std::span<pmx::Completion> out) override { return of_.poll(out); }
    void fail_peer(int dst_rank) override { of_.fail_peer(dst_rank); }

  private:
    pmx::Transport& of_;
};

struct StagingRig {
    /* Says after a while who is dead: a target that dies after it has got everything is told by no NIC. */
    struct Watch final : pmx::PeerWatch {
        int dead = -1, delay = 0;
        int next_dead() override { return dead < 0 || --delay > 0 ? -1 : std::exchange(dead, -1); }
    };

    struct Rank {
        Rank(StagingRig& rig, int number)
            : gpu(rig.config.gpu_bytes),
              faults(rig.config.size),
              no_peer(static_cast<size_t>(rig.config.size)),
              context(rig.config.size, rig.config.order, rig.config.signals, 0)
        {
            const StagingRigConfig& config = rig.config;
            host = rig.segments[static_cast<size_t>(number)];
            auto to_host = std::make_unique<FakeCopyEngine>(
                gpu, false, config.seed * 7 + 1 + static_cast<uint32_t>(number));
            auto to_gpu = std::make_unique<FakeCopyEngine>(
                gpu, true, config.seed * 5 + 2 + static_cast<uint32_t>(number));
            out = to_host.get();
            in = to_gpu.get();
            heaps = {host, config.host_bytes, gpu.base, config.gpu_bytes};
            pmx::StagingConfig staging = {
                number,         config.size,      heaps, host + config.host_bytes, config.host_bytes,
                config.n_slots, config.slot_bytes};
            transport =
                pmx::make_staging(rig.make_nic(number, nic), staging, std::move(to_host), std::move(to_gpu));
            connected = transport->connect({}).code();
            engine = std::make_unique<pmx::Engine>(pmx::EngineConfig{config.size, heaps, 32, 0, 1},
                                                   transport.get(), clock, faults, &watch);
            fill_view(config, number);
        }

        void fill_view(const StagingRigConfig& config, int number)
        {
            for (int i = 0; i < 2; i++) {
                context.queues.push_back(std::make_unique<pmx::CommandQueue>(engine->next_queue_id(), 4096));
                views.push_back(context.queues.back()->device_view());
            }
            device.size_bytes = sizeof device;
            device.rank = number;
            device.size = config.size;
            device.signals = config.signals;
            device.n_queues = 2;
            device.queues = views.data();
            device.heap_base = host;
            device.heap_bytes = config.host_bytes;
            device.gpu_base = gpu.base;
            device.gpu_bytes = config.gpu_bytes;
            device.peer_base = device.gpu_peer_base = no_peer.data();
            device.fault = faults.job_word();
            device.peer_failed = faults.peer_words();
            device.n_failed = faults.count_word();
            device.timeout_ns = 10000000000;
        }

        bool complete()
        {
            for (auto& queue : context.queues)
                if (pmx::detail::load_relaxed(queue->device_view().head) != queue->end_ticket() ||
                    !queue->idle())
                    return false;
            return true;
        }
        /* As kernels name memory, and as it is. */
        char* sym(bool in_gpu, uint64_t off) { return (in_gpu ? gpu.base : host) + off; }
        char* at(bool in_gpu, uint64_t off) { return in_gpu ? gpu.at(off) : host + off; }
        uint64_t* word_sym(bool in_gpu, uint64_t off)
        {
            return reinterpret_cast<uint64_t*>(sym(in_gpu, off));
        }
        uint64_t word(bool in_gpu, uint64_t off)
        {
            return pmx::detail::load_acquire(reinterpret_cast<uint64_t*>(at(in_gpu, off)));
        }
        pmx_counters_t counters()
        {
            pmx_counters_t words{};
            context.counters.read(words);
            return words;
        }

        FakeGpu gpu;
        char* host;
        pmx::HeapMap heaps;
        FakeNic* nic = nullptr; /* null over the software NIC */
        FakeCopyEngine *out, *in;
        std::unique_ptr<pmx::Transport> transport;
        pmx_err_t connected = PMX_SUCCESS;
        pmx::MonotonicClock clock;
        pmx::Faults faults;
        Watch watch;
        std::vector<char*> no_peer;
        pmx::EngineContext context;
        std::unique_ptr<pmx::Engine> engine;
        std::vector<pmx_device_queue_t> views;
        pmx_device_ctx_t device{};
    };

    explicit StagingRig(const StagingRigConfig& c) : config(c), random(c.seed)
    {
        size_t segment_bytes = c.host_bytes + pmx::staging_area_bytes(c.size, c.n_slots, c.slot_bytes);
        if (c.net == StagingRigConfig::Net::softnic) {
            pmx::SoftNicWorldConfig soft;
            soft.size = c.size;
            (void)pmx::softnic_profile("ideal", soft.profile);
            soft.profile.queue_ops = static_cast<unsigned>(c.queue_depth);
            soft.profile.max_put_bytes = c.max_put_bytes;
            soft.seed = c.seed;
            soft.piece_bytes = 64;
            soft.heap_bytes = segment_bytes;
            world = std::make_unique<pmx::SoftNicWorld>(soft);
        }
        for (int r = 0; r < c.size; r++) {
            if (!world) memory.emplace_back(segment_bytes / 8);
            segments.push_back(world ? world->heap(r) : reinterpret_cast<char*>(memory.back().data()));
        }
        for (int r = 0; r < c.size; r++) ranks.push_back(std::make_unique<Rank>(*this, r));
        /* add() waits for the engine's thread: play it meanwhile. */
        std::atomic<int> n_added{0};
        std::thread adder([&] {
            for (auto& each : ranks) {
                each->engine->add(each->context);
                n_added++;
            }
        });
        while (n_added != c.size) {
            rank(n_added % c.size).engine->step();
            std::this_thread::yield();
        }
        adder.join();
    }

    std::unique_ptr<pmx::Transport> make_nic(int number, FakeNic*& nic_out)
    {
        if (world) return std::make_unique<BorrowedTransport>(world->transport(number));
        FakeNicConfig nic;
        nic.size = config.size;
        nic.seed = config.seed * 3 + static_cast<uint32_t>(number);
        nic.claims_order = nic.keeps_order = config.net == StagingRigConfig::Net::in_order;
        nic.queue_depth = config.queue_depth;
        nic.refuse_percent = config.refuse_percent;
        nic.max_put_bytes = config.max_put_bytes;
        nic.heaps = segments;
        auto made = std::make_unique<FakeNic>(nic);
        nic_out = made.get();
        return made;
    }

    /* Something happens: a proxy comes by, or the network moves. */
    void turn()
    {
        if (world && random() % 2 == 0) {
            world->run_next();
            return;
        }
        int r = static_cast<int>(random() % static_cast<unsigned>(config.size));
        if (r == dead) return;
        if (world)
            world->clock(r).time_ns = std::max(world->clock(r).time_ns, static_cast<double>(world->now_ns()));
        rank(r).engine->step();
    }
    /* Until all commands of living ranks are complete, or max_turns have passed. */
    template <typename Each>
    bool run(Each after_each, int max_turns = 3000000)
    {
        for (int i = 0; i < max_turns; i++) {
            turn();
            after_each();
            bool complete = true;
            for (int r = 0; r < config.size; r++) complete = complete && (r == dead || rank(r).complete());
            if (complete) return true;
        }
        return false;
    }
    bool run()
    {
        return run([] {});
    }
    /* Its proxy does nothing any more, and what the others send to it fails. Not over the software NIC. */
    void kill(int r)
    {
        dead = r;
        for (auto& each : ranks) {
            each->nic->break_peer(r);
            each->watch.dead = r;
            each->watch.delay = static_cast<int>(random() % 500);
        }
    }
    Rank& rank(int r) { return *ranks[static_cast<size_t>(r)]; }

    StagingRigConfig config;
    std::mt19937 random;
    int dead = -1;
    std::unique_ptr<pmx::SoftNicWorld> world;
    std::vector<std::vector<uint64_t>> memory;
    std::vector<char*> segments;
    std::vector<std::unique_ptr<Rank>> ranks;
};
