/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_measure.cc: the clock of pmx_moe: forwards, and their two halves each alone. */
#include <algorithm>

#include "launcher.h"
#include "moe_job.h"
#include "progress.h"

namespace pmx::tools {

/* As many forwards as are to be measured, of each the time of the slowest rank. */
std::vector<uint64_t> MoeJob::time_forwards(const char* what)
{
    Progress progress(what, rank_);
    std::vector<uint64_t> forward_ns;
    uint64_t ns = 0;
    for (int i = 0; i < options_.iters; i++) {
        must(from_pmx(pmx_barrier()));
        must(device_->forward(ns));
        uint64_t slowest = 0;
        for (const auto& record : gather({&ns, 1}, Gather::kAtOnce)) slowest = std::max(slowest, record[0]);
        forward_ns.push_back(slowest);
        progress(i + 1, options_.iters);
    }
    return forward_ns;
}

void MoeJob::measure()
{
    uint64_t ns = 0;
    for (int i = 0; i < options_.warmup; i++) must(device_->forward(ns));
    std::vector<std::byte> first;
    if (options_.warmup > 0) must(device_->result(first));
    must(device_->reset_counters());
    report_.forward_ns = time_forwards("forwards");
    must(device_->counters(counters_));
    must(device_->phases(report_.phases));
    must(device_->result(own_.y));
    same_bits_ = options_.warmup == 0 || first == own_.y;
}

Status MoeJob::measure_alone()
{
    PMX_TRY(time_compute());
    return time_communication();
}

/* As many choices as before, evenly over the experts of the own rank: no row goes to another. Not with a map, by which
 * copies on other ranks get rows, too. */
Status MoeJob::time_compute()
{
    const int k = config_.top_k, n_local = config_.experts / size_;
    if (k > n_local || config_.physical_experts > 0) return {};
    OwnTokens here = own_;
    here.routed = true;
    for (size_t i = 0; i < here.ids.size(); i++)
        here.ids[i] = rank_ * n_local + static_cast<int32_t>(i % static_cast<size_t>(n_local));
    PMX_TRY(device_->set_tokens(here));
    uint64_t ns = 0;
    must(device_->forward(ns));
    report_.compute_ns = percentile(time_forwards("computing alone"), 0.50);
    return {};
}

/* The same rows to the same ranks, for experts of the least length: they read the begin of the same matrices. */
Status MoeJob::time_communication()
{
    must(device_->free());
    created_ = false;
    pmx_moe_config_t config = config_;
    config.intermediate = 16;
    config.shared_intermediate = 0;
    PMX_TRY(create(config));
    PMX_TRY(set_weights());
    OwnTokens all = own_;
    all.routed = true;
    PMX_TRY(device_->set_tokens(all));
    uint64_t ns = 0;
    must(device_->forward(ns));
    report_.communication_ns = percentile(time_forwards("communicating alone"), 0.50);
    return {};
}

}  // namespace pmx::tools
