/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_perf.cc: latency, bandwidth and rate under mpirun: reads the options, brings pmx up, runs the job. */
#include <cstdio>
#include <cstdlib>
#include <new>

#include "launcher.h"
#include "perf_job.h"
#include "perf_options.h"
#include "perf_rate.h"
#include "perf_report.h"

namespace {

using namespace pmx;
using namespace pmx::tools;

constexpr const char* kTool = "pmx_perf";

Status set_param(const char* name, const std::string& value)
{
    return value.empty() ? Status() : from_pmx(pmx_param_set(name, value.c_str()));
}

/* The margin is for what pmx itself keeps in a heap, and for the gaps between objects. */
Status set_heap(const char* name, size_t n_bytes)
{
    constexpr size_t kMargin = 4u << 20, kMebi = 1u << 20;
    return set_param(name, fmt::format("{}m", (n_bytes + n_bytes / 64 + kMargin + kMebi - 1) / kMebi));
}

Status set_params(const PerfOptions& options)
{
    PMX_TRY(set_param("TRANSPORT", options.transport));
    PMX_TRY(set_param("OFI_PROVIDER", options.provider));
    PMX_TRY(set_param("HEAP_SIZE", options.heap));
    if (options.heap.empty() && !std::getenv("PMX_HEAP_SIZE"))
        PMX_TRY(set_heap("HEAP_SIZE", perf_job_heap_bytes(options, launcher_size())));
    if (options.initiator == PerfInitiator::host) return {};
    PMX_TRY(set_param("GPU", options.initiator == PerfInitiator::gpu ? "cuda" : "soft"));
    if (std::getenv("PMX_GPU_HEAP_SIZE")) return {};
    return set_heap("GPU_HEAP_SIZE", perf_job_gpu_heap_bytes(options, launcher_size()));
}

int rate(const PerfOptions& options)
{
    if (launcher_rank() != 0) return kExitOk;
    std::vector<PerfRow> rows;
    const Status status = perf_rate(options, rows);
    if (!status.ok()) {
        print_error(kTool, status.detail());
        return exit_status(status);
    }
    if (options.json)
        for (const PerfRow& row : rows) fmt::print("{}", perf_json(row));
    else
        fmt::print("{}", perf_tables(rows));
    return std::fflush(stdout) == 0 ? kExitOk : kExitRuntime;
}

int run(int argc, char** argv)
{
    PerfOptions options;
    std::string text;
    Status status = parse_perf_options(argc, argv, options, text);
    const bool speaks = launcher_rank() == 0;
    if (!text.empty()) {
        if (speaks) std::fputs(text.c_str(), stdout);
        return std::fflush(stdout) == 0 ? kExitOk : kExitRuntime;
    }
    if (status.ok() && options.op == PerfOp::rate) return rate(options);
    if (status.ok()) status = set_params(options);
    if (!status.ok()) {
        /* One rank fails for all: mpirun would end it before its line is out if another were first. */
        if (!speaks) return kExitOk;
        print_error(kTool, status.detail());
        return exit_status(status);
    }
    {
        /* All ranks fail alike; one says why before mpirun ends it. */
        HoldSigterm hold;
        const Status up = from_pmx(pmx_init());
        if (!up.ok() && speaks) print_error(kTool, up.detail());
        if (!up.ok()) return exit_status(up);
    }
    return PerfJob(options).run();
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        print_error(kTool, fmt::format("rank {}: out of memory", launcher_rank()));
    } catch (const std::exception& error) {
        print_error(kTool, fmt::format("rank {}: {}", launcher_rank(), error.what()));
    }
    std::_Exit(kExitRuntime); /* the other ranks wait for this one: nothing collective may be tried */
}
