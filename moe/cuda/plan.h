/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.h: what comes before the kernel in the stream. */
#pragma once

#include <cuda_runtime.h>

#include "moe/cuda/state.h"

namespace pmx::moe::gpu {

/* What shared memory has room for while choices are sorted. */
inline constexpr int kMostPlaces = 1024;

/* Rows of Plan::counts. */
int most_chunks(const Shape& shape);

/* Clears Work and the queues, fills Plan and the groups, and begins the next call. */
cudaError_t launch_plan(const Layer& layer, const Call& call, cudaStream_t stream);

}  // namespace pmx::moe::gpu
