/* SPDX-License-Identifier: BSD-3-Clause */
/* heap_map.h: from the heap offset of a command to memory of this rank. The heap of host memory and that of GPU memory
 * share one range of offsets, alike on all ranks. Immutable; any thread. */
#pragma once

#include <cstdint>

#include "pmx_command.h"

namespace pmx {

struct HeapMap {
    char* host_base = nullptr;
    uint64_t host_bytes = 0;
    char* gpu_base = nullptr; /* an address of this process that only copies and kernels may use; null without one */
    uint64_t gpu_bytes = 0;

    static bool is_gpu(uint64_t off) { return off >= PMX_CMD_GPU_HEAP; }

    /* Whether n_bytes from off on lie in one of the two heaps. */
    bool holds(uint64_t off, uint64_t n_bytes) const
    {
        return is_gpu(off) ? within(off - PMX_CMD_GPU_HEAP, n_bytes, gpu_bytes) : within(off, n_bytes, host_bytes);
    }
    /* off: one that holds() accepts. */
    char* at(uint64_t off) const { return is_gpu(off) ? gpu_base + (off - PMX_CMD_GPU_HEAP) : host_base + off; }
    bool in_gpu(const void* p, uint64_t n_bytes) const
    {
        return within(static_cast<uint64_t>(static_cast<const char*>(p) - gpu_base), n_bytes, gpu_bytes);
    }

  private:
    static bool within(uint64_t off, uint64_t n_bytes, uint64_t all) { return off <= all && n_bytes <= all - off; }
};

}  // namespace pmx
