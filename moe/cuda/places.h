/* SPDX-License-Identifier: BSD-3-Clause */
/* places.h: in which place each choice of a call finds its expert, when that is not the place of the same number: by the
 * expert map, and after what the capacity drops. The rules are those of expert_map.h and capacity.h. */
#pragma once

#include <cuda_runtime.h>

#include "moe/config.h"
#include "moe/cuda/memory.h"

namespace pmx::moe::gpu {

/* Arrays of GPU memory; those for a capacity are NULL without one. */
struct Placing {
    bool mapped; /* there is an expert map; else expert e is in place e */
    uint32_t* first;   /* [E + 1] as in place_of of expert_map.h */
    int32_t* places;   /* [N] */
    int32_t* choice_place; /* [token * k + choice] or -1: no row */
    uint64_t* keys[2];     /* [choice] by which choices are sorted, before and after */
    uint32_t* choices[2];  /* [choice] */
    char* sort;            /* [n_sort_bytes] of the sorting itself */
    size_t n_sort_bytes;
    unsigned long long* n_dropped; /* [1] rows, since the host has cleared it. Writer: place_sorted */
};

/* Wants the arrays from memory. Asks the GPU how sorting is done there, when there is a capacity. */
cudaError_t want_placing(const Shape& shape, DeviceMemory& memory, Placing* placing_out);

/* ids, weights: [n_tokens, k] as given to the layer. *places_out: the places, [n_tokens, k]; ids where those are the same. */
cudaError_t launch_placing(const Shape& shape, const Placing& placing, int rank, const int32_t* ids, const float* weights,
                           int n_tokens, const int32_t** places_out, cudaStream_t stream);

}  // namespace pmx::moe::gpu
