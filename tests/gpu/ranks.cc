/* SPDX-License-Identifier: BSD-3-Clause */
/* What kernels of several ranks, each a process, promise each other: nvcc compiles this file for a GPU (ranks_gpu), g++
 * for host blocks and PMX_GPU=soft (ranks_host). All memory kinds, scopes and signal ways, over the transport and the
 * order mode that the environment says. Rank 0 prints a line for each case and the totals.
 *
 *   mpirun -n N ranks_gpu [--small | --lost] */
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

#include "machine.h"
#include "pmx_gpu.h"
#include "rank_bodies.h"

#ifdef __CUDACC__
#include "rank_streams.h"
#endif

namespace {

bool small_asked = !on_gpu;
int rank_here = 0, n_ranks = 1, n_passed = 0, n_failed = 0;

void must(const char* call, int err)
{
    if (!err) return;
    std::fprintf(stderr, "rank %d: %s: %s: %s\n", rank_here, call, pmx_error_string(err), pmx_last_error_detail());
    std::_Exit(2);
}
#define MUST(call) must(#call, call)

/* Symmetric memory of either kind, cleared. */
template <typename T>
class Sym {
  public:
    Sym(bool gpu, uint64_t n)
    {
        void* p = nullptr;
        MUST(gpu ? pmx_gpu_malloc(n * sizeof(T), &p) : pmx_malloc(n * sizeof(T), &p));
        memory_ = static_cast<T*>(p);
        Launch(Clear{reinterpret_cast<char*>(p), n * sizeof(T)}, on_gpu ? 8 : 1, on_gpu ? 128 : 1).wait();
        MUST(pmx_barrier());
    }
    ~Sym() { MUST(pmx_free(memory_)); }
    Sym(const Sym&) = delete;
    Sym& operator=(const Sym&) = delete;
    operator T*() const { return memory_; }

  private:
    T* memory_ = nullptr;
};

struct Stand {
    Stand() : memory(near_memory(sizeof(Report)))
    {
        player.ctx.size_bytes = sizeof player.ctx;
        MUST(pmx_gpu_handle(PMX_CTX_DEFAULT, &player.ctx));
        player.report = static_cast<Report*>(memory.get());
    }
    /* Collective: whether all ranks found nothing, by a sum on all of them. */
    void end(const char* name, const char* what)
    {
        MUST(pmx_barrier());
        Report report;
        copy_near(&report, player.report, sizeof report);
        if (report.n_wrong || report.n_errors)
            std::fprintf(stderr, "  rank %d: %u wrong, %u failed, such as: %s\n", rank_here, report.n_wrong, report.n_errors,
                         pmx_error_string(report.error));
        static uint64_t* bad = nullptr;
        void* p = nullptr;
        if (!bad) MUST(pmx_calloc(1, 8, &p)), bad = static_cast<uint64_t*>(p);
        *bad = 0;
        MUST(pmx_barrier());
        for (int dst = 0; dst < n_ranks; dst++)
            if (report.n_wrong || report.n_errors) MUST(pmx_signal_add(PMX_CTX_DEFAULT, bad, 1, dst));
        MUST(pmx_quiet(PMX_CTX_DEFAULT));
        MUST(pmx_barrier());
        bool well = __atomic_load_n(bad, __ATOMIC_ACQUIRE) == 0;
        (well ? n_passed : n_failed)++;
        if (rank_here == 0) std::printf("%s %s: %s\n", well ? "ok" : "FAIL", name, what);
        std::fflush(stdout);
        MUST(pmx_barrier());
    }

