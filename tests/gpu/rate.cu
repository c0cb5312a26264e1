/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast commands get from a GPU to a proxy thread that does nothing with them, and how long a push takes until its
 * answer is back, beside a bare flag. Passes and fails nothing. One line of JSON for each figure. */
#include <algorithm>
#include <vector>

#include "command_queue.h"
#include "machine.h"

namespace {

/* Each thread pushes n signals, all lanes of a warp into the same queue. */
struct Push {
    pmx_device_ctx_t ctx;
    unsigned n;

    __device__ void operator()() const
    {
        pmx_block_t me = pmx::this_block();
        unsigned warp = (me.index * me.n_threads + me.thread) / 32;
        for (unsigned i = 0; i < n; i++)
            pmx::signal_set(pmx::thread, ctx, (uint64_t*)ctx.heap_base, i, (int)(warp % ctx.n_queues));
    }
};

/* One thread pushes, or stores a flag, and waits for the answer; n times. */
struct RoundTrip {
    pmx_device_ctx_t ctx;
    uint64_t *flag, *answer; /* flag NULL: by the queue */
    uint64_t n;
    uint32_t* times_ns;

    __device__ void operator()() const
    {
        for (uint64_t i = 1; i <= n; i++) {
            uint64_t begin = pmx::detail::now_ns();
            if (flag)
                pmx::detail::store_release(flag, i);
            else
                pmx::signal_set(pmx::thread, ctx, (uint64_t*)ctx.heap_base, i, 0);
            while (pmx::detail::load_acquire(answer) != i) {
            }
            times_ns[i - 1] = (uint32_t)(pmx::detail::now_ns() - begin);
        }
    }
};

struct Queues {
    Queues(unsigned n, uint64_t depth) : memory(shared_memory(4096))
    {
        std::vector<pmx_device_queue_t> views;
        for (unsigned i = 0; i < n; i++) {
            queues.push_back(std::make_unique<pmx::CommandQueue>(i, queue_memory(depth)));
            views.push_back(queues.back()->device_view());
        }
        std::vector<char*> peer_base(n, nullptr);
        pmx_device_ctx_t host{};
        host.size = static_cast<int>(n);
        host.n_queues = n;
        host.queues = views.data();
        host.heap_base = static_cast<char*>(memory.get());
        host.heap_bytes = 2048;
        host.peer_base = peer_base.data();
        host.fault = reinterpret_cast<int32_t*>(host.heap_base + 2048);
        host.n_failed = reinterpret_cast<uint32_t*>(host.heap_base + 2056);
        host.peer_failed = reinterpret_cast<uint32_t*>(host.heap_base + 2112);
        host.timeout_ns = 10000000000;
        ctx = kernel_view(host, keep);
    }
    /* Up to 32 commands from each queue, as Engine::pull does. */
    unsigned visit()
    {
        unsigned n_all = 0;
        for (auto& queue : queues) {
            unsigned n = 0;
            for (; n < 32; n++) {
                pmx::Node* node = queue->pull();
                if (!node) break;
                queue->complete(*node);
            }
            if (n) queue->publish_consumed();
            n_all += n;
        }
        return n_all;
    }

    std::shared_ptr<void> memory, keep;
    std::vector<std::unique_ptr<pmx::CommandQueue>> queues;
    pmx_device_ctx_t ctx{};
};

void rate(unsigned n_queues, unsigned n_blocks, unsigned n_threads)
{
    constexpr uint64_t depth = 1024; /* the default of PMX_QUEUE_DEPTH */
    Queues queues(n_queues, depth);
    uint64_t n_threads_all = uint64_t{n_blocks} * n_threads;
    unsigned n_each = static_cast<unsigned>(std::max<uint64_t>(16, 4000000 / n_threads_all));
    uint64_t n = n_each * n_threads_all, n_seen = 0;
    Launch launch(Push{queues.ctx, n_each}, n_blocks, n_threads);
    while (n_seen == 0) n_seen += queues.visit();
    uint64_t n_first = n_seen, begin = pmx::detail::now_ns();
    while (n_seen < n) n_seen += queues.visit();
    uint64_t took_ns = pmx::detail::now_ns() - begin;
    launch.wait();
    std::printf("{\"figure\": \"rate\", \"depth\": %llu, \"queues\": %u, \"warps\": %llu, \"commands\": %llu, \"million_per_s\": %.2f}\n",
                static_cast<unsigned long long>(depth), n_queues, static_cast<unsigned long long>(n_threads_all / 32), static_cast<unsigned long long>(n),
                1e3 * static_cast<double>(n - n_first) / static_cast<double>(took_ns));
}

double median_us(const uint32_t* times_ns, uint64_t n)
{
    std::vector<uint32_t> sorted(times_ns + n / 10, times_ns + n);
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2] / 1e3;
}

double round_trip(bool by_queue)
{
    constexpr uint64_t n = 5000;
    Queues queues(1, 1024);
    auto words = shared_memory(256), times = shared_memory(4 * n);
    auto *flag = static_cast<uint64_t*>(words.get()), *answer = flag + 16;
    auto* times_ns = static_cast<uint32_t*>(times.get());
    Launch launch(RoundTrip{queues.ctx, by_queue ? nullptr : flag, answer, n, times_ns}, 1, 1);
    for (uint64_t i = 1; i <= n; i++) {
        if (by_queue)
            while (!queues.visit()) {
            }
        else
            while (pmx::detail::load_acquire(flag) != i) {
            }
        pmx::detail::store_release(answer, i);
    }
    launch.wait();
    return median_us(times_ns, n);
}

}  // namespace

int main()
{
    machine_open();
    for (unsigned n_queues : {1u, 2u, 4u, 8u, 16u, 32u}) {
        rate(n_queues, n_queues, 32);
        rate(n_queues, 2 * n_queues, 128);
    }
    for (int i = 0; i < 3; i++) {
        double flag = round_trip(false), queue = round_trip(true);
        std::printf("{\"figure\": \"round_trip\", \"flag_us\": %.2f, \"queue_us\": %.2f, \"ratio\": %.3f}\n", flag, queue,
                    queue / flag);
    }
}
