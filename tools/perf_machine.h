/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_machine.h: what plays the kernels of pmx_perf. Codes of pmx, whose line is pmx_last_error_detail(). */
#pragma once

#include <memory>

#include "perf_bodies.h"

namespace pmx::tools {

class PerfMachine {
public:
    virtual ~PerfMachine() = default;
    /* What kernels are given for ctx. */
    virtual int view(pmx_ctx_t ctx, pmx_device_ctx_t* view_out) = 0;
    /* Zeroed memory near to the kernels; null: there is none. */
    virtual std::shared_ptr<void> near_memory(uint64_t n_bytes) = 0;
    /* Between any memory of the two. */
    virtual int copy(void* to, const void* from, uint64_t n_bytes) = 0;
    virtual int clear(void* memory, uint64_t n_bytes) = 0;
    /* A kernel with all blocks at the same time; returns when it has ended. */
    virtual int launch(const PerfTask& task, unsigned n_blocks) = 0;
};

/* Null: this build has no kernels of a GPU. */
std::unique_ptr<PerfMachine> perf_gpu_machine();
/* Host blocks of one thread. */
std::unique_ptr<PerfMachine> perf_soft_machine();

}  // namespace pmx::tools
