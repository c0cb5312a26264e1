/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/gpu_memory.h"

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstring>

namespace pmx {

namespace {

/* Words of different writers do not share a line. */
constexpr size_t kLine = 128;

/* A stream of its own: what kernels of the program do on others is not waited for. */
class Stream {
  public:
    ~Stream()
    {
        if (stream_) cudaStreamDestroy(stream_);
    }
    Status make() { return gpu_check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate", 0); }
    Status zero(void* p, size_t n_bytes)
    {
        PMX_TRY(gpu_check(cudaMemsetAsync(p, 0, n_bytes, stream_), "cudaMemsetAsync", n_bytes));
        return gpu_check(cudaStreamSynchronize(stream_), "cudaMemsetAsync", n_bytes);
    }
    Status copy(void* to, const void* from, size_t n_bytes)
    {
        PMX_TRY(gpu_check(cudaMemcpyAsync(to, from, n_bytes, cudaMemcpyDefault, stream_), "cudaMemcpyAsync", n_bytes));
        return gpu_check(cudaStreamSynchronize(stream_), "cudaMemcpyAsync", n_bytes);
    }

  private:
    cudaStream_t stream_ = nullptr;
};

}  // namespace

Status gpu_check(cudaError_t err, const char* call, size_t n_bytes)
{
    if (err == cudaSuccess) return {};
    (void)cudaGetLastError(); /* else the program would meet it at its next launch */
    pmx_err_t code = err == cudaErrorMemoryAllocation ? PMX_ERR_MEMORY : PMX_ERR_SYSTEM;
    return fail(code, "{} of {} bytes: {}", call, n_bytes, cudaGetErrorString(err));
}

Status gpu_pinned_memory(size_t n_bytes, std::shared_ptr<void>& memory_out)
{
    void *host = nullptr, *seen_by_gpu = nullptr;
    PMX_TRY(gpu_check(cudaHostAlloc(&host, n_bytes, cudaHostAllocMapped | cudaHostAllocPortable), "cudaHostAlloc", n_bytes));
    std::shared_ptr<void> memory(host, [](void* p) { cudaFreeHost(p); });
    PMX_TRY(gpu_check(cudaHostGetDevicePointer(&seen_by_gpu, host, 0), "cudaHostGetDevicePointer", n_bytes));
    if (seen_by_gpu != host)
        return fail(PMX_ERR_UNSUPPORTED, "the GPU knows the host memory at {} as {}", host, seen_by_gpu);
    std::memset(host, 0, n_bytes);
    memory_out = std::move(memory);
    return {};
}

Status gpu_local_memory(size_t n_bytes, std::shared_ptr<void>& memory_out)
{
    void* p = nullptr;
    PMX_TRY(gpu_check(cudaMalloc(&p, n_bytes), "cudaMalloc", n_bytes));
    std::shared_ptr<void> memory(p, [](void* q) { cudaFree(q); });
    Stream stream;
    PMX_TRY(stream.make());
    PMX_TRY(stream.zero(p, n_bytes));
    memory_out = std::move(memory);
    return {};
}

Status gpu_queue_memory(uint64_t capacity, QueueMemory& memory_out)
{
    if (capacity < 64 || (capacity & (capacity - 1)) != 0)
        return fail(PMX_ERR_ARGUMENT, "queue of a GPU: capacity is {}, must be a power of two, at least 64", capacity);
    struct Parts {
        std::shared_ptr<void> pinned, local;
    };
    auto parts = std::make_shared<Parts>();
    size_t ring_bytes = (capacity * sizeof(pmx_command_t) + kLine - 1) & ~(kLine - 1);
    PMX_TRY(gpu_pinned_memory(ring_bytes + 2 * kLine, parts->pinned));
    PMX_TRY(gpu_local_memory(3 * kLine, parts->local));
    char *pinned = static_cast<char*>(parts->pinned.get()), *local = static_cast<char*>(parts->local.get());

    QueueMemory memory;
    memory.capacity = capacity;
    memory.entries = reinterpret_cast<pmx_command_t*>(pinned);
    memory.consumed = reinterpret_cast<uint64_t*>(pinned + ring_bytes);
    memory.completed = reinterpret_cast<uint64_t*>(pinned + ring_bytes + kLine);
    memory.head = reinterpret_cast<uint64_t*>(local);
    memory.consumed_seen = reinterpret_cast<uint64_t*>(local + kLine);
    memory.completed_seen = reinterpret_cast<uint64_t*>(local + 2 * kLine);
    memory.owner = std::move(parts);
    memory_out = std::move(memory);
    return {};
}

Status gpu_dmabuf(int device, void* base, size_t n_bytes, GpuDmabuf& dmabuf_out)
{
    /* The library links the CUDA runtime alone: calls of the driver are asked for by name. */
    const auto driver_call = [](const char* name) {
        void* call = nullptr;
        cudaDriverEntryPointQueryResult found;
        if (cudaGetDriverEntryPointByVersion(name, &call, 12000, cudaEnableDefault, &found) == cudaSuccess &&
            found == cudaDriverEntryPointSuccess)
            return call;
        (void)cudaGetLastError();
        return static_cast<void*>(nullptr);
    };
    const auto attribute = reinterpret_cast<decltype(&cuDeviceGetAttribute)>(driver_call("cuDeviceGetAttribute"));
    const auto handle = reinterpret_cast<decltype(&cuMemGetHandleForAddressRange)>(driver_call("cuMemGetHandleForAddressRange"));
    int supported = 0;
    if (!attribute || !handle) return fail(PMX_ERR_UNSUPPORTED, "dma-buf of GPU memory: the driver of CUDA has no call for it");
    if (attribute(&supported, CU_DEVICE_ATTRIBUTE_DMA_BUF_SUPPORTED, device) != CUDA_SUCCESS || !supported)
        return fail(PMX_ERR_UNSUPPORTED, "dma-buf of GPU memory: GPU {} says that it has none", device);
    int fd = -1;
    const CUresult err =
        handle(&fd, reinterpret_cast<CUdeviceptr>(base), n_bytes, CU_MEM_RANGE_HANDLE_TYPE_DMA_BUF_FD, 0);
    if (err != CUDA_SUCCESS)
        return fail(PMX_ERR_UNSUPPORTED, "dma-buf of {} bytes of GPU memory: cuMemGetHandleForAddressRange gave {}", n_bytes,
                    static_cast<int>(err));
    dmabuf_out = {fd, 0, n_bytes};
    return {};
}

Status gpu_view(const pmx_device_ctx_t& host, GpuView& view_out)
{
    size_t queue_bytes = host.n_queues * sizeof(pmx_device_queue_t), base_bytes = host.size * sizeof(char*);
    GpuView view;
    PMX_TRY(gpu_local_memory(queue_bytes + 2 * base_bytes, view.owner));
    char* start = static_cast<char*>(view.owner.get());
    Stream stream;
    PMX_TRY(stream.make());
    PMX_TRY(stream.copy(start, host.queues, queue_bytes));
    PMX_TRY(stream.copy(start + queue_bytes, host.peer_base, base_bytes));
    if (host.gpu_bytes != 0) PMX_TRY(stream.copy(start + queue_bytes + base_bytes, host.gpu_peer_base, base_bytes));
    view.ctx = host;
    for (unsigned i = 0; i < host.n_queues && i < PMX_DEVICE_NEAR_QUEUES; i++) view.ctx.near_queues[i] = host.queues[i];
    for (int rank = 0; rank < host.size && rank < PMX_DEVICE_NEAR_RANKS; rank++) {
        view.ctx.near_peer_base[rank] = host.peer_base[rank];
        if (host.gpu_bytes != 0) view.ctx.near_gpu_peer_base[rank] = host.gpu_peer_base[rank];
    }
    view.ctx.queues = reinterpret_cast<const pmx_device_queue_t*>(start);
    view.ctx.peer_base = reinterpret_cast<char* const*>(start + queue_bytes);
    if (host.gpu_bytes != 0)
        view.ctx.gpu_peer_base = reinterpret_cast<char* const*>(start + queue_bytes + base_bytes);
    view_out = std::move(view);
    return {};
}

}  // namespace pmx