    std::shared_ptr<void> memory;
    Player player{};
};

template <typename Scope>
void all_to_all(const char* name, Scope, Way way, bool data_gpu, bool sigs_gpu, uint64_t n_words)
{
    unsigned n_blocks = on_gpu && !small_asked ? 4 : 2, n_threads = on_gpu ? 64 : 2;
    unsigned width = std::is_same_v<Scope, pmx::BlockScope> ? n_threads : std::is_same_v<Scope, pmx::WarpScope> && on_gpu ? 32 : 1;
    uint64_t n_scopes = uint64_t{n_blocks} * (n_threads / width);
    Sym<uint64_t> out(data_gpu, n_scopes * n_words), in(data_gpu, n_scopes * n_words * n_ranks);
    Sym<uint64_t> sigs(sigs_gpu, n_scopes * n_ranks), answers(true, n_scopes), values(false, n_scopes * n_ranks);
    std::vector<pmx::Group> groups;
    for (int dst = 0; dst < n_ranks; dst++)
        groups.push_back({dst, static_cast<uint32_t>(n_scopes), sigs + uint64_t(rank_here) * n_scopes, 8,
                          values + uint64_t(dst) * n_scopes, 0});
    auto group_memory = near_memory(n_ranks * sizeof(pmx::Group));
    copy_near(group_memory.get(), groups.data(), n_ranks * sizeof(pmx::Group));
    Stand stand;
    AllToAll<Scope> body{stand.player, way,   n_scopes, n_words, small_asked ? 3u : 6u, out, in, sigs, answers,
                         static_cast<pmx::Group*>(group_memory.get())};
    Launch(body, n_blocks, n_threads).wait();
    std::string what = "data in " + std::string(data_gpu ? "GPU" : "host") + " memory, signals in " +
                       (sigs_gpu ? "GPU" : "host") + " memory, " + std::to_string(8 * n_words) + " bytes";
    stand.end(name, what.c_str());
}

void sends(bool data_gpu, bool sigs_gpu)
{
    uint64_t large = small_asked ? 1500 : 9001;
    all_to_all("put_signal by threads", pmx::thread, Way::put_signal, data_gpu, sigs_gpu, 3);
    all_to_all("put_signal by warps", pmx::warp, Way::put_signal, data_gpu, sigs_gpu, 65);
    all_to_all("put_signal by blocks", pmx::block, Way::put_signal, data_gpu, sigs_gpu, large);
    all_to_all("put_signal that is large", pmx::block, Way::put_signal, data_gpu, sigs_gpu, small_asked ? 70000 : 300000);
    all_to_all("put, fence, signal by warps", pmx::warp, Way::fence, data_gpu, sigs_gpu, 129);
    all_to_all("groups of blocks", pmx::block, Way::group, data_gpu, sigs_gpu, 257);
    if (sigs_gpu || !on_gpu) all_to_all("put_signal that adds", pmx::warp, Way::add, data_gpu, sigs_gpu, 33);
}

void gets(bool gpu)
{
    constexpr unsigned n_blocks = 2;
    uint64_t n_words = small_asked ? 3001 : 20001;
    Sym<uint64_t> out(gpu, n_words), in(gpu, n_words * n_ranks * n_blocks);
    Stand stand;
    Launch(Fill{out, n_words, rank_here}, 1, on_gpu ? 64 : 2).wait();
    MUST(pmx_barrier());
    Launch(GetAll{stand.player, n_words, out, in}, n_blocks, on_gpu ? 64 : 2).wait();
    stand.end("get, quiet", gpu ? "GPU memory" : "host memory");
}

void words()
{
    constexpr unsigned n_blocks = 4;
    unsigned n_threads = on_gpu ? 64 : 2;
    Sym<uint64_t> memory(true, 4 + 2 * static_cast<uint64_t>(n_ranks));
    Stand stand;
    Launch(Words{stand.player, memory}, n_blocks, n_threads).wait();
    MUST(pmx_barrier());
    uint64_t now[3] = {0, 0, 0};
    copy_near(now, memory, sizeof now);
    void* there = nullptr;
    MUST(pmx_gpu_ptr(memory, n_ranks - 1, &there));
    bool direct = there != nullptr;
    Report report;
    copy_near(&report, stand.player.report, sizeof report);
    if (rank_here == 0 && direct)
        report.n_wrong += now[0] != uint64_t(n_ranks) * n_blocks * n_threads || now[1] != 0 ||
                          now[2] != uint64_t(n_ranks) * n_blocks;
    copy_near(stand.player.report, &report, sizeof report);
    stand.end("atomics, values, waits for any and all", direct ? "direct" : "by the proxy");
}

/* The last rank ends by a signal while kernels of the others wait for it: their waits end with the error. Each of the others
 * prints a line. */
[[noreturn]] void lose_a_rank()
{
    const int lost = n_ranks - 1;
    Sym<uint64_t> words(true, 1), started(false, 1);
    Stand stand;
    if (rank_here == lost) {
        MUST(pmx_signal_wait(PMX_CTX_DEFAULT, started, PMX_CMP_GE, uint64_t(lost), PMX_RANK_ANY, 0, nullptr));
        raise(SIGKILL);
    }
    Launch launch(WaitForLost{stand.player, words, lost}, 3, on_gpu ? 64 : 2);
    MUST(pmx_signal_add(PMX_CTX_DEFAULT, started, 1, lost));
    launch.wait();
    Report report;
    copy_near(&report, stand.player.report, sizeof report);
    std::printf("%s: kernels of rank %d that wait for a lost rank end with the error\n", report.n_wrong ? "FAIL" : "ok", rank_here);
    std::fflush(stdout);
    std::_Exit(report.n_wrong ? 1 : 0);
}

}  // namespace

int main(int argc, char** argv)
{
    /* Kernels that wait must not hold up the loading of others. */
    setenv("CUDA_MODULE_LOADING", "EAGER", 0);
    machine_open();
    small_asked |= argc > 1 && std::strcmp(argv[1], "--small") == 0;
    if (!std::getenv("PMX_GPU")) MUST(pmx_param_set("GPU", on_gpu ? "cuda" : "soft"));
    MUST(pmx_init());
    MUST(pmx_rank(&rank_here));
    MUST(pmx_size(&n_ranks));
    pmx_gpu_info_t gpu{};
    gpu.size_bytes = sizeof gpu;
    MUST(pmx_gpu_query(&gpu));
    pmx_transport_info_t way{};
    way.size_bytes = sizeof way;
    MUST(pmx_transport_query(&way));
    if (rank_here == 0)
        std::printf("%d ranks, %s %s, %d on it, %s; %s %s %s %s, %d direct\n", n_ranks, gpu.kind, gpu.name, gpu.n_ranks,
                    gpu.shares ? "together" : "in turn", way.transport, way.provider, way.order, way.signals, gpu.n_direct_ranks);
    if (argc > 1 && std::strcmp(argv[1], "--lost") == 0) lose_a_rank();
    for (bool data_gpu : {true, false})
        for (bool sigs_gpu : {true, false}) sends(data_gpu, sigs_gpu);
    gets(true);
    gets(false);
    words();
#ifdef __CUDACC__
    {
        Stand stand;
        stream_ring(stand.player.report, rank_here, n_ranks);
        stand.end("put_signal, wait, quiet and barrier in the order of a stream", "and as a graph");
    }
#endif
    if (rank_here == 0) std::printf("%d passed, %d failed\n", n_passed, n_failed);
    MUST(pmx_finalize());
    return n_failed ? 1 : 0;
}
