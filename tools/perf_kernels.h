/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_kernels.h: the ops of pmx_perf by kernels: of a GPU, or host blocks that play them. */
#pragma once

#include <memory>

#include "perf_machine.h"
#include "perf_ops.h"

namespace pmx::tools {

/* What kernels work on, all symmetric. */
struct PerfPlace {
    pmx_ctx_t ctx = nullptr;
    char* base = nullptr;              /* of the layout, in either heap */
    uint64_t* values = nullptr;        /* host memory, a word for each signal of the groups to all ranks */
    std::vector<uint64_t> group_sizes; /* for each rank, the signals of a group to it */
};

class PerfKernels {
public:
    /* PMX_ERR_UNSUPPORTED: this build has no such kernels. */
    Status open(PerfInitiator initiator, const PerfPlace& place);
    /* Zeroes n_bytes from place.base on. */
    Status clear(uint64_t n_bytes);
    /* As perf_run; path has the barriers and the counters. Times are by the clock of the kernels. */
    Status run(PerfRun& run, PerfPath& path, PerfSamples& samples);

private:
    struct Part { /* one launch; n_done: repetitions of this run before it */
        PerfOp op;
        bool with_signals;
        uint64_t n_each, n_done, n_warmup, n_iters;
    };
    Status one_sided(const PerfRun& run, PerfPath& path, PerfSamples& samples);
    Status pingpong(const PerfRun& run, PerfPath& path, PerfSamples& samples);
    Status fan(const PerfRun& run, PerfPath& path, PerfSamples& samples);
    Status play(const PerfRun& run, const Part& part, unsigned n_blocks, std::vector<uint64_t>& ns_out);
    Status set_groups(const PerfRun& run);

    std::unique_ptr<PerfMachine> machine_;
    PerfPlace place_;
    pmx_device_ctx_t view_ = {};
    std::shared_ptr<void> desk_, groups_;
};

}  // namespace pmx::tools
