/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_fan.h: all ranks send to all others at once. */
#pragma once

#include "perf_ops.h"

namespace pmx::tools {

/* Transfer i of a rank goes to this rank, and is the slot-th of that rank there. */
struct FanTarget {
    int rank;
    uint64_t slot;
};
FanTarget fan_target(int rank, int size, uint64_t i);
/* Transfers of from_rank that to_rank gets, of n in all. */
uint64_t fan_expected(int from_rank, int to_rank, int size, uint64_t n);

int perf_fan(PerfRun& run, PerfPath& path, PerfSamples& samples);

}  // namespace pmx::tools
