/* SPDX-License-Identifier: BSD-3-Clause */
/* The promises of pmx_device.h, kept by kernels: nvcc compiles this file for a GPU (device_gpu), g++ for host blocks
 * (device_host). One line for each case, "ok" or "FAIL", and the totals.
 *
 *   device_gpu [--small] [CASE...]   --small: few threads and rounds, as under a sanitizer */
#include <cstring>
#include <string>
#include <type_traits>

#include "bodies.h"
#include "machine.h"
#include "world.h"

namespace {

bool small_asked = !on_gpu;

/* Blocks of each rank, threads of a block, and rounds. Host blocks share few cores. */
struct Shape {
    unsigned n_blocks = on_gpu ? (small_asked ? 2 : 16) : 2;
    unsigned n_threads = on_gpu ? (small_asked ? 64 : 128) : 2;
    uint64_t n_rounds = small_asked ? 3 : 8;
};

int n_found = 0;

void expect(bool holds, const char* text, long long got = 0, long long wanted = 0)
{
    if (holds) return;
    n_found++;
    std::printf("  %s: %lld, not %lld\n", text, got, wanted);
}
template <typename A, typename B>
void expect_equal(A got, B wanted, const char* text)
{
    long long a = static_cast<long long>(got), b = static_cast<long long>(wanted);
    expect(a == b, text, a, b);
}

void expect_clean_report(const Report* near)
{
    Report report;
    copy_near(&report, near, sizeof report);
    expect_equal(report.n_errors, 0, "calls that failed");
    expect_equal(report.error, 0, "error of one of them");
    expect_equal(report.n_wrong, 0, "things that are wrong");
}

/* A world, and the stage by which a kernel sees it. */
struct Play {
    explicit Play(const WorldConfig& config) : world(config), memory(near_memory(sizeof(Report)))
    {
        for (int rank = 0; rank < config.size; rank++) stage.ctx[rank] = world.ctx(rank);
        stage.size = config.size;
        stage.report = static_cast<Report*>(memory.get());
    }
    void expect_clean() const { expect_clean_report(stage.report); }
    pmx_counters_t counters() const { return world.counters(); }

