/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/schedule.h"

#include <fmt/core.h>

#include <algorithm>

#include "moe/combine.h"
#include "moe/shared.h"

namespace pmx::moe {

namespace {

uint32_t group_of(const Kernel& kernel, uint32_t row)
{
    return kernel.plan.row_choice[row] / (uint32_t)kernel.shape.top_k / kTokensPerGroup;
}

}  // namespace

Scheduler::Scheduler(const Shape& shape)
{
    sources_.reserve((size_t)shape.places);
    held_.reserve(n_token_groups(shape.max_tokens));
    awaited_.reserve((size_t)shape.n_ranks * shape.region_tiles);
    missing_.resize(n_token_groups(shape.max_tokens));
}

void Scheduler::await(const Kernel& kernel, int dst)
{
    const Shape& shape = kernel.shape;
    const uint32_t tile_rows = (uint32_t)shape.tile_rows;
    for (int j = 0; j < shape.local_experts; j++) {
        const int place = dst * shape.local_experts + j;
        const uint32_t n_rows = (uint32_t)kernel.plan.n_rows(place);
        const size_t region_row = kernel.plan.region_row(shape, place);
        for (uint32_t row = 0; row < n_rows; row += tile_rows)
            awaited_.push_back({dst, (uint32_t)tile_slot(shape, region_row, j, row / tile_rows),
                                kernel.plan.first_row[(size_t)place] + row,
                                std::min(tile_rows, n_rows - row)});
    }
}

void Scheduler::begin(Kernel& kernel)
{
    const Shape& shape = kernel.shape;
    sources_.clear();
    awaited_.clear();
    held_.clear();
    n_tiles_ = 0;
    n_shared_ = n_shared_chunks(shape, kernel.plan.n_tokens);
    n_groups_ = n_token_groups(kernel.plan.n_tokens);
    for (int i = 1; i <= shape.n_ranks; i++) {
        const int other = (kernel.rank + i) % shape.n_ranks;
        for (int j = 0; j < shape.local_experts; j++) sources_.push_back({other, j});
        await(kernel, other);
    }
    std::fill(missing_.begin(), missing_.begin() + n_groups_, 0u);
    for (uint32_t row = 0; row < kernel.plan.n_rows(); row++) missing_[group_of(kernel, row)]++;
    for (uint32_t g = 0; g < n_groups_; g++)
        if (missing_[g] == 0) group_is_back(kernel, g);
}

/* A word that cannot be right would send a tile out of its region. */
void Scheduler::add_tiles(Kernel& kernel, const Source& source, uint64_t word)
{
    const Shape& shape = kernel.shape;
    const uint64_t first = ArrivalWord::first_row(word), n_rows = ArrivalWord::n_rows(word);
    if (n_rows > (uint64_t)shape.max_tokens || first + n_rows > shape.region_rows) {
        kernel.report(PMX_ERR_INTERNAL);
        return;
    }
    kernel.load[(size_t)source.local_expert] += n_rows;
    const uint32_t tile_rows = (uint32_t)shape.tile_rows;
    for (uint32_t row = 0; row < n_rows; row += tile_rows, n_tiles_++)
        kernel.tasks.add_tile({source.src, source.local_expert, (uint32_t)first + row,
                               std::min(tile_rows, (uint32_t)n_rows - row),
                               (uint32_t)tile_slot(shape, first, source.local_expert, row / tile_rows)},
                              source.src != kernel.rank);
}

bool Scheduler::poll_arrivals(Kernel& kernel)
{
    auto arrived = [&](const Source& source) {
        uint64_t word =
            detail::load_acquire(kernel.cells.dispatch_signal(kernel.call, source.src, source.local_expert));
        if (!ArrivalWord::arrived(word, kernel.call)) return false;
        add_tiles(kernel, source, word);
        return true;
    };
    return std::erase_if(sources_, arrived) != 0;
}

void Scheduler::count_rows(Kernel& kernel, const Awaited& result)
{
    for (uint32_t row = result.first_row; row < result.first_row + result.n_rows; row++) {
        const uint32_t group = group_of(kernel, row);
        if (--missing_[group] == 0) group_is_back(kernel, group);
    }
}

/* The result of the shared expert is part of the sum, and y may be x: groups wait until it has read all
 * tokens. */
void Scheduler::group_is_back(Kernel& kernel, uint32_t group)
{
    if (detail::load_acquire(&kernel.shared_done) == n_shared_)
        kernel.tasks.add_group(group);
    else
        held_.push_back(group);
}

bool Scheduler::release_held(Kernel& kernel)
{
    if (held_.empty() || detail::load_acquire(&kernel.shared_done) != n_shared_) return false;
    for (uint32_t group : held_) kernel.tasks.add_group(group);
    held_.clear();
    return true;
}

bool Scheduler::poll_results(Kernel& kernel)
{
    auto arrived = [&](const Awaited& result) {
        if (!signal_test(kernel.cells.combine_signal(result.dst, result.slot), PMX_CMP_EQ, kernel.call))
            return false;
        count_rows(kernel, result);
        return true;
    };
    return std::erase_if(awaited_, arrived) != 0;
}

uint64_t Scheduler::progress(const Kernel& kernel) const
{
    return (uint64_t)detail::load_acquire(&kernel.jobs_done) + detail::load_acquire(&kernel.tiles_done) +
           detail::load_acquire(&kernel.shared_done) + detail::load_acquire(&kernel.groups_done);
}

/* How many tiles there are is known when all rows have come, which is an earlier phase or is asked before. */
bool Scheduler::finished(const Kernel& kernel) const
{
    const uint32_t phases = kernel.phases;
    const auto done = [](const uint32_t& counter, uint32_t n) { return detail::load_acquire(&counter) == n; };
    if ((phases & kSend) && !done(kernel.jobs_done, (uint32_t)kernel.shape.places)) return false;
    if ((phases & kReceive) && !(sources_.empty() && done(kernel.shared_done, n_shared_))) return false;
    if ((phases & kCompute) && !done(kernel.tiles_done, n_tiles_)) return false;
    return !(phases & kCombine) || (awaited_.empty() && done(kernel.groups_done, n_groups_));
}

void Scheduler::check_faults(Kernel& kernel, uint64_t last_move_ns) const
{
    int err = detail::fault_of(kernel.dispatch, PMX_RANK_ANY);
    if (!err) err = detail::fault_of(kernel.combine, PMX_RANK_ANY);
    if (!err && detail::now_ns() - last_move_ns > kernel.dispatch.timeout_ns) err = PMX_ERR_TIMEOUT;
    if (err) kernel.report(err);
}

void Scheduler::run(Kernel& kernel)
{
    if (kernel.phases & kSend) begin(kernel);
    uint64_t last_move_ns = detail::now_ns();
    uint64_t last_progress = 0;
    unsigned idle = 0;
    for (unsigned turns = 0; !detail::load_acquire(&kernel.error); turns++) {
        bool moved = (kernel.phases & kReceive) && poll_arrivals(kernel);
        moved |= (kernel.phases & kCombine) && poll_results(kernel);
        moved |= release_held(kernel);
        if (finished(kernel)) break;
        idle = moved ? 0 : idle + 1;
        detail::relax(idle);
        if (turns % 64 != 63 && !moved) continue;
        uint64_t now_done = progress(kernel);
        if (moved || now_done != last_progress || detail::load_acquire(&kernel.n_busy) != 0)
            last_move_ns = detail::now_ns();
        last_progress = now_done;
        check_faults(kernel, last_move_ns);
    }
    detail::store_release(&kernel.stop, 1u);
}

std::string Scheduler::describe(const Kernel& kernel) const
{
    for (int r = 0; r < kernel.shape.n_ranks; r++)
        if (detail::load_acquire(&kernel.dispatch.peer_failed[r]))
            return fmt::format("rank {} has failed", r);
    if (!sources_.empty())
        return fmt::format("{} of {} dispatch signals have not come, the first of them from rank {}",
                           sources_.size(), kernel.shape.places, sources_.front().src);
    if (!awaited_.empty())
        return fmt::format("results of {} tiles have not come, the first of them from rank {}",
                           awaited_.size(), awaited_.front().dst);
    return "all signals have come";
}

}  // namespace pmx::moe
