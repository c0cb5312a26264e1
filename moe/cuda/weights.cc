/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.cc: gives a layer its weights: descriptions of the matrices, pointers to the biases, and the expert map. */
#include <algorithm>
#include <vector>

#include "moe/cuda/layer.h"
#include "moe/cuda/maps.h"
#include "moe/error.h"
#include "moe/expert_map.h"

using pmx::moe::ExpertMap;
using pmx::moe::fail;
using pmx::moe::Shape;
using namespace pmx::moe::gpu;

namespace pmx::moe::gpu {

namespace {

int check_matrices(const char* name, const void* const* matrices, int n)
{
    for (int i = 0; i < n; i++) {
        if (!matrices[i]) continue; /* an empty place */
        cudaPointerAttributes attributes{};
        PMX_MOE_TRY(pmx_cuda_report("cudaPointerGetAttributes", cudaPointerGetAttributes(&attributes, matrices[i])));
        if (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged)
            return fail(PMX_ERR_ADDRESS, "{}[{}] is {}: must be memory of the GPU", name, i, matrices[i]);
        if ((uintptr_t)matrices[i] % 16 != 0)
            return fail(PMX_ERR_ADDRESS, "{}[{}] is {}: must be aligned to 16 bytes", name, i, matrices[i]);
    }
    return PMX_SUCCESS;
}

/* The maps of the local experts, gate with up and then down; up_first as in Layer. */
int make_maps(const Shape& shape, const pmx_moe_weights_t& weights, std::vector<CUtensorMap>& maps,
              std::vector<uint8_t>& up_first)
{
    const size_t n = (size_t)shape.local_experts;
    const uint64_t hidden = (uint64_t)shape.hidden, intermediate = (uint64_t)shape.intermediate;
    for (size_t e = 0; e < n; e++) {
        const void *gate = weights.gate[e], *up = weights.up[e];
        if (!gate || !up || !weights.down[e]) continue; /* an empty place */
        up_first[e] = up < gate;
        PMX_MOE_TRY(make_map_in_turn(std::min(gate, up), std::max(gate, up), intermediate, hidden, kGroupRows,
                                     kUnitRows / (2 * kGroupRows), &maps[e]));
        PMX_MOE_TRY(make_map(weights.down[e], hidden, intermediate, kUnitRows, &maps[n + e]));
    }
    return PMX_SUCCESS;
}

template <typename T>
int put(T* to, const T* from, size_t n)
{
    return pmx_cuda_report("cudaMemcpy", cudaMemcpy(to, from, n * sizeof(T), cudaMemcpyHostToDevice));
}

}  // namespace

}  // namespace pmx::moe::gpu

extern "C" {

int pmx_moe_gpu_set_weights(pmx_moe_gpu_t moe, const pmx_moe_weights_t* weights)
{
    PMX_MOE_TRY(check_usable(moe));
    if (!weights) return fail(PMX_ERR_ARGUMENT, "weights is NULL");
    const Shape& shape = moe->layer.shape;
    const int n = shape.local_experts;
    pmx_moe_weights_t set;
    ExpertMap map(shape);
    PMX_MOE_TRY(pmx::moe::read_placed_weights(shape, moe->layer.rank, weights, &set, &map));
    PMX_MOE_TRY(check_matrices("gate", set.gate, n));
    PMX_MOE_TRY(check_matrices("up", set.up, n));
    PMX_MOE_TRY(check_matrices("down", set.down, n));
    std::vector<CUtensorMap> maps(2 * (size_t)n);
    std::vector<uint8_t> up_first((size_t)n);
    PMX_MOE_TRY(make_maps(shape, set, maps, up_first));
    PMX_MOE_TRY(put(moe->maps, maps.data(), maps.size()));
    PMX_MOE_TRY(put(moe->up_first, up_first.data(), up_first.size()));
    PMX_MOE_TRY(put(moe->placing.first, map.first().data(), map.first().size()));
    PMX_MOE_TRY(put(moe->placing.places, map.places().data(), map.places().size()));
    moe->placing.mapped = set.expert_map != nullptr;
    Biases biases{};
    const float* const** places[] = {&biases.gate, &biases.up, &biases.down};
    const float* const* arrays[] = {set.gate_bias, set.up_bias, set.down_bias};
    for (int i = 0; i < 3; i++) {
        if (!arrays[i]) continue;
        PMX_MOE_TRY(put(moe->biases + i * n, arrays[i], (size_t)n));
        *places[i] = moe->biases + i * n;
    }
    moe->layer.biases = biases;
    moe->layer.gate_up = moe->maps;
    moe->layer.down = moe->maps + n;
    moe->layer.up_first = moe->up_first;
    moe->has_weights = true;
    return PMX_SUCCESS;
}

}  // extern "C"
