/* SPDX-License-Identifier: BSD-3-Clause */
/* pingpong.h: ping-pong between ranks 0 and 1 of one GPU, by whatever sends and waits: the teams of threads,
 * the kernel, the check of the data, the times. One-way time is half of a round trip.
 *
 * A Way is how one side sends and the other waits. Plain data, an argument of the kernel:
 *   kTeam                 the threads that send together
 *   char *dst, *src       own memory: where the other rank's data arrive, and what this one sends
 *   n_bytes               8, or a multiple of 16
 *   int send(value)       by all threads of the team: n_bytes from src to the other rank, then its signal
 *   int wait(value)       by all threads of the team: until the data of this round are here; 0 or an error */
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "pmx_ptx.h"

namespace pingpong {

enum class Team { warp, block, grid };
constexpr const char* kTeamNames[] = {"warp", "block", "grid"};
constexpr unsigned n_threads_of(Team team) { return team == Team::warp ? 32 : 1024; }

constexpr uint64_t kSizes[] = {8,      64,       512,      4096,      16384,    65536,
                               262144, 1u << 20, 4u << 20, 16u << 20, 64u << 20};
constexpr uint64_t kMaxBytes = 64u << 20;

/* Part of a grid that the calling block sends. */
struct Slice {
    uint64_t off, n_bytes;
};
__device__ inline Slice slice(uint64_t n_bytes)
{
    uint64_t share = ((n_bytes + gridDim.x - 1) / gridDim.x + 127) & ~(uint64_t)127, off = blockIdx.x * share;
    if (off >= n_bytes) return {0, 0};
    return {off, n_bytes - off < share ? n_bytes - off : share};
}

__host__ __device__ inline uint64_t pattern(int rank, uint64_t i)
{
    return (i + 1) * 0x9e3779b97f4a7c15u ^ ((uint64_t)(rank + 1) << 56);
}

__global__ void fill(uint64_t* words, uint64_t n_words, int rank)
{
    for (uint64_t i = blockIdx.x * blockDim.x + threadIdx.x; i < n_words;
         i += (uint64_t)gridDim.x * blockDim.x)
        words[i] = rank < 0 ? ~(uint64_t)0 : pattern(rank, i);
}

struct Result {
    uint64_t took_ns;
    unsigned long long n_wrong;
    int error;
};

struct Rounds {
    int rank;
    uint64_t first; /* signals of these rounds: first + 1, ... */
    uint64_t n_warmup, n;
};

/* kCheck: what has come is compared before it is answered. */
template <typename Way, bool kCheck>
__global__ void __launch_bounds__(n_threads_of(Way::kTeam)) play(Way way, Rounds rounds, Result* result)
{
    uint64_t begin = 0;
    for (uint64_t i = 1; i <= rounds.n_warmup + rounds.n; i++) {
        if (i == rounds.n_warmup + 1) begin = pmx::ptx::global_timer_ns();
        int err = rounds.rank == 0 ? way.send(rounds.first + i) : 0;
        if (!err) err = way.wait(rounds.first + i);
        if constexpr (kCheck) {
            const uint64_t* words = (const uint64_t*)way.dst;
            for (uint64_t k = blockIdx.x * blockDim.x + threadIdx.x; k < way.n_bytes / 8;
                 k += gridDim.x * blockDim.x)
                if (words[k] != pattern(1 - rounds.rank, k)) atomicAdd(&result->n_wrong, 1ull);
            __syncthreads();
        }
        if (!err && rounds.rank == 1) err = way.send(rounds.first + i);
        if (err) {
            result->error = err;
            return;
        }
    }
    if (blockIdx.x == 0 && threadIdx.x == 0) result->took_ns = pmx::ptx::global_timer_ns() - begin;
}

inline void must_cuda(const char* call, cudaError_t err)
{
    if (err == cudaSuccess) return;
    std::fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(err));
    std::fflush(nullptr);
    std::_Exit(2);
}
#define MUST_CUDA(call) ::pingpong::must_cuda(#call, call)

/* What a program gives: how its ranks meet, and how a kernel starts of which all blocks run at the same time.
 */
struct Job {
    int rank = 0;
    unsigned n_blocks = 32; /* of a grid */
    std::function<void()> barrier;
    std::function<void(const void* kernel, unsigned n_blocks, unsigned n_threads, void** args)> launch;
    Result* result = nullptr; /* memory of the GPU */
    int n_wrong_runs = 0;
};

