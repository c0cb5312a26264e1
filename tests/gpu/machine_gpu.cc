/* SPDX-License-Identifier: BSD-3-Clause */
#include <cuda_runtime_api.h>

#include "machine.h"
#include "runtime/gpu_memory.h"

namespace {

void must(const pmx::Status& status)
{
    if (status.ok()) return;
    std::printf("BROKEN: %s\n", status.detail().c_str());
    std::exit(99);
}

}  // namespace

void machine_open()
{
    int n = 0;
    cudaError_t err = cudaGetDeviceCount(&n);
    if (err == cudaSuccess && n > 0) return;
    std::printf("SKIP: no GPU: %s\n", err == cudaSuccess ? "none is there" : cudaGetErrorString(err));
    std::exit(77);
}

std::shared_ptr<void> shared_memory(size_t n_bytes)
{
    std::shared_ptr<void> memory;
    must(pmx::gpu_pinned_memory(n_bytes, memory));
    return memory;
}

std::shared_ptr<void> near_memory(size_t n_bytes)
{
    std::shared_ptr<void> memory;
    must(pmx::gpu_local_memory(n_bytes, memory));
    return memory;
}

pmx::QueueMemory queue_memory(uint64_t capacity)
{
    pmx::QueueMemory memory;
    must(pmx::gpu_queue_memory(capacity, memory));
    return memory;
}

pmx_device_ctx_t kernel_view(const pmx_device_ctx_t& host, std::shared_ptr<void>& keep)
{
    pmx::GpuView view;
    must(pmx::gpu_view(host, view));
    keep = view.owner;
    return view.ctx;
}

void copy_near(void* to, const void* from, size_t n_bytes)
{
    if (cudaMemcpy(to, from, n_bytes, cudaMemcpyDefault) != cudaSuccess) std::exit(99);
}
