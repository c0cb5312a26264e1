/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.h: launches of the kernel of the layer. */
#pragma once

#include "moe/cuda/state.h"
#include "pmx_cuda.h"

namespace pmx::moe::gpu {

inline constexpr int kLeastBlocks = 2 * kPair; /* a pair that schedules and a pair that works */

/* How many blocks run at the same time; makes the kernel ready to be launched. */
int fit_forward(int* n_blocks_out);
/* n_blocks: kLeastBlocks .. what fits, an even number. Behind launch_plan in the same stream. */
int launch_forward(const Layer& layer, const Call& call, int n_blocks, cudaStream_t stream);

}  // namespace pmx::moe::gpu
