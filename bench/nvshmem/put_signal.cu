/* SPDX-License-Identifier: BSD-3-Clause */
/* put_signal.cu: what bench/gpu/put_signal measures, by the public interface of NVSHMEM. "nvshmem" is
 * nvshmemx_putmem_signal of the team, "nvshmem_nbi" the one that does not block. Its ranks meet by MPI.
 *
 *   mpirun -n 2 put_signal [--laps N] [--blocks N] */
#include <mpi.h>
#include <nvshmem.h>
#include <nvshmemx.h>

#include <string>

#include "../gpu/pingpong.h"

namespace {

using pingpong::Team;

template <Team kTeam_, bool kBlocking>
struct NvshmemWay {
    static constexpr Team kTeam = kTeam_;

    char *dst, *src;
    uint64_t n_bytes;
    uint64_t* sig;
    int peer;

    __device__ int send(uint64_t value) const
    {
        pingpong::Slice s{0, n_bytes};
        int op = NVSHMEM_SIGNAL_SET;
        if constexpr (kTeam == Team::grid) {
            s = pingpong::slice(n_bytes);
            value = 1;
            op = NVSHMEM_SIGNAL_ADD;
        }
        if constexpr (kTeam == Team::warp && kBlocking)
            nvshmemx_putmem_signal_warp(dst + s.off, src + s.off, s.n_bytes, sig, value, op, peer);
        else if constexpr (kTeam == Team::warp)
            nvshmemx_putmem_signal_nbi_warp(dst + s.off, src + s.off, s.n_bytes, sig, value, op, peer);
        else if constexpr (kBlocking)
            nvshmemx_putmem_signal_block(dst + s.off, src + s.off, s.n_bytes, sig, value, op, peer);
        else
            nvshmemx_putmem_signal_nbi_block(dst + s.off, src + s.off, s.n_bytes, sig, value, op, peer);
        return 0;
    }
    __device__ int wait(uint64_t value) const
    {
        if (kTeam == Team::grid) value *= gridDim.x;
        if (threadIdx.x == 0) nvshmem_signal_wait_until(sig, NVSHMEM_CMP_GE, value);
        if constexpr (kTeam == Team::warp)
            __syncwarp();
        else
            __syncthreads();
        return 0;
    }
};

void* memory(uint64_t n_bytes)
{
    void* p = nvshmem_malloc(n_bytes);
    if (p) return p;
    std::fprintf(stderr, "nvshmem_malloc: no %llu bytes\n", static_cast<unsigned long long>(n_bytes));
    std::fflush(nullptr);
    std::_Exit(2);
}

class Bench {
public:
    Bench(unsigned n_blocks, int n_laps) : n_laps_(n_laps)
    {
        job_.rank = nvshmem_my_pe();
        job_.n_blocks = n_blocks;
        dst_ = static_cast<char*>(memory(pingpong::kMaxBytes));
        src_ = static_cast<char*>(memory(pingpong::kMaxBytes));
        sigs_ = static_cast<uint64_t*>(memory(kSigStride * 2 * 3 * 8));
        MUST_CUDA(cudaMalloc(&job_.result, sizeof(pingpong::Result)));
        MUST_CUDA(cudaMemset(sigs_, 0, kSigStride * 2 * 3 * 8));
        pingpong::fill<<<64, 256>>>(reinterpret_cast<uint64_t*>(src_), pingpong::kMaxBytes / 8, job_.rank);
        MUST_CUDA(cudaDeviceSynchronize());
        job_.barrier = [] { MPI_Barrier(MPI_COMM_WORLD); };
        job_.launch = [](const void* kernel, unsigned blocks, unsigned threads, void** args) {
            MUST_CUDA(cudaLaunchCooperativeKernel(kernel, blocks, threads, args, 0, nullptr));
        };
        MPI_Barrier(MPI_COMM_WORLD);
    }
    ~Bench()
    {
        nvshmem_free(sigs_);
        nvshmem_free(src_);
        nvshmem_free(dst_);
    }

    int run()
    {
        for (uint64_t n_bytes : pingpong::kSizes) {
            measure<Team::warp>(n_bytes);
            measure<Team::block>(n_bytes);
            measure<Team::grid>(n_bytes);
        }
        return job_.n_wrong_runs ? 1 : 0;
    }

private:
    static constexpr uint64_t kSigStride = 32; /* words: signals of their own lines */

    template <Team kTeam>
    void measure(uint64_t n_bytes)
    {
        const auto team = static_cast<uint64_t>(kTeam);
        pingpong::Contender blocking(
            job_, "nvshmem",
            NvshmemWay<kTeam, true>{dst_, src_, n_bytes, sigs_ + team * kSigStride, 1 - job_.rank},
            n_played_[0][team]);
        pingpong::Contender nbi(
            job_, "nvshmem_nbi",
            NvshmemWay<kTeam, false>{dst_, src_, n_bytes, sigs_ + (3 + team) * kSigStride, 1 - job_.rank},
            n_played_[1][team]);
        blocking.check();
        nbi.check();
        for (int i = 0; i < n_laps_; i++) {
            blocking.lap();
            nbi.lap();
        }
        if (job_.rank != 0) return;
        const unsigned n_blocks = kTeam == Team::grid ? job_.n_blocks : 1;
        for (const auto& [who, us] :
             {std::pair(blocking.who(), blocking.one_way_us()), std::pair(nbi.who(), nbi.one_way_us())})
            pingpong::print_json(who, pingpong::kTeamNames[team], n_blocks, pingpong::n_threads_of(kTeam),
                                 n_bytes, us, 0);
    }

    pingpong::Job job_;
    const int n_laps_;
    char *dst_ = nullptr, *src_ = nullptr;
    uint64_t* sigs_ = nullptr;
    uint64_t n_played_[2][3] = {};
};

/* By a unique id that MPI hands round: that does not depend on which MPI NVSHMEM was built with. */
void open_nvshmem()
{
    int rank = 0, size = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size != 2) {
        std::fprintf(stderr, "put_signal: start it with mpirun -n 2\n");
        MPI_Abort(MPI_COMM_WORLD, 2);
    }
    MUST_CUDA(cudaSetDevice(0));
    nvshmemx_uniqueid_t id = NVSHMEMX_UNIQUEID_INITIALIZER;
    nvshmemx_init_attr_t attr = NVSHMEMX_INIT_ATTR_INITIALIZER;
    if (rank == 0) nvshmemx_get_uniqueid(&id);
    MPI_Bcast(&id, sizeof id, MPI_BYTE, 0, MPI_COMM_WORLD);
    nvshmemx_set_attr_uniqueid_args(rank, size, &id, &attr);
    nvshmemx_init_attr(NVSHMEMX_INIT_WITH_UNIQUEID, &attr);
}

}  // namespace

int main(int argc, char** argv)
{
    unsigned n_blocks = 32;
    int n_laps = 5;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string arg = argv[i];
        if (arg == "--laps") n_laps = std::max(1, std::atoi(argv[i + 1]));
        if (arg == "--blocks") n_blocks = static_cast<unsigned>(std::max(1, std::atoi(argv[i + 1])));
    }
    MPI_Init(&argc, &argv);
    open_nvshmem();
    const int status = Bench(n_blocks, n_laps).run();
    nvshmem_finalize();
    MPI_Finalize();
    return status;
}
