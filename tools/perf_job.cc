/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_job.cc: modes, laps and what comes of them. */
#include "perf_job.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "launcher.h"
#include "order.h"
#include "perf_fan.h"
#include "pmx_gpu.h"
#include "progress.h"

namespace pmx::tools {

namespace {

constexpr const char* kTool = "pmx_perf";
constexpr uint64_t kLaps = 5;

constexpr pmx_order_t kOrders[] = {PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED,
                                   PMX_ORDER_FENCE,     PMX_ORDER_ORDERED,    PMX_ORDER_COUNTED};

pmx_order_t order_of(const std::string& name)
{
    for (pmx_order_t order : kOrders)
        if (name == order_name(order)) return order;
    return PMX_ORDER_AUTO;
}

size_t values_bytes(const PerfLayout& layout, int n_ranks)
{
    return static_cast<size_t>(n_ranks) * layout.n_slots * sizeof(uint64_t);
}

}  // namespace

size_t perf_job_heap_bytes(const PerfOptions& options, int n_ranks)
{
    const int ranks = std::max(n_ranks, 2);
    const PerfLayout layout = PerfLayout::of(options.op, ranks, options.concurrency, options.bytes.back());
    return (options.gpu_memory ? 0 : layout.n_bytes) + values_bytes(layout, ranks) +
           Gather::heap_bytes(ranks);
}

size_t perf_job_gpu_heap_bytes(const PerfOptions& options, int n_ranks)
{
    const int ranks = std::max(n_ranks, 2);
    return options.gpu_memory
               ? PerfLayout::of(options.op, ranks, options.concurrency, options.bytes.back()).n_bytes
               : 0;
}

int PerfJob::run()
{
    must(from_pmx(pmx_rank(&rank_)));
    must(from_pmx(pmx_size(&size_)));
    /* The same on all ranks. */
    if (const Status prepared = prepare(); !prepared.ok()) {
        if (rank_ == 0) print_error(kTool, prepared.detail());
        exit_ = exit_status(prepared);
        return leave();
    }
    for (uint64_t n_bytes : options_.bytes) {
        std::vector<Case> cases = make_cases(n_bytes);
        measure(n_bytes, cases);
        std::vector<PerfRow> rows;
        for (Case& one : cases) {
            finish(one);
            rows.push_back(one.row);
        }
        /* A mode that was asked for by name and cannot be had is an error, in a table it is a row. */
        if (!options_.table && !rows.front().refused.empty()) {
            if (rank_ == 0) print_error(kTool, rows.front().refused);
            exit_ = kExitInput;
            break;
        }
        print(rows);
    }
    if (rank_ == 0 && !options_.json && !rows_.empty()) fmt::print("{}", perf_tables(rows_));
    if (std::fflush(stdout) != 0) exit_ = kExitRuntime;
    return leave();
}

Status PerfJob::prepare()
{
    if (size_ < 2)
        return fail(PMX_ERR_ARGUMENT, "{}: 1 rank, must be 2 or more: start it with mpirun -n 2 or more",
                    perf_op_name(options_.op));
    PMX_TRY(gather_.open());
    gathering_ = true;
    transport_.size_bytes = sizeof transport_;
    PMX_TRY(from_pmx(pmx_transport_query(&transport_)));
    if (options_.raw && !std::strstr(transport_.transport, "ofi"))
        return fail(PMX_ERR_ARGUMENT,
                    "--raw: transport {} has no libfabric provider, must be one with it (--transport ofi)",
                    transport_.transport);
    if (options_.senders > static_cast<uint64_t>(size_))
        return fail(PMX_ERR_ARGUMENT, "--senders {}: must be at most {}, the number of ranks", options_.senders, size_);
    layout_ = PerfLayout::of(options_.op, size_, options_.concurrency, options_.bytes.back());
    return take_memory();
}

Status PerfJob::take_memory()
{
    if (options_.initiator == PerfInitiator::host) return from_pmx(pmx_calloc(layout_.n_bytes, 1, &area_));
    PMX_TRY(from_pmx(pmx_calloc(values_bytes(layout_, size_), 1, &values_)));
    if (!options_.gpu_memory) return from_pmx(pmx_calloc(layout_.n_bytes, 1, &area_));
    PMX_TRY(from_pmx(pmx_gpu_malloc(layout_.n_bytes, &area_)));
    PerfKernels kernels;
    PMX_TRY(kernels.open(options_.initiator, {PMX_CTX_DEFAULT, static_cast<char*>(area_), nullptr, {}}));
    PMX_TRY(kernels.clear(layout_.n_bytes));
    return from_pmx(pmx_barrier());
}

std::vector<PerfJob::Case> PerfJob::make_cases(uint64_t n_bytes) const
{
    std::vector<Case> cases;
    const auto add = [&](pmx_order_t order, int signals, unsigned queues) -> Case& {
        Case one;
        one.order = order;
        one.signals = signals;
        one.queues = queues;
        one.row.order = order_name(order);
        one.row.signals = signals < 0 ? "" : signals_name(signals);
        if (queues) one.row.queues = queues;
        cases.push_back(std::move(one));
        return cases.back();
    };
    /* By plain stores nothing is ordered by pmx: one row says it all. */
    if (options_.table && transport_.n_network_ranks > 0) {
        for (pmx_order_t order : kOrders)
            for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED})
                add(order, signals, options_.queues);
        add(PMX_ORDER_ORDERED, PMX_SIGNALS_COUPLED, 1).row.baseline = true;
    } else {
        const int signals = options_.signals.empty() ? -1 : options_.signals == "grouped";
        add(order_of(options_.order), signals, options_.queues);
    }
    if (options_.raw) {
        Case& raw = add(PMX_ORDER_AUTO, PMX_SIGNALS_COUPLED, 0);
        raw.raw = true;
        raw.row.path = "raw";
        raw.row.order = "none";
    }
    for (Case& one : cases) {
        PerfRow& row = one.row;
        row.op = options_.op;
        row.initiator = options_.initiator;
        row.gpu_memory = options_.gpu_memory;
        row.transport = transport_.transport;
        row.provider = transport_.provider;
        row.ranks = size_;
        row.bytes = n_bytes;
        row.concurrency = options_.op == PerfOp::signal_pingpong ? 1 : options_.concurrency;
        row.iters = options_.iters;
        row.groups = options_.groups && !one.raw;
        row.senders = senders();
    }
    return cases;
}

