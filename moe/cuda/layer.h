/* SPDX-License-Identifier: BSD-3-Clause */
/* layer.h: the object behind pmx_moe_gpu_t. */
#pragma once

#include <cstdint>

#include "moe/contexts.h"
#include "moe/cuda/memory.h"
#include "moe/cuda/places.h"
#include "moe/cuda/state.h"
#include "pmx_moe_gpu.h"

struct pmx_moe_gpu {
    explicit pmx_moe_gpu(const pmx::moe::Shape& shape);
    ~pmx_moe_gpu();

    pmx::moe::gpu::Layer layer{};
    pmx::moe::gpu::Placing placing{};
    pmx::moe::gpu::DeviceMemory memory; /* of the arrays of layer and placing */
    CUtensorMap* maps = nullptr;        /* [2][L + slices] gate with up, down */
    uint8_t* up_first = nullptr;        /* [L + slices] */
    const float** biases = nullptr;     /* [3][L + slices] of gate, up, down */
    float* zeros = nullptr;             /* [the longer of H and I] biases of slices */
    pmx::moe::Contexts contexts;
    void* cells_sym = nullptr;
    void* values_sym = nullptr;
    int n_blocks = 0;
    bool has_weights = false;
    uint64_t forwards = 0; /* since the last reset of counters */
};

namespace pmx::moe::gpu {

/* There is a layer, and none of its calls has failed so far. */
int check_usable(const pmx_moe_gpu* moe);

}  // namespace pmx::moe::gpu
