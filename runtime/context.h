/* SPDX-License-Identifier: BSD-3-Clause */
/* context.h: what a pmx_ctx_t points to. */
#pragma once

#include <vector>

#include "engine.h"
#include "pmx_device.h"
#include "runtime/checked.h"
#include "runtime/gpu.h"

/* Made by the runtime; the same on all ranks, created and freed in the same order. */
struct pmx_ctx {
    pmx_ctx(int size, pmx_order_t order, int signals, uint16_t stream) : engine(size, order, signals, stream) {}

    pmx::EngineContext engine;
    std::vector<pmx_device_queue_t> queue_views;
    pmx_device_ctx_t device{};
    pmx::Checked* checked = nullptr; /* null: PMX_CHECK is off, or it is not for users, or there is no network path */

    /* The rest of a quiet, of one rank or of PMX_RANK_ANY, that came to err so far. */
    int complete_checked(int dst_rank, int err) const
    {
        if (!checked || (err && err != PMX_ERR_PEER_FAILED)) return err;
        int rest = checked->complete(device, dst_rank);
        return err ? err : rest;
    }

    /* What kernels of the GPU have of this context, with queues of their own. Null without a transport. */
    std::unique_ptr<pmx::EngineContext> kernel_engine;
    std::vector<pmx_device_queue_t> kernel_queue_views;
    pmx::GpuView kernel; /* its ctx has size_bytes 0 without a GPU */
};