void PerfJob::measure(uint64_t n_bytes, std::vector<Case>& cases)
{
    Progress progress(fmt::format("{} {} bytes", perf_op_name(options_.op), n_bytes), rank_);
    const uint64_t laps = std::min(kLaps, options_.iters);
    int n_done = 0;
    for (uint64_t i = 0; i < laps; i++)
        for (Case& one : cases) {
            lap(one, n_bytes, options_.iters / laps + (i < options_.iters % laps ? 1 : 0));
            progress(++n_done, static_cast<int>(laps * cases.size()));
        }
}

void PerfJob::lap(Case& one, uint64_t n_bytes, uint64_t iters)
{
    if (!one.row.refused.empty()) return;
    PerfRun run;
    run.op = options_.op;
    run.rank = rank_;
    run.size = size_;
    run.n_bytes = n_bytes;
    run.concurrency = options_.concurrency;
    run.iters = iters;
    run.warmup = options_.warmup;
    run.blocks = one.raw ? 1 : options_.blocks;
    run.groups = options_.groups;
    run.senders = senders();
    run.layout = layout_.with_stride(n_bytes);
    run.epoch = epoch_;
    must(one.raw ? with_libfabric(one, run) : with_context(one, run));
    epoch_ = run.epoch;
}

Status PerfJob::with_context(Case& one, PerfRun& run)
{
    pmx_ctx_attr_t attr = {sizeof attr, one.order, one.signals, one.queues};
    pmx_ctx_t ctx = nullptr;
    const Status created = from_pmx(pmx_ctx_create(&attr, &ctx));
    if (created.code() == PMX_ERR_UNSUPPORTED) {
        one.row.refused = created.detail();
        return {};
    }
    PMX_TRY(created);
    PMX_TRY(from_pmx(pmx_ctx_query(ctx, &attr)));
    one.row.order = transport_.n_network_ranks ? order_name(attr.order) : "none";
    one.row.signals = signals_name(attr.signals);
    one.row.queues = attr.n_queues;
    one.stalls = attr.order == PMX_ORDER_STALL_ALL || attr.order == PMX_ORDER_STALL_RANK;
    if (const Status played = play(one, ctx, run); !played.ok())
        return fail(played.code(), "{} {}: {}", one.row.order, one.row.signals, played.detail());
    return from_pmx(pmx_ctx_free(ctx));
}

Status PerfJob::play(Case& one, pmx_ctx_t ctx, PerfRun& run)
{
    std::unique_ptr<PerfPath> path;
    std::vector<uint64_t> group_sizes;
    for (int to = 0; to < size_; to++)
        group_sizes.push_back(to == rank_ ? 0 : fan_expected(rank_, to, size_, options_.concurrency));
    PMX_TRY(open_pmx_path(ctx, area_, run.layout, group_sizes, path));
    if (options_.initiator == PerfInitiator::host) {
        const int err = perf_run(run, *path, one.samples);
        return err ? fail(static_cast<pmx_err_t>(err), "{}", pmx_error_string(err)) : Status();
    }
    PerfKernels kernels;
    PMX_TRY(kernels.open(options_.initiator,
                         {ctx, static_cast<char*>(area_), static_cast<uint64_t*>(values_), group_sizes}));
    return kernels.run(run, *path, one.samples);
}

Status PerfJob::with_libfabric(Case& one, PerfRun& run)
{
    std::unique_ptr<PerfPath> path;
    PMX_TRY(open_raw_path(gather_, transport_.provider, area_, run.layout, n_raw_barriers_, path));
    if (int err = perf_run(run, *path, one.samples))
        return fail(static_cast<pmx_err_t>(err), "--raw: {}", pmx_error_string(err));
    return {};
}

/* JSON as soon as it is there; tables at the end. */
void PerfJob::print(const std::vector<PerfRow>& rows)
{
    if (rank_ != 0) return;
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    if (!options_.json) return;
    for (const PerfRow& row : rows) fmt::print("{}", perf_json(row));
    std::fflush(stdout);
}

int PerfJob::leave()
{
    if (gathering_) {
        gather({}); /* the line of another rank is out before this one ends */
        must(gather_.close());
    }
    for (void* memory : {values_, area_})
        if (memory) must(from_pmx(pmx_free(memory)));
    must(from_pmx(pmx_finalize()));
    return exit_;
}

void PerfJob::must(const Status& status)
{
    if (status.ok()) return;
    print_error(kTool, fmt::format("rank {}: {}", rank_, status.detail()));
    std::fflush(nullptr);
    std::_Exit(exit_status(status) == kExitInput ? kExitInput : kExitRuntime);
}

std::vector<std::vector<uint64_t>> PerfJob::gather(std::span<const uint64_t> mine)
{
    std::vector<std::vector<uint64_t>> all;
    must(gather_.all(mine, all));
    return all;
}

}  // namespace pmx::tools
