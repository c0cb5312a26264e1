/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/kernel.h"

#include <algorithm>

namespace pmx::moe {

Kernel::Kernel(const Shape& shape_given, unsigned n_blocks)
    : shape(shape_given),
      map(shape_given),
      plan(shape_given),
      tasks(shape_given),
      groups((size_t)shape_given.n_ranks),
      shared_out(shape_given.shared_intermediate ? (size_t)shape_given.max_tokens * (size_t)shape_given.hidden
                                                 : 0),
      load((size_t)shape_given.local_experts)
{
    scratch.reserve(n_blocks - 1);
    for (unsigned i = 1; i < n_blocks; i++) scratch.emplace_back(shape);
}

void Kernel::begin_phases(uint32_t phases_now, void* y_now)
{
    phases = phases_now;
    y = y_now;
    n_busy = stop = 0;
}

void Kernel::reset(uint64_t call_now, const void* x_now, const float* weights_now)
{
    call = call_now;
    x = x_now;
    weights = weights_now;
    tasks.reset((unsigned)scratch.size());
    for (int dst = 0; dst < shape.n_ranks; dst++)
        groups[(size_t)dst] = {dst,
                               (uint32_t)shape.local_experts,
                               cells.dispatch_signal(call, rank, 0),
                               sizeof(uint64_t),
                               cells.dispatch_value(call, dst),
                               0};
    std::fill(load.begin(), load.end(), UINT64_C(0));
    next_job = jobs_done = tiles_done = next_shared = shared_done = groups_done = 0;
    error = PMX_SUCCESS;
}

namespace {

bool may_have_task(const Kernel& kernel)
{
    return ((kernel.phases & (kCompute | kCombine)) && kernel.tasks.may_have_work()) ||
           ((kernel.phases & kReceive) && kernel.shared_is_left());
}

bool run_task(Kernel& kernel, Scratch& scratch)
{
    if ((kernel.phases & kCompute) && run_tiles(kernel, scratch)) return true;
    if ((kernel.phases & kReceive) && run_shared(kernel, scratch)) return true;
    return (kernel.phases & kCombine) && run_combine(kernel, scratch);
}

}  // namespace

void run_processor(Kernel& kernel, Scratch& scratch)
{
    auto at_work = [&](auto task) {
        detail::fetch_add_acq_rel(&kernel.n_busy, 1u);
        bool done = task();
        detail::fetch_add_acq_rel(&kernel.n_busy, ~0u);
        return done;
    };
    while ((kernel.phases & kSend) && !kernel.stopped() &&
           at_work([&] { return run_dispatch_job(kernel, scratch); })) {
    }
    for (unsigned spins = 0; !kernel.stopped(); spins++) {
        if (may_have_task(kernel) && at_work([&] { return run_task(kernel, scratch); }))
            spins = 0;
        else
            detail::relax(spins);
    }
}

}  // namespace pmx::moe
