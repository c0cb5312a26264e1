/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_job.h: the steps of pmx_perf between pmx_init and pmx_finalize. */
#pragma once

#include <span>
#include <string>
#include <vector>

#include "gather.h"
#include "perf_kernels.h"
#include "perf_ops.h"
#include "perf_options.h"
#include "perf_report.h"

namespace pmx::tools {

/* Symmetric heap that the job takes on each of n_ranks ranks. */
size_t perf_job_heap_bytes(const PerfOptions& options, int n_ranks);
/* The same of the heap of GPU memory. */
size_t perf_job_gpu_heap_bytes(const PerfOptions& options, int n_ranks);

class PerfJob {
public:
    explicit PerfJob(const PerfOptions& options) : options_(options) {}

    /* Collective, pmx is up. Measures and prints on rank 0; ends pmx. Gives the exit status. A rank that
     * fails while others wait for it ends its process at once. */
    int run();

private:
    /* What is measured side by side, in laps: a slow spell of the machine meets all of it. */
    struct Case {
        pmx_order_t order = PMX_ORDER_AUTO;
        int signals = -1;
        unsigned queues = 0;
        bool raw = false;
        PerfRow row;
        PerfSamples samples;
        bool stalls = false; /* the order mode may stall */
    };

    /* With signals and by the network, but not by plain stores: what this rank sends in a repetition of what
     * is counted, and to how many. */
    struct Sent {
        uint64_t transfers = 0, ranks = 0;
    };

    int senders() const { return options_.senders ? static_cast<int>(options_.senders) : size_; }
    Status prepare();
    Status take_memory();
    std::vector<Case> make_cases(uint64_t n_bytes) const;
    void measure(uint64_t n_bytes, std::vector<Case>& cases);
    void lap(Case& one, uint64_t n_bytes, uint64_t iters);
    Status with_context(Case& one, PerfRun& run);
    Status play(Case& one, pmx_ctx_t ctx, PerfRun& run);
    Status with_libfabric(Case& one, PerfRun& run);
    void finish(Case& one);
    void count(Case& one);
    std::vector<uint64_t> slowest(const std::vector<uint64_t>& mine);
    Sent sent_by_network() const;
    void print(const std::vector<PerfRow>& rows);
    int leave();
    void must(const Status& status);
    std::vector<std::vector<uint64_t>> gather(std::span<const uint64_t> mine);

    const PerfOptions& options_;
    Gather gather_;
    int rank_ = 0, size_ = 1;
    bool gathering_ = false;
    int exit_ = 0;
    void* area_ = nullptr;
    void* values_ = nullptr; /* of groups of kernels, host memory */
    PerfLayout layout_;
    pmx_transport_info_t transport_ = {};
    uint64_t epoch_ = 0;
    uint64_t n_raw_barriers_ = 0;
    std::vector<PerfRow> rows_;
};

}  // namespace pmx::tools
