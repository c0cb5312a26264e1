/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_ops.h: the ops of pmx_perf, on any path. */
#pragma once

#include <cstdint>
#include <vector>

#include "perf_path.h"

namespace pmx::tools {

/* Times in nanoseconds, one for each repetition; counters of the part of the run that they say. */
struct PerfSamples {
    std::vector<uint64_t> latency_ns;  /* fan: of all transfers with their signals */
    std::vector<uint64_t> window_ns;   /* a window of them and one quiet; not for fan and pingpong */
    std::vector<uint64_t> put_only_ns; /* the same puts without signals, and one quiet */
    pmx_counters_t counters = {};      /* fan, pingpong: of latency_ns; else of window_ns. Summed over runs */
    bool counted = false;
};

/* Adds to samples.counters what goes through the proxy while it lives. Begin and end must be quiet. */
class PerfCounting {
public:
    PerfCounting(PerfPath& path, PerfSamples& samples);
    ~PerfCounting();
    PerfCounting(const PerfCounting&) = delete;
    PerfCounting& operator=(const PerfCounting&) = delete;

private:
    PerfPath& path_;
    PerfSamples& samples_;
    pmx_counters_t before_ = {};
};

/* Collective: all ranks of the job take part in each op, those that send nothing wait. Appends to samples;
 * run.epoch goes on. 0 or a PMX_ERR_*: then this rank cannot go on with the others. */
int perf_run(PerfRun& run, PerfPath& path, PerfSamples& samples);

}  // namespace pmx::tools
