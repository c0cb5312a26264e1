/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_soft.cc: the ops of pmx_perf by host blocks of one thread that play kernels. */
#include <cstring>

#include "perf_machine.h"
#include "pmx_gpu.h"

namespace pmx::tools {

namespace {

template <typename Body>
int start(Body body, unsigned n_blocks)
{
    return pmx_launch([](void* p) { (*static_cast<const Body*>(p))(); }, n_blocks, 1, &body);
}

class SoftMachine final : public PerfMachine {
public:
    int view(pmx_ctx_t ctx, pmx_device_ctx_t* view_out) override { return pmx_gpu_handle(ctx, view_out); }
    std::shared_ptr<void> near_memory(uint64_t n_bytes) override
    {
        return std::shared_ptr<uint64_t[]>(new uint64_t[n_bytes / 8 + 1]());
    }
    int copy(void* to, const void* from, uint64_t n_bytes) override
    {
        std::memcpy(to, from, n_bytes);
        return PMX_SUCCESS;
    }
    int clear(void* memory, uint64_t n_bytes) override
    {
        std::memset(memory, 0, n_bytes);
        return PMX_SUCCESS;
    }
    int launch(const PerfTask& task, unsigned n_blocks) override
    {
        if (task.op == PerfOp::fan) return start(PerfFan{task}, n_blocks);
        if (task.op == PerfOp::signal_pingpong) return start(PerfPingpong{task}, n_blocks);
        return start(PerfOneSided{task}, n_blocks);
    }
};

}  // namespace

std::unique_ptr<PerfMachine> perf_soft_machine() { return std::make_unique<SoftMachine>(); }

}  // namespace pmx::tools
