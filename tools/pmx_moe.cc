/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_moe.cc: one Mixture-of-Experts layer under mpirun: reads the options, brings pmx up, runs the job. */
#include <cstdio>
#include <cstdlib>
#include <new>

#include "launcher.h"
#include "moe_inputs.h"
#include "moe_job.h"
#include "moe_options.h"

namespace {

using namespace pmx;
using namespace pmx::tools;

Status set_param(const char* name, const std::string& value)
{
    return value.empty() ? Status() : from_pmx(pmx_param_set(name, value.c_str()));
}

/* Text for a size, with a margin for what pmx itself keeps in the heap, and for the gaps between objects. */
std::string size_text(size_t n_bytes)
{
    constexpr size_t kMargin = 4u << 20, kMebi = 1u << 20;
    return fmt::format("{}m", (n_bytes + n_bytes / 64 + kMargin + kMebi - 1) / kMebi);
}

/* Heaps just large enough, unless the user has said how large. Input that does not fit together is found
 * again, and told, when pmx is up. */
Status size_heaps(const MoeOptions& options, const MoeInputs& inputs, MoeDevice& device)
{
    TokenPlan plan;
    size_t host_bytes = 0, gpu_bytes = 0;
    const int n_ranks = launcher_size();
    PMX_TRY(set_param("HEAP_SIZE", options.heap));
    PMX_TRY(set_param("GPU_HEAP_SIZE", options.gpu_heap));
    if (!inputs.plan(n_ranks, plan).ok() ||
        !moe_job_heap_bytes(device, inputs.config(plan), n_ranks, host_bytes, gpu_bytes).ok())
        return {};
    if (options.heap.empty() && !std::getenv("PMX_HEAP_SIZE")) PMX_TRY(set_param("HEAP_SIZE", size_text(host_bytes)));
    if (gpu_bytes == 0 || !options.gpu_heap.empty() || std::getenv("PMX_GPU_HEAP_SIZE")) return {};
    return set_param("GPU_HEAP_SIZE", size_text(gpu_bytes));
}

std::unique_ptr<MoeDevice> make_device(const MoeOptions& options)
{
    return options.device == "gpu" ? moe_gpu(options.graph) : moe_host();
}

Status prepare(const MoeOptions& options, MoeInputs& inputs, MoeDevice* device)
{
    if (!device) return fail(PMX_ERR_UNSUPPORTED, "--device gpu: this build has no CUDA (configure says why)");
    if (options.device == "gpu") PMX_TRY(set_param("GPU", "cuda"));
    PMX_TRY(set_param("ORDER", options.order));
    PMX_TRY(set_param("SIGNALS", options.signals));
    PMX_TRY(set_param("TRANSPORT", options.transport));
    PMX_TRY(set_param("OFI_PROVIDER", options.provider));
    PMX_TRY(inputs.load(options));
    return size_heaps(options, inputs, *device);
}

/* pmx did not come up (up), or is not even tried. With bad input all ranks come here: rank 0 speaks and fails
 * for all, for mpirun would end it before its line is out if another failed first. Only where bad input of
 * some ranks (mine) has given them another heap do those speak too: nobody else knows the reason. */
int fail_early(const Status& mine, const Status& up)
{
    const Status& status = mine.ok() ? up : mine;
    const bool speaks = launcher_rank() == 0 || (!mine.ok() && up.code() == PMX_ERR_MISMATCH);
    if (speaks) print_error("pmx_moe", status.detail());
    return exit_status(status) == kExitInput && !speaks ? kExitOk : exit_status(status);
}

int run(int argc, char** argv)
{
    MoeOptions options;
    MoeInputs inputs;
    std::string text;
    Status status = parse_moe_options(argc, argv, options, text);
    if (!text.empty()) {
        if (launcher_rank() == 0) std::fputs(text.c_str(), stdout);
        return std::fflush(stdout) == 0 ? kExitOk : kExitRuntime;
    }
    const std::unique_ptr<MoeDevice> device = make_device(options);
    if (status.ok()) status = prepare(options, inputs, device.get());
    if (!status.ok() && launcher_size() == 1) return fail_early(status, {});
    {
        /* Also with bad input: the ranks then end together, after one of them has said why. */
        HoldSigterm hold;
        const Status up = from_pmx(pmx_init());
        if (!up.ok()) return fail_early(status, up);
    }
    return MoeJob(options, inputs, device.get()).run(status);
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        print_error("pmx_moe", fmt::format("rank {}: out of memory", launcher_rank()));
    } catch (const std::exception& error) {
        print_error("pmx_moe", fmt::format("rank {}: {}", launcher_rank(), error.what()));
    }
    std::_Exit(kExitRuntime); /* the other ranks wait for this one: nothing collective may be tried */
}
