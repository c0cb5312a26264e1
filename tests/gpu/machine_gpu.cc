/* SPDX-License-Identifier: BSD-3-Clause */
#include <cuda_runtime_api.h>
#include <unistd.h>

#include <string>

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

bool dmabuf_is_right(std::string& found_out)
{
    constexpr size_t n_bytes = 2 << 20;
    std::shared_ptr<void> memory = near_memory(n_bytes);
    pmx::GpuDmabuf dmabuf;
    int device = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return false;
    pmx::Status status = pmx::gpu_dmabuf(device, memory.get(), n_bytes, dmabuf);
    if (!status.ok()) {
        found_out = status.detail();
        return status.code() == PMX_ERR_UNSUPPORTED && !found_out.empty() && dmabuf.fd == -1;
    }
    const off_t size = lseek(dmabuf.fd, 0, SEEK_END);
    found_out = "dma-buf of " + std::to_string(size) + " bytes, from " + std::to_string(dmabuf.offset);
    close(dmabuf.fd);
    return size >= static_cast<off_t>(dmabuf.offset + n_bytes) && dmabuf.n_bytes == n_bytes;
}
