/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_run.h: what an op of pmx_perf works on: the memory, the numbers, who sends to whom. For kernels too,
 * so it includes nothing that nvcc does not take, such as fmt. */
#pragma once

#include <cstdint>

#include "pmx.h"

namespace pmx::tools {

enum class PerfOp { put, get, put_signal, signal_pingpong, fan, rate };

/* The memory of a job, the same on all ranks; offsets are from its begin. Slots are `stride` bytes. */
struct PerfLayout {
    /* max_bytes: the largest transfer. For one op of n_ranks ranks. */
    static PerfLayout of(PerfOp op, int n_ranks, uint64_t concurrency, uint64_t max_bytes);
    /* The same places, with slots as small as this transfer allows. */
    PerfLayout with_stride(uint64_t n_bytes) const;

    uint64_t stride = 64;
    uint64_t n_slots = 1;   /* that each sender has at a target */
    uint64_t n_sources = 1; /* that a sender sends from */
    uint64_t signals_off = 0, groups_off = 0, flags_off = 0, values_off = 0, data_off = 0, sources_off = 0;
    uint64_t n_bytes = 0;                     /* all of it */
    static constexpr uint64_t kValues = 1024; /* words at values_off, flags are one for each rank */

    PMX_HOST_DEVICE uint64_t data(int from_rank, uint64_t slot) const
    {
        return data_off + (static_cast<uint64_t>(from_rank) * n_slots + slot) * stride;
    }
    PMX_HOST_DEVICE uint64_t signal(int from_rank, uint64_t slot) const
    {
        return signals_off + (static_cast<uint64_t>(from_rank) * n_slots + slot) * 8;
    }
    /* What the signals of a group to to_rank are set to. */
    PMX_HOST_DEVICE uint64_t group_values(int to_rank) const
    {
        return groups_off + static_cast<uint64_t>(to_rank) * n_slots * 8;
    }
    PMX_HOST_DEVICE uint64_t flag(int from_rank) const
    {
        return flags_off + static_cast<uint64_t>(from_rank) * 8;
    }
    PMX_HOST_DEVICE uint64_t source(uint64_t i) const { return sources_off + i % n_sources * stride; }
};

struct PerfRun {
    PerfOp op = PerfOp::put;
    int rank = 0, size = 1;
    uint64_t n_bytes = 0;
    uint64_t concurrency = 1;
    uint64_t iters = 1, warmup = 0;
    unsigned blocks = 1;
    bool groups = false;
    int senders = 1; /* fan: ranks 0..senders-1 send, the others take what comes */
    PerfLayout layout;
    /* Signals grow through all runs of a job, in step on all ranks: value of the last one sent. */
    uint64_t epoch = 0;
};

/* Transfer i of a rank goes to this rank, and is the slot-th of that rank there. */
struct FanTarget {
    int rank;
    uint64_t slot;
};
PMX_HOST_DEVICE inline FanTarget fan_target(int rank, int size, uint64_t i)
{
    const auto others = static_cast<uint64_t>(size - 1);
    return {(rank + 1 + static_cast<int>(i % others)) % size, i / others};
}
/* Transfers of from_rank that to_rank gets, of n in all. */
PMX_HOST_DEVICE inline uint64_t fan_expected(int from_rank, int to_rank, int size, uint64_t n)
{
    const auto others = static_cast<uint64_t>(size - 1);
    const auto turn = static_cast<uint64_t>((to_rank - from_rank - 1 + size) % size);
    return n / others + (turn < n % others ? 1 : 0);
}

}  // namespace pmx::tools
