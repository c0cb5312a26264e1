/* SPDX-License-Identifier: BSD-3-Clause */
/* put_signal.cu: put_signal of pmx between two ranks of one GPU, beside a floor: the same work by bare stores
 * and a release store of the flag, with no check of anything; and beside copies by cudaMemcpyAsync.
 *
 *   mpirun -n 2 put_signal [--laps N] [--blocks N] [--max-bytes N] [--table] */
#include <cstring>
#include <string>

#include "pingpong.h"
#include "pmx_cuda.h"
#include "pmx_device.h"

namespace {

using pingpong::Team;

template <Team kTeam_>
struct PmxWay {
    static constexpr Team kTeam = kTeam_;
    using Scope = std::conditional_t<kTeam == Team::warp, pmx::WarpScope, pmx::BlockScope>;

    pmx_device_ctx_t ctx;
    char *dst, *src;
    uint64_t n_bytes;
    uint64_t* sig;

    __device__ int send(uint64_t value) const
    {
        if constexpr (kTeam == Team::grid) {
            const pingpong::Slice s = pingpong::slice(n_bytes);
            return pmx::put_signal(Scope{}, ctx, dst + s.off, src + s.off, s.n_bytes, sig, 1, PMX_SIGNAL_ADD,
                                   1 - ctx.rank);
        }
        return pmx::put_signal(Scope{}, ctx, dst, src, n_bytes, sig, value, PMX_SIGNAL_SET, 1 - ctx.rank);
    }
    /* One thread looks for all of the scope. */
    __device__ int wait(uint64_t value) const
    {
        if (kTeam == Team::grid) value *= gridDim.x;
        int err = Scope::index() == 0
                      ? pmx::signal_wait(pmx::thread, ctx, sig, PMX_CMP_GE, value, 1 - ctx.rank)
                      : 0;
        Scope::sync();
        return err;
    }
};

template <Team kTeam_>
struct FloorWay {
    static constexpr Team kTeam = kTeam_;
    /* Loads that a thread has under way: as many as there are registers for. */
    static constexpr unsigned kUnderWay = kTeam == Team::warp ? 16 : 8;

    char *dst, *src;
    uint64_t n_bytes;
    uint64_t* sig;
    char* peer_dst; /* those of the other rank */
    uint64_t* peer_sig;

