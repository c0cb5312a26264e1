/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_gpu.cu: the ops of pmx_perf as kernels of a GPU. */
#include <chrono>
#include <thread>

#include "perf_machine.h"
#include "pmx_cuda.h"

namespace pmx::tools {

namespace {

constexpr unsigned kThreads = 256; /* of a block */

template <typename Body>
__global__ void __launch_bounds__(kThreads) kernel_of(Body body)
{
    body();
}

template <typename Body>
int start(Body body, unsigned n_blocks)
{
    void* args[] = {&body};
    const void* kernel = reinterpret_cast<const void*>(&kernel_of<Body>);
    return pmx_launch_gpu(kernel, n_blocks, kThreads, args, 0, nullptr);
}

class GpuMachine final : public PerfMachine {
public:
    int view(pmx_ctx_t ctx, pmx_device_ctx_t* view_out) override { return pmx_gpu_handle(ctx, view_out); }
    std::shared_ptr<void> near_memory(uint64_t n_bytes) override
    {
        void* memory = nullptr;
        if (pmx_cuda_report("cudaMalloc", cudaMalloc(&memory, n_bytes))) return nullptr;
        if (clear(memory, n_bytes)) return nullptr;
        return {memory, [](void* p) { cudaFree(p); }};
    }
    int copy(void* to, const void* from, uint64_t n_bytes) override
    {
        return pmx_cuda_report("cudaMemcpy", cudaMemcpy(to, from, n_bytes, cudaMemcpyDefault));
    }
    int clear(void* memory, uint64_t n_bytes) override
    {
        if (int err = pmx_cuda_report("cudaMemset", cudaMemset(memory, 0, n_bytes))) return err;
        return pmx_cuda_report("cudaDeviceSynchronize", cudaDeviceSynchronize());
    }
    int launch(const PerfTask& task, unsigned n_blocks) override
    {
        const int err = task.op == PerfOp::fan               ? start(PerfFan{task}, n_blocks)
                        : task.op == PerfOp::signal_pingpong ? start(PerfPingpong{task}, n_blocks)
                                                             : start(PerfOneSided{task}, n_blocks);
        if (err) return err;
        cudaError_t now;
        /* The cores are for the proxies meanwhile. */
        while ((now = cudaStreamQuery(nullptr)) == cudaErrorNotReady)
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        return pmx_cuda_report("kernel", now);
    }
};

}  // namespace

std::unique_ptr<PerfMachine> perf_gpu_machine() { return std::make_unique<GpuMachine>(); }

}  // namespace pmx::tools
