/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_job.h: the steps of pmx_moe between pmx_init and pmx_finalize. */
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gather.h"
#include "moe_check.h"
#include "moe_device.h"
#include "moe_inputs.h"
#include "moe_options.h"
#include "moe_report.h"
#include "npy.h"
#include "weights.h"

namespace pmx::tools {

/* Symmetric heaps, of host and of GPU memory, for a layer of this config and what the tool itself needs. */
Status moe_job_heap_bytes(MoeDevice& device, const pmx_moe_config_t& config, int n_ranks, size_t& host_out,
                          size_t& gpu_out);

/* One run. A step that fails on any rank ends the run on all of them: the lowest such rank says why. A
 * rank that fails while others wait for it (a dead peer, a time limit) ends its process at once. */
class MoeJob {
public:
    /* device may be missing when run() is told that something went wrong. */
    MoeJob(const MoeOptions& options, const MoeInputs& inputs, MoeDevice* device)
        : options_(options), inputs_(inputs), device_(device)
    {
    }

    /* Collective, pmx is up; before: what went wrong on this rank so far. Ends pmx. Gives the exit status. */
    int run(const Status& before);

private:
    Status plan();
    Status check_heap(const pmx_heap_info_t& heap, size_t n_bytes, const char* name, const char* set_by) const;
    Status create(const pmx_moe_config_t& config);
    Status load();
    Status route();
    Status set_weights();
    Status flip();
    void measure();
    std::vector<uint64_t> time_forwards(const char* what);
    Status measure_alone();
    Status time_compute();
    Status time_communication();
    Status check();
    Status write_out();
    void report();
    int leave();

    /* True when mine is ok on all ranks. */
    bool all_ok(const Status& mine);
    /* Ends the process unless status is ok: the other ranks cannot be asked any more. */
    void must(const Status& status);
    std::vector<std::vector<uint64_t>> gather(std::span<const uint64_t> mine,
                                              uint64_t patience_ns = Gather::kPatienceNs);

    const MoeOptions& options_;
    const MoeInputs& inputs_;
    MoeDevice* const device_;
    bool created_ = false;
    Gather gather_;
    int rank_ = 0, size_ = 1, node_size_ = 1;
    bool gathering_ = false;
    int exit_ = 0;
    TokenPlan plan_;
    pmx_moe_config_t config_ = {};
    std::unique_ptr<WeightSource> source_;
    std::vector<int> experts_; /* in each place of this rank; -1: none */
    LocalExperts local_;
    std::vector<float> router_bias_;
    std::vector<std::byte> flipped_;
    OwnTokens own_;
    CheckResult checked_;
    pmx_moe_counters_t counters_ = {};
    bool same_bits_ = true;
    NpyWriter out_;
    MoeReport report_;
};

}  // namespace pmx::tools