inline double median(std::vector<double> values)
{
    std::sort(values.begin(), values.end());
    return values.empty() ? 0 : values[values.size() / 2];
}

/* How often to play: long enough for the timer, which moves in steps of up to a microsecond, and not longer.
 */
inline uint64_t n_rounds(Team team, uint64_t n_bytes)
{
    const double bytes_per_us = team == Team::warp ? 5e3 : team == Team::block ? 80e3 : 1e6;
    const double one_way_us = 1 + static_cast<double>(n_bytes) / bytes_per_us;
    return static_cast<uint64_t>(std::clamp(2000 / (2 * one_way_us), 2.0, 500.0));
}

/* One way to send, at one size: laps and their median. n_played: rounds so far with the same signal. */
template <typename Way>
class Contender {
public:
    Contender(Job& job, const char* who, const Way& way, uint64_t& n_played)
        : job_(job), who_(who), way_(way), n_played_(n_played)
    {
    }

    /* A round with its data compared. */
    void check()
    {
        fill<<<64, 256>>>(reinterpret_cast<uint64_t*>(way_.dst), way_.n_bytes / 8, -1);
        const Result result = play_rounds<true>(0, 1);
        if (result.n_wrong == 0) return;
        std::fprintf(stderr, "WRONG: rank %d: %s %s: %llu of %llu words\n", job_.rank, who_,
                     kTeamNames[static_cast<int>(Way::kTeam)], result.n_wrong,
                     static_cast<unsigned long long>(way_.n_bytes / 8));
        job_.n_wrong_runs++;
    }
    void lap()
    {
        const uint64_t n = n_rounds(Way::kTeam, way_.n_bytes);
        const Result result = play_rounds<false>(std::min<uint64_t>(n, 10), n);
        one_way_us_.push_back(static_cast<double>(result.took_ns) / 2000 / static_cast<double>(n));
    }
    double one_way_us() const { return median(one_way_us_); }
    const char* who() const { return who_; }

private:
    template <bool kCheck>
    Result play_rounds(uint64_t n_warmup, uint64_t n)
    {
        Rounds rounds{job_.rank, n_played_, n_warmup, n};
        n_played_ += n_warmup + n;
        MUST_CUDA(cudaMemset(job_.result, 0, sizeof(Result)));
        MUST_CUDA(cudaDeviceSynchronize());
        job_.barrier();
        void* args[] = {&way_, &rounds, &job_.result};
        job_.launch(reinterpret_cast<const void*>(&play<Way, kCheck>),
                    Way::kTeam == Team::grid ? job_.n_blocks : 1, n_threads_of(Way::kTeam), args);
        MUST_CUDA(cudaDeviceSynchronize());
        job_.barrier();
        Result result;
        MUST_CUDA(cudaMemcpy(&result, job_.result, sizeof result, cudaMemcpyDefault));
        if (!result.error) return result;
        std::fprintf(stderr, "rank %d: %s: error %d in a kernel\n", job_.rank, who_, result.error);
        std::fflush(nullptr);
        std::_Exit(2);
    }

    Job& job_;
    const char* who_;
    Way way_;
    uint64_t& n_played_;
    std::vector<double> one_way_us_;
};

/* A figure. other_us: that of the floor, 0: none. */
inline void print_json(const char* who, const char* team, unsigned n_blocks, unsigned n_threads,
                       uint64_t n_bytes, double one_way_us, double floor_us)
{
    std::printf(
        "{\"bench\":\"gpu_put_signal\",\"who\":\"%s\",\"team\":\"%s\",\"blocks\":%u,\"threads\":%u,\"bytes\":"
        "%llu,"
        "\"one_way_us\":%.3f,\"gb_per_s\":%.3f,\"ratio_to_floor\":",
        who, team, n_blocks, n_threads, static_cast<unsigned long long>(n_bytes), one_way_us,
        static_cast<double>(n_bytes) / 1000 / one_way_us);
    if (floor_us > 0)
        std::printf("%.3f}\n", one_way_us / floor_us);
    else
        std::printf("null}\n");
    std::fflush(stdout);
}

}  // namespace pingpong