    __device__ static void sync()
    {
        if constexpr (kTeam == Team::warp)
            __syncwarp();
        else
            __syncthreads();
    }
    __device__ static void copy(uint4* to, const uint4* from, unsigned n)
    {
        uint4 unit[kUnderWay];
        unsigned i = threadIdx.x, step = blockDim.x;
        for (; i + (kUnderWay - 1) * step < n; i += kUnderWay * step) {
#pragma unroll
            for (unsigned k = 0; k < kUnderWay; k++) unit[k] = from[i + k * step];
#pragma unroll
            for (unsigned k = 0; k < kUnderWay; k++) to[i + k * step] = unit[k];
        }
        if (i >= n) return;
#pragma unroll
        for (unsigned k = 0; k < kUnderWay - 1; k++)
            if (i + k * step < n) unit[k] = from[i + k * step];
#pragma unroll
        for (unsigned k = 0; k < kUnderWay - 1; k++)
            if (i + k * step < n) to[i + k * step] = unit[k];
    }
    __device__ int send(uint64_t value) const
    {
        pingpong::Slice s{0, n_bytes};
        if constexpr (kTeam == Team::grid) s = pingpong::slice(n_bytes);
        copy((uint4*)(peer_dst + s.off), (const uint4*)(src + s.off), (unsigned)(s.n_bytes / 16));
        if ((s.n_bytes & 8) && threadIdx.x == 0) *(uint64_t*)peer_dst = *(const uint64_t*)src;
        sync();
        if (threadIdx.x != 0) return 0;
        if constexpr (kTeam == Team::grid)
            pmx::ptx::fetch_add_release(peer_sig, (uint64_t)1);
        else
            pmx::ptx::store_release(peer_sig, value);
        return 0;
    }
    __device__ int wait(uint64_t value) const
    {
        if (kTeam == Team::grid) value *= gridDim.x;
        if (threadIdx.x == 0)
            while (pmx::ptx::load_acquire(sig) < value) {
            }
        sync();
        return 0;
    }
};

void must(const char* call, int err)
{
    if (!err) return;
    std::fprintf(stderr, "%s: %s: %s\n", call, pmx_error_string(err), pmx_last_error_detail());
    std::fflush(nullptr);
    std::_Exit(2);
}
#define MUST(call) must(#call, call)

class Bench {
public:
    Bench(unsigned n_blocks, int n_laps, uint64_t max_bytes, bool table)
        : n_laps_(n_laps), max_bytes_(max_bytes), table_(table)
    {
        int size = 0;
        MUST(pmx_rank(&job_.rank));
        MUST(pmx_size(&size));
        if (size != 2) must("put_signal", pmx_error_report(PMX_ERR_ARGUMENT, "start it with mpirun -n 2"));
        dst_ = static_cast<char*>(gpu_memory(max_bytes));
        src_ = static_cast<char*>(gpu_memory(max_bytes));
        sigs_ = static_cast<uint64_t*>(gpu_memory(kSigStride * 2 * 3 * 8));
        MUST(pmx_gpu_ptr(dst_, 1 - job_.rank, &peer_dst_));
        MUST(pmx_gpu_ptr(sigs_, 1 - job_.rank, &peer_sigs_));
        if (!peer_dst_)
            must("put_signal",
                 pmx_error_report(PMX_ERR_UNSUPPORTED, "the ranks do not reach each other by stores"));
        MUST_CUDA(cudaMalloc(&job_.result, sizeof(pingpong::Result)));
        MUST_CUDA(cudaMemset(sigs_, 0, kSigStride * 2 * 3 * 8));
        pingpong::fill<<<64, 256>>>(reinterpret_cast<uint64_t*>(src_), max_bytes / 8, job_.rank);
        MUST_CUDA(cudaDeviceSynchronize());
        ctx_.size_bytes = sizeof ctx_;
        MUST(pmx_gpu_handle(PMX_CTX_DEFAULT, &ctx_));
        job_.barrier = [] { MUST(pmx_barrier()); };
        job_.launch = [](const void* kernel, unsigned blocks, unsigned threads, void** args) {
            MUST(pmx_launch_gpu(kernel, blocks, threads, args, 0, nullptr));
        };
        int fit = 0;
        MUST(pmx_gpu_fit(reinterpret_cast<const void*>(&pingpong::play<PmxWay<Team::grid>, false>), 1024, 0,
                         &fit));
        job_.n_blocks = std::min(n_blocks, static_cast<unsigned>(fit));
        MUST(pmx_barrier());
    }

    int run()
    {
        if (table_ && job_.rank == 0)
            std::printf("%9s  %-5s  %6s  %9s  %9s  %5s  %8s  %8s\n", "bytes", "team", "blocks", "pmx us",
                        "floor us", "ratio", "pmx GB/s", "copy");
        for (uint64_t n_bytes : pingpong::kSizes) {
            if (n_bytes > max_bytes_) break;
            const double copy = n_bytes >= 65536 ? copy_us(n_bytes) : 0;
            measure<Team::warp>(n_bytes, copy);
            measure<Team::block>(n_bytes, copy);
            measure<Team::grid>(n_bytes, copy);
            if (copy > 0 && !table_ && job_.rank == 0)
                pingpong::print_json("copy", "none", 0, 0, n_bytes, copy, 0);
        }
        return job_.n_wrong_runs ? 1 : 0;
    }

private:
    static constexpr uint64_t kSigStride = 32; /* words: signals of their own lines */

    static void* gpu_memory(uint64_t n_bytes)
    {
        void* memory = nullptr;
        MUST(pmx_gpu_malloc(n_bytes, &memory));
        return memory;
    }

