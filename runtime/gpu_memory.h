/* SPDX-License-Identifier: BSD-3-Clause */
/* gpu_memory.h: the memory that kernels of a GPU share with the proxy: pinned memory of the host where the CPU reads,
 * memory of the GPU where kernels alone do, so that a kernel reads across PCIe only when it must. Needs the CUDA
 * runtime; all calls are for the current GPU. */
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "runtime/gpu.h"

namespace pmx {

/* The failure of a call of CUDA that was about n_bytes. */
Status gpu_check(cudaError_t err, const char* call, size_t n_bytes = 0);

/* Zeroed memory of the host that kernels reach by the same address. It lies on the NUMA node of the calling thread,
 * which is best the one of the proxy. PMX_ERR_UNSUPPORTED: this GPU knows host memory by other addresses. */
Status gpu_pinned_memory(size_t n_bytes, std::shared_ptr<void>& memory_out);

/* Zeroed memory of the GPU. */
Status gpu_local_memory(size_t n_bytes, std::shared_ptr<void>& memory_out);

/* For a queue whose producers are kernels: ring, consumed and completed in pinned memory; head and the copies of
 * consumed and completed in memory of the GPU. capacity: a power of two, 64 or more, since a warp reserves up to 64
 * slots at once. */
Status gpu_queue_memory(uint64_t capacity, QueueMemory& memory_out);

/* n_bytes of GPU memory from base on, both multiples of the page size of the host, as a dma-buf. PMX_ERR_UNSUPPORTED: the
 * driver of GPU `device` gives none; the reason is its answer. */
Status gpu_dmabuf(int device, void* base, size_t n_bytes, GpuDmabuf& dmabuf_out);

/* The view of a context for kernels: that of the CPU, with the tables of queues and of heaps in memory of the GPU. The
 * queues must be of gpu_queue_memory; the heaps and the fault words must be memory that kernels reach by the same
 * address, such as pinned memory. */
Status gpu_view(const pmx_device_ctx_t& host, GpuView& view_out);

}  // namespace pmx
