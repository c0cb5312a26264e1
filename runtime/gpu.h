/* SPDX-License-Identifier: BSD-3-Clause */
/* gpu.h: the GPU of this rank, or what plays one: its part of the symmetric heap, and the memory that its kernels share
 * with the proxy. Calls are made by one thread at a time, but for those of the copy engines. */
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "command_queue.h"
#include "copy_engine.h"
#include "pmx_device.h"
#include "status.h"

namespace pmx {

enum class GpuChoice { off = 0, cuda = 1, soft = 2 }; /* the order of the choices of PMX_GPU */

/* Whether the network card writes and reads memory of the GPU by itself; the order of the choices of PMX_GPU_DIRECT. */
enum class GpuDirect { automatic = 0, on = 1, off = 2 };

/* What kernels are given. */
struct GpuView {
    pmx_device_ctx_t ctx{};
    std::shared_ptr<void> owner; /* of what ctx points at and the kernels alone read; outlives them */
};

struct GpuFacts {
    std::string kind; /* "cuda", "soft" */
    std::string name;
    std::string pci;     /* bus id; "" without one */
    std::string identity; /* the same for two ranks exactly when they use the same GPU */
    int device = -1;     /* of this process, -1 without one */
    bool shares = true;  /* kernels of several processes run at the same time */
};

/* A range of GPU memory as another driver knows it, such as that of a network card. The one who asked closes fd. */
struct GpuDmabuf {
    int fd = -1;
    uint64_t offset = 0; /* of the first byte in the object behind fd */
    uint64_t n_bytes = 0;
};

class Gpu {
  public:
    virtual ~Gpu() = default;

    virtual const GpuFacts& facts() const = 0;

    /* The part of the heap of this rank, zeroed. */
    virtual char* heap() const = 0;
    /* What a rank of this node needs to attach, and the memory behind the address() of one, as kernels of this rank
     * reach it until this object ends. PMX_ERR_SYSTEM: not reachable. */
    virtual std::vector<std::byte> address() const = 0;
    virtual Status attach(std::span<const std::byte> address, char*& base_out) = 0;

    /* Makes memory of this process memory that kernels reach by the same address, until this object ends: before the
     * memory does. */
    virtual Status share(void* base, size_t n_bytes) = 0;
    /* Zeroed memory of the host that kernels reach by the same address. */
    virtual Status shared_memory(size_t n_bytes, std::shared_ptr<void>& memory_out) = 0;
    /* For a queue whose producers are kernels. capacity: a power of two, 64 or more. */
    virtual Status queue_memory(uint64_t capacity, QueueMemory& memory_out) = 0;
    /* The view for kernels: host, with its tables where kernels read them fast. */
    virtual Status view(const pmx_device_ctx_t& host, GpuView& view_out) = 0;
    /* The heap, for a card that writes and reads it by itself. PMX_ERR_UNSUPPORTED: with the reason. */
    virtual Status dmabuf(GpuDmabuf& heap_out) const = 0;
    /* For the proxy thread. */
    virtual Status copy_engine(std::unique_ptr<CopyEngine>& engine_out) = 0;
};

/* The GPU that is current in the calling thread, with a heap of n_bytes. PMX_ERR_UNSUPPORTED: this build has no CUDA;
 * PMX_ERR_SYSTEM: there is no GPU; PMX_ERR_MEMORY: not that much memory. */
Status gpu_open_cuda(size_t n_bytes, std::unique_ptr<Gpu>& gpu_out);

/* Memory of the host that plays that of a GPU, and host blocks its kernels: the proxy reaches it by copies only. */
Status gpu_open_soft(size_t n_bytes, std::unique_ptr<Gpu>& gpu_out);

}  // namespace pmx