    /* Both in turn, so that a slow spell meets both. */
    template <Team kTeam>
    void measure(uint64_t n_bytes, double copy)
    {
        const auto team = static_cast<uint64_t>(kTeam);
        const uint64_t mine = team * kSigStride, bare = (3 + team) * kSigStride;
        pingpong::Contender pmx(job_, "pmx", PmxWay<kTeam>{ctx_, dst_, src_, n_bytes, sigs_ + mine},
                                n_played_[0][team]);
        pingpong::Contender floor(
            job_, "floor",
            FloorWay<kTeam>{dst_, src_, n_bytes, sigs_ + bare, static_cast<char*>(peer_dst_),
                            static_cast<uint64_t*>(peer_sigs_) + bare},
            n_played_[1][team]);
        pmx.check();
        floor.check();
        for (int i = 0; i < n_laps_; i++) {
            pmx.lap();
            floor.lap();
        }
        if (job_.rank != 0) return;
        const char* name = pingpong::kTeamNames[team];
        const unsigned n_blocks = kTeam == Team::grid ? job_.n_blocks : 1;
        const double us = pmx.one_way_us(), floor_us = floor.one_way_us(),
                     kilo_bytes = static_cast<double>(n_bytes) / 1000;
        if (table_) {
            std::printf("%9llu  %-5s  %6u  %9.3f  %9.3f  %5.2f  %8.2f  %8.2f\n",
                        static_cast<unsigned long long>(n_bytes), name, n_blocks, us, floor_us, us / floor_us,
                        kilo_bytes / us, copy > 0 ? kilo_bytes / copy : 0);
        } else {
            pingpong::print_json("pmx", name, n_blocks, pingpong::n_threads_of(kTeam), n_bytes, us, floor_us);
            pingpong::print_json("floor", name, n_blocks, pingpong::n_threads_of(kTeam), n_bytes, floor_us,
                                 0);
        }
    }

    /* By rank 0 while the other is idle. */
    double copy_us(uint64_t n_bytes)
    {
        std::vector<double> laps;
        MUST(pmx_barrier());
        if (job_.rank == 0) {
            cudaEvent_t begin, end;
            MUST_CUDA(cudaEventCreate(&begin));
            MUST_CUDA(cudaEventCreate(&end));
            const int n = static_cast<int>(std::clamp<uint64_t>((512u << 20) / n_bytes, 8, 200));
            for (int lap = 0; lap < n_laps_ + 1; lap++) {
                MUST_CUDA(cudaEventRecord(begin));
                for (int i = 0; i < n; i++)
                    MUST_CUDA(cudaMemcpyAsync(peer_dst_, src_, n_bytes, cudaMemcpyDeviceToDevice));
                MUST_CUDA(cudaEventRecord(end));
                MUST_CUDA(cudaEventSynchronize(end));
                float ms = 0;
                MUST_CUDA(cudaEventElapsedTime(&ms, begin, end));
                if (lap > 0) laps.push_back(ms * 1000.0 / n);
            }
            MUST_CUDA(cudaEventDestroy(begin));
            MUST_CUDA(cudaEventDestroy(end));
        }
        MUST(pmx_barrier());
        return pingpong::median(laps);
    }

    pingpong::Job job_;
    const int n_laps_;
    const uint64_t max_bytes_;
    const bool table_;
    pmx_device_ctx_t ctx_ = {};
    char *dst_ = nullptr, *src_ = nullptr;
    uint64_t* sigs_ = nullptr;
    void *peer_dst_ = nullptr, *peer_sigs_ = nullptr;
    uint64_t n_played_[2][3] = {};
};

}  // namespace

int main(int argc, char** argv)
{
    unsigned n_blocks = 32;
    int n_laps = 5;
    uint64_t max_bytes = pingpong::kMaxBytes;
    bool table = false;
    for (int i = 1; i < argc; i++) {
        const std::string arg = argv[i];
        const uint64_t value = i + 1 < argc ? std::strtoull(argv[i + 1], nullptr, 10) : 0;
        if (arg == "--table")
            table = true;
        else if (arg == "--laps" && value > 0)
            n_laps = static_cast<int>(value), i++;
        else if (arg == "--blocks" && value > 0)
            n_blocks = static_cast<unsigned>(value), i++;
        else if (arg == "--max-bytes" && value >= 8 && value <= pingpong::kMaxBytes)
            max_bytes = value, i++;
        else
            return std::fprintf(stderr,
                                "usage: put_signal [--laps N] [--blocks N] [--max-bytes N] [--table]\n"),
                   2;
    }
    MUST(pmx_param_set("GPU", "cuda"));
    MUST(pmx_init());
    const int status = Bench(n_blocks, n_laps, max_bytes, table).run();
    MUST(pmx_finalize());
    return status;
}
