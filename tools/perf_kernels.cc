/* SPDX-License-Identifier: BSD-3-Clause */
#include "perf_kernels.h"

#include "launcher.h"

namespace pmx::tools {

Status PerfKernels::open(PerfInitiator initiator, const PerfPlace& place)
{
    machine_ = initiator == PerfInitiator::gpu ? perf_gpu_machine() : perf_soft_machine();
    if (!machine_)
        return fail(PMX_ERR_UNSUPPORTED,
                    "--initiator {}: this build has no kernels, it was made without nvcc",
                    perf_initiator_name(initiator));
    place_ = place;
    view_.size_bytes = sizeof view_;
    PMX_TRY(from_pmx(machine_->view(place.ctx, &view_)));
    desk_ = machine_->near_memory(sizeof(PerfDesk));
    groups_ = machine_->near_memory(static_cast<uint64_t>(view_.size) * sizeof(Group));
    return desk_ && groups_ ? Status() : from_pmx(PMX_ERR_MEMORY);
}

Status PerfKernels::clear(uint64_t n_bytes) { return from_pmx(machine_->clear(place_.base, n_bytes)); }

Status PerfKernels::run(PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    PMX_TRY(set_groups(run));
    PMX_TRY(from_pmx(path.barrier()));
    if (run.op == PerfOp::fan)
        PMX_TRY(fan(run, path, samples));
    else if (run.op == PerfOp::signal_pingpong)
        PMX_TRY(run.rank < 2 ? pingpong(run, path, samples) : Status());
    else
        PMX_TRY(run.rank == 0 ? one_sided(run, path, samples) : Status());
    /* More than any op uses, so that all ranks agree. */
    run.epoch += 4 * (run.warmup + run.iters);
    return from_pmx(path.barrier());
}

Status PerfKernels::one_sided(const PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    const uint64_t n = run.warmup + run.iters;
    if (run.op == PerfOp::put_signal)
        PMX_TRY(play(run, {PerfOp::put, false, 1, 0, run.warmup, run.iters}, 1, samples.put_only_ns));
    PMX_TRY(play(run, {run.op, true, 1, n, run.warmup, run.iters}, 1, samples.latency_ns));
    PerfCounting counting(path, samples);
    return play(run, {run.op, true, run.concurrency, 2 * n, 0, run.iters}, 1, samples.window_ns);
}

Status PerfKernels::pingpong(const PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    std::vector<uint64_t> none;
    PMX_TRY(play(run, {run.op, true, 1, 0, run.warmup, 0}, 1, none));
    PerfCounting counting(path, samples);
    return play(run, {run.op, true, 1, run.warmup, 0, run.iters}, 1,
                run.rank == 0 ? samples.latency_ns : none);
}

Status PerfKernels::fan(const PerfRun& run, PerfPath& path, PerfSamples& samples)
{
    std::vector<uint64_t> none;
    const uint64_t n = run.warmup + run.iters;
    PMX_TRY(play(run, {run.op, false, 1, 0, run.warmup, run.iters}, run.blocks, samples.put_only_ns));
    PMX_TRY(play(run, {run.op, true, 1, n, run.warmup, 0}, run.blocks, none));
    PerfCounting counting(path, samples);
    return play(run, {run.op, true, 1, n + run.warmup, 0, run.iters}, run.blocks, samples.latency_ns);
}

Status PerfKernels::play(const PerfRun& run, const Part& part, unsigned n_blocks,
                         std::vector<uint64_t>& ns_out)
{
    const uint64_t n_bytes = part.n_iters * sizeof(uint64_t), first = run.epoch + part.n_done + 1;
    const std::shared_ptr<void> times = machine_->near_memory(n_bytes + sizeof(uint64_t));
    if (!times) return from_pmx(PMX_ERR_MEMORY);
    PerfDesk desk = {};
    PMX_TRY(from_pmx(machine_->copy(desk_.get(), &desk, sizeof desk)));
    PerfTask task = {};
    task.ctx = view_;
    task.run = run;
    task.base = place_.base;
    task.groups = static_cast<Group*>(groups_.get());
    task.desk = static_cast<PerfDesk*>(desk_.get());
    task.times_ns = static_cast<uint64_t*>(times.get());
    task.op = part.op;
    task.with_signals = part.with_signals;
    task.n_each = part.n_each;
    task.n_warmup = part.n_warmup;
    task.n_iters = part.n_iters;
    task.first_value = first;
    PMX_TRY(from_pmx(machine_->launch(task, n_blocks)));
    PMX_TRY(from_pmx(machine_->copy(&desk, desk_.get(), sizeof desk)));
    if (desk.err)
        return fail(static_cast<pmx_err_t>(desk.err), "in a kernel: {}", pmx_error_string(desk.err));
    const size_t n_before = ns_out.size();
    ns_out.resize(n_before + part.n_iters);
    return from_pmx(machine_->copy(ns_out.data() + n_before, times.get(), n_bytes));
}

Status PerfKernels::set_groups(const PerfRun& run)
{
    std::vector<Group> groups;
    for (size_t to = 0; to < place_.group_sizes.size(); to++)
        groups.push_back({static_cast<int>(to), static_cast<uint32_t>(place_.group_sizes[to]),
                          reinterpret_cast<uint64_t*>(place_.base + run.layout.signal(run.rank, 0)),
                          sizeof(uint64_t), place_.values + to * run.layout.n_slots, 0});
    return from_pmx(machine_->copy(groups_.get(), groups.data(), groups.size() * sizeof(Group)));
}

}  // namespace pmx::tools
