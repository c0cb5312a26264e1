/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_job.h: the steps of pmx_moe between pmx_init and pmx_finalize. */
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gather.h"
#include "moe_check.h"
#include "moe_inputs.h"
#include "moe_options.h"
#include "moe_report.h"
#include "npy.h"
#include "weights.h"

namespace pmx::tools {

/* Symmetric heap for a layer of this config and what the tool itself needs. */
Status moe_job_heap_bytes(const pmx_moe_config_t& config, int n_ranks, size_t& n_bytes_out);

/* One run. A step that fails on any rank ends the run on all of them: the lowest such rank says why. A
 * rank that fails while others wait for it (a dead peer, a time limit) ends its process at once. */
class MoeJob {
public:
    MoeJob(const MoeOptions& options, const MoeInputs& inputs) : options_(options), inputs_(inputs) {}

    /* Collective, pmx is up; before: what went wrong on this rank so far. Ends pmx. Gives the exit status. */
    int run(const Status& before);

private:
    Status plan();
    Status create();
    Status load();
    Status set_weights();
    Status flip();
    Status forward();
    void measure();
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
    Gather gather_;
    int rank_ = 0, size_ = 1, node_size_ = 1;
    bool gathering_ = false;
    int exit_ = 0;
    TokenPlan plan_;
    pmx_moe_config_t config_ = {};
    pmx_moe_t moe_ = nullptr;
    std::unique_ptr<WeightSource> source_;
    LocalExperts local_;
    std::vector<float> router_bias_;
    std::vector<std::byte> flipped_;
    OwnTokens own_;
    CheckResult checked_;
    NpyWriter out_;
    MoeReport report_;
};

}  // namespace pmx::tools