    World world;
    std::shared_ptr<void> memory;
    Stage stage{};
};

template <typename Scope>
void ping_pong(Scope, WorldConfig config, uint64_t n_words, bool by_fence = false)
{
    Shape shape;
    uint64_t width = std::is_same_v<Scope, pmx::ThreadScope> ? 1 : std::is_same_v<Scope, pmx::BlockScope> ? shape.n_threads : on_gpu ? 32 : 1;
    uint64_t n_cells = shape.n_blocks * shape.n_threads / width;
    config.heap_bytes = (8 * n_cells * (1 + 2 * n_words) + 4095) & ~size_t{4095};
    Play play(config);
    Launch launch(PingPong<Scope>{play.stage, n_cells, n_words, shape.n_rounds, by_fence},
                  shape.n_blocks * static_cast<unsigned>(config.size), shape.n_threads);
    launch.wait();
    play.expect_clean();
    uint64_t n_puts = n_cells * shape.n_rounds * static_cast<uint64_t>(config.size);
    pmx_counters_t counters = play.counters();
    expect_equal(counters.puts, n_puts, "puts");
    expect_equal(counters.put_bytes, 8 * n_words * n_puts, "bytes put");
    expect_equal(counters.signals, n_puts, "signals");
    expect_equal(counters.errors, 0, "errors");
    if (config.signals == PMX_SIGNALS_COUPLED && !by_fence) expect_equal(counters.order_points, n_puts, "order points");
    bool may_stall = config.order == PMX_ORDER_STALL_ALL || config.order == PMX_ORDER_STALL_RANK;
    if (!may_stall) expect_equal(counters.stalls, 0, "stalls");
}

void payload_is_there_when_a_thread_sees_the_signal() { ping_pong(pmx::thread, {}, 8); }
void payload_is_there_when_a_warp_sees_the_signal() { ping_pong(pmx::warp, {}, 67); }
void payload_is_there_when_a_block_sees_the_signal() { ping_pong(pmx::block, {}, 1030); }
void order_mode_ordered()
{
    WorldConfig config;
    config.order = PMX_ORDER_ORDERED;
    config.in_order = true;
    ping_pong(pmx::thread, config, 8);
}
void order_mode_stall_rank_grouped()
{
    WorldConfig config;
    config.order = PMX_ORDER_STALL_RANK;
    config.signals = PMX_SIGNALS_GROUPED;
    ping_pong(pmx::thread, config, 8);
}
void order_mode_stall_all()
{
    WorldConfig config;
    config.order = PMX_ORDER_STALL_ALL;
    config.n_queues = 1;
    ping_pong(pmx::warp, config, 8);
}
void one_small_queue()
{
    WorldConfig config;
    config.n_queues = 1;
    config.depth = 64;
    ping_pong(pmx::thread, config, 8);
}
void fence_keeps_a_put_before_a_signal() { ping_pong(pmx::thread, {}, 8, true); }

void additions_and_counters_are_exact()
{
    Shape shape;
    constexpr unsigned n_each = 12;
    WorldConfig config;
    config.heap_bytes = 64 * (2 + size_t{shape.n_blocks} * shape.n_threads);
    Play play(config);
    Launch(Storm{play.stage, n_each}, shape.n_blocks * 4, shape.n_threads).wait();
    play.expect_clean();

    uint64_t n_adding = 0;
    for (unsigned t = 0; t < shape.n_threads; t++) n_adding += t % 3 == 2;
    uint64_t n_adds = 4 * shape.n_blocks * n_adding * n_each;
    uint64_t n_puts = 4 * shape.n_blocks * (shape.n_threads - n_adding) * n_each;
    uint64_t sum_0 = 0, sum_1 = 0;
    for (int rank = 0; rank < 4; rank++) {
        sum_0 += pmx::detail::load_acquire(play.world.word(rank, 0));
        sum_1 += pmx::detail::load_acquire(play.world.word(rank, 8));
    }
    expect_equal(sum_0, 3 * n_adds, "sum of word 0");
    expect_equal(sum_1, n_puts, "sum of word 1");
    pmx_counters_t counters = play.counters();
    expect_equal(counters.puts, n_puts, "puts");
    expect_equal(counters.signals, n_puts + n_adds, "signals");
    expect_equal(counters.order_points, n_puts, "order points");
    expect_equal(counters.completions, 2 * n_puts + n_adds, "completions");
}

void groups(int signals)
{
    Shape shape;
    uint64_t n = shape.n_blocks, n_words = 33;
    WorldConfig config;
    config.signals = signals;
    config.heap_bytes = 8 * (2 * n + 1 + 2 * n * n_words + 8);
    Play play(config);
    auto memory = near_memory(sizeof(pmx::Group) * 4);
    pmx::Group table[4];
    for (int rank = 0; rank < 4; rank++)
        table[rank] = {rank ^ 1, static_cast<uint32_t>(n), play.world.word(rank, 0), 8, play.world.word(rank, 8 * n), 0};
    copy_near(memory.get(), table, sizeof table);
    Launch(Groups{play.stage, static_cast<pmx::Group*>(memory.get()), n_words, shape.n_rounds}, shape.n_blocks * 4, shape.n_threads).wait();
    play.expect_clean();
    pmx_counters_t counters = play.counters();
    uint64_t n_commits = 4 * shape.n_rounds;
    expect_equal(counters.puts, n_commits * n, "puts");
    expect_equal(counters.signals, 2 * n_commits * n, "signals");
    expect_equal(counters.order_points, signals == PMX_SIGNALS_GROUPED ? n_commits : n_commits * n, "order points");
}
void any_signal_of_a_group_shows_all_its_puts() { groups(PMX_SIGNALS_GROUPED); }
void coupled_signals_of_a_group_show_all_its_puts() { groups(PMX_SIGNALS_COUPLED); }

void quiet_completes_puts_and_gets()
{
    Shape shape;
    constexpr uint64_t n_words = 9;
    WorldConfig config;
    config.heap_bytes = 3 * 8 * n_words * shape.n_blocks * shape.n_threads;
    Play play(config);
    Launch(PutQuietGet{play.stage, n_words}, shape.n_blocks * 4, shape.n_threads).wait();
    play.expect_clean();
}

void bad_arguments_queue_nothing()
{
    Play play({});
    *play.world.word(0, 0) = 5;
    Launch(Arguments{play.stage}, 1, on_gpu ? 40 : 2).wait();
    play.expect_clean();
    expect_equal(play.counters().puts + play.counters().signals, 0, "operations");
}

/* Runs a body whose threads each leave a code in results. */
struct Results {
    explicit Results(unsigned n_threads) : n(n_threads), memory(shared_memory(8 * n_threads)) {}
    int32_t* codes() const { return static_cast<int32_t*>(memory.get()); }
    uint32_t* waiting() const { return static_cast<uint32_t*>(memory.get()) + n; }
    void expect_all(int32_t code, const char* text) const
    {
        for (unsigned i = 0; i < n; i++)
            if (codes()[i] != code) return expect_equal(codes()[i], code, text);
    }
    unsigned n;
    std::shared_ptr<void> memory;
};

void a_fault_ends_a_spinning_kernel()
{
    Play play({});
    unsigned n_threads = on_gpu ? 256 : 3;
    Results results(2 * n_threads);
    Launch launch(WaitForNothing{play.stage, PMX_RANK_ANY, 50000000000, results.waiting(), results.codes()}, 2,
                  n_threads);
    for (unsigned i = 0; i < results.n; i++)
        while (pmx::detail::load_acquire(results.waiting() + i) == 0) std::this_thread::yield();
    play.world.fail_job(0, PMX_ERR_ABORTED);
    launch.wait();
    results.expect_all(PMX_ERR_ABORTED, "code of a wait");
}

void a_wait_ends_at_its_limit()
{
    Play play({});
    unsigned n_threads = on_gpu ? 100 : 3;
    Results results(n_threads);
    Launch(WaitForNothing{play.stage, 1, 20000000, results.waiting(), results.codes()}, 1, n_threads).wait();
    results.expect_all(PMX_ERR_TIMEOUT, "code of a wait");
}

void a_push_into_a_full_queue_ends_at_its_limit()
{
    WorldConfig config;
    config.engines_run = false;
    config.depth = 64;
    config.timeout_ns = 50000000;
    Play play(config);
    unsigned n_threads = on_gpu ? 96 : 3;
    Results results(n_threads);
    Launch(PushUntilError{play.stage, results.codes()}, 1, n_threads).wait();
    results.expect_all(PMX_ERR_TIMEOUT, "code of a push");
    expect_equal(*play.stage.ctx[0].fault, PMX_ERR_TIMEOUT, "the fault word");
}

void a_fault_ends_a_push_into_a_full_queue()
{
    WorldConfig config;
    config.engines_run = false;
    config.depth = 64;
    Play play(config);
    unsigned n_threads = on_gpu ? 96 : 3;
    Results results(n_threads);
    Launch launch(PushUntilError{play.stage, results.codes()}, 1, n_threads);
    play.world.fail_job(0, PMX_ERR_ABORTED);
    launch.wait();
    results.expect_all(PMX_ERR_ABORTED, "code of a push");
}

void a_failed_rank_ends_waits_for_it()
{
    WorldConfig config;
    config.broken_rank = 1;
    Play play(config);
    Results results(2);
    Launch(ToTheDead{play.stage, results.codes()}, 1, 1).wait();
    play.expect_clean();
    results.expect_all(PMX_ERR_PEER_FAILED, "code of wait and quiet");
}

/* A rank of its own, its heap near to the kernel and reached by plain stores. in_gpu: as the heap of GPU memory, of a rank
 * whose kernels run on this GPU, too; else as that of host memory. */
template <typename Scope>
void direct(Scope, unsigned n_threads, bool in_gpu)
{
    constexpr uint64_t n_bytes = 4 * Direct<Scope>::kPart;
    auto faults = shared_memory(64), heap = near_memory(n_bytes), report = near_memory(sizeof(Report)), other = shared_memory(64);
    char *base = static_cast<char*>(heap.get()), *none = static_cast<char*>(other.get());
    pmx_device_ctx_t host{};
    host.size_bytes = sizeof host;
    host.size = 1;
    host.heap_base = in_gpu ? none : base;
    host.heap_bytes = in_gpu ? 64 : n_bytes;
    host.peer_base = &host.heap_base;
    if (in_gpu) {
        host.gpu_base = base;
        host.gpu_bytes = n_bytes;
        host.gpu_peer_base = &base;
        host.near_one_gpu = 1;
    }
    host.fault = static_cast<int32_t*>(faults.get());
    host.n_failed = static_cast<uint32_t*>(faults.get()) + 1;
    host.peer_failed = static_cast<uint32_t*>(faults.get()) + 2;
    host.timeout_ns = 10000000000;
    std::shared_ptr<void> keep;
    Stage stage{};
    stage.ctx[0] = kernel_view(host, keep);
    stage.size = 1;
    stage.report = static_cast<Report*>(report.get());
    Launch(Direct<Scope>{stage, base, small_asked ? uint64_t{100} : uint64_t{1024}}, 1, n_threads).wait();
    expect_clean_report(stage.report);
    uint64_t word = 0;
    copy_near(&word, base, sizeof word);
    expect_equal(word, 1000000, "the last signal");
}
template <typename Scope>
void direct(Scope scope, unsigned n_threads)
{
    direct(scope, n_threads, false);
    direct(scope, n_threads, true);
}
void plain_stores_by_a_thread() { direct(pmx::thread, 1); }
void plain_stores_by_a_warp() { direct(pmx::warp, on_gpu ? 32 : 1); }
void plain_stores_by_part_of_a_warp() { direct(pmx::warp, on_gpu ? 13 : 1); }
void plain_stores_by_a_block() { direct(pmx::block, on_gpu ? 96 : 2); }

#ifdef __CUDACC__
void gpu_memory_is_a_dmabuf_or_the_reason_is_said()
{
    std::string found;
    expect_equal(dmabuf_is_right(found), 1, found.c_str());
    std::printf("  %s\n", found.c_str());
}
#endif

struct Case {
    const char* name;
    void (*run)();
};
#define CASE(name) {#name, name}
const Case cases[] = {
    CASE(payload_is_there_when_a_thread_sees_the_signal),
    CASE(payload_is_there_when_a_warp_sees_the_signal),
    CASE(payload_is_there_when_a_block_sees_the_signal),
    CASE(order_mode_ordered),
    CASE(order_mode_stall_rank_grouped),
    CASE(order_mode_stall_all),
    CASE(one_small_queue),
    CASE(fence_keeps_a_put_before_a_signal),
    CASE(additions_and_counters_are_exact),
    CASE(any_signal_of_a_group_shows_all_its_puts),
    CASE(coupled_signals_of_a_group_show_all_its_puts),
    CASE(quiet_completes_puts_and_gets),
    CASE(bad_arguments_queue_nothing),
    CASE(a_fault_ends_a_spinning_kernel),
    CASE(a_wait_ends_at_its_limit),
    CASE(a_push_into_a_full_queue_ends_at_its_limit),
    CASE(a_fault_ends_a_push_into_a_full_queue),
    CASE(a_failed_rank_ends_waits_for_it),
    CASE(plain_stores_by_a_thread),
    CASE(plain_stores_by_a_warp),
    CASE(plain_stores_by_part_of_a_warp),
    CASE(plain_stores_by_a_block),
#ifdef __CUDACC__
    CASE(gpu_memory_is_a_dmabuf_or_the_reason_is_said),
#endif
};

}  // namespace

int main(int argc, char** argv)
{
    std::string asked;
    for (int i = 1; i < argc; i++) {
        if (!std::strcmp(argv[i], "--small"))
            small_asked = true;
        else
            asked += std::string(" ") + argv[i] + " ";
    }
    machine_open();
    int n_passed = 0, n_failed = 0;
    for (const Case& each : cases) {
        if (!asked.empty() && asked.find(std::string(" ") + each.name + " ") == std::string::npos) continue;
        std::fflush(stdout);
        n_found = 0;
        auto begin = std::chrono::steady_clock::now();
        each.run();
        std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        std::printf("%s %s (%.2f s)\n", n_found ? "FAIL" : "ok", each.name, took.count());
        n_found ? n_failed++ : n_passed++;
    }
    std::printf("%d passed, %d failed\n", n_passed, n_failed);
    return n_failed || !n_passed;
}
