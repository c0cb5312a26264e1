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

/* matrix: NULL where the layer needs none; index: in the array of this name, below 0 where it is no array. */
int check_matrix(const char* name, int index, const void* matrix)
{
    if (!matrix) return PMX_SUCCESS;
    const std::string text = index < 0 ? name : fmt::format("{}[{}]", name, index);
    cudaPointerAttributes attributes{};
    PMX_MOE_TRY(pmx_cuda_report("cudaPointerGetAttributes", cudaPointerGetAttributes(&attributes, matrix)));
    if (attributes.type != cudaMemoryTypeDevice && attributes.type != cudaMemoryTypeManaged)
        return fail(PMX_ERR_ADDRESS, "{} is {}: must be memory of the GPU", text, matrix);
    if ((uintptr_t)matrix % 16 != 0)
        return fail(PMX_ERR_ADDRESS, "{} is {}: must be aligned to 16 bytes", text, matrix);
    return PMX_SUCCESS;
}

int check_matrices(const Shape& shape, const pmx_moe_weights_t& weights)
{
    for (int i = 0; i < shape.local_experts; i++) {
        if (shape.gated) PMX_MOE_TRY(check_matrix("gate", i, weights.gate[i]));
        PMX_MOE_TRY(check_matrix("up", i, weights.up[i]));
        PMX_MOE_TRY(check_matrix("down", i, weights.down[i]));
    }
    if (!shape.shared_intermediate) return PMX_SUCCESS;
    PMX_MOE_TRY(check_matrix("shared_gate", -1, weights.shared_gate));
    PMX_MOE_TRY(check_matrix("shared_up", -1, weights.shared_up));
    PMX_MOE_TRY(check_matrix("shared_down", -1, weights.shared_down));
    return check_matrix("shared_router", -1, weights.shared_router);
}

/* The matrices of one expert, or of one slice of the shared one. */
struct Matrices {
    const void* gate; /* [length, H]; NULL: there is none */
    const void* up;   /* [length, H] */
    const void* down; /* [H, length] of a matrix [H, down_columns] */
    uint64_t length;
    uint64_t down_columns;
};

/* up_first_out as in Layer. */
int make_expert_maps(const Shape& shape, const Matrices& of, CUtensorMap* gate_up_out, uint8_t* up_first_out,
                     CUtensorMap* down_out)
{
    const uint64_t hidden = (uint64_t)shape.hidden;
    *up_first_out = of.gate && of.up < of.gate;
    if (of.gate)
        PMX_MOE_TRY(make_map_in_turn(std::min(of.gate, of.up), std::max(of.gate, of.up), of.length, hidden, kGroupRows,
                                     kUnitRows / (2 * kGroupRows), gate_up_out));
    else
        PMX_MOE_TRY(make_map(of.up, of.length, hidden, hidden, kUnitRows, gate_up_out));
    return make_map(of.down, hidden, of.length, of.down_columns, kUnitRows, down_out);
}

/* Slice i of the shared expert. */
Matrices slice_of(const Shape& shape, const pmx_moe_weights_t& weights, int i)
{
    const size_t first = (size_t)i * (size_t)shape.intermediate, all = (size_t)shape.shared_intermediate;
    auto rows_from = [&](const void* matrix) { return (const char*)matrix + first * shape.row_bytes; };
    return {weights.shared_gate ? rows_from(weights.shared_gate) : nullptr, rows_from(weights.shared_up),
            (const char*)weights.shared_down + 2 * first, std::min(all - first, (size_t)shape.intermediate), all};
}

/* Of the local experts, then of the slices of the shared one. maps: gate with up, then down. */
int make_maps(const Shape& shape, const pmx_moe_weights_t& weights, std::vector<CUtensorMap>& maps,
              std::vector<uint8_t>& up_first)
{
    const size_t n = up_first.size(), n_local = (size_t)shape.local_experts;
    for (size_t e = 0; e < n; e++) {
        Matrices of;
        if (e >= n_local)
            of = slice_of(shape, weights, (int)(e - n_local));
        else if (weights.up[e] && weights.down[e]) /* else the place is empty */
            of = {shape.gated ? weights.gate[e] : nullptr, weights.up[e], weights.down[e], (uint64_t)shape.intermediate,
                  (uint64_t)shape.intermediate};
        else
            continue;
        PMX_MOE_TRY(make_expert_maps(shape, of, &maps[e], &up_first[e], &maps[n + e]));
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
    const int n_local = shape.local_experts, n = n_local + moe->layer.shared.n_slices;
    pmx_moe_weights_t set;
    ExpertMap map(shape);
    PMX_MOE_TRY(pmx::moe::read_placed_weights(shape, moe->layer.rank, weights, &set, &map));
    PMX_MOE_TRY(check_matrices(shape, set));
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
        std::vector<const float*> all(arrays[i], arrays[i] + n_local);
        all.resize((size_t)n, moe->zeros);
        PMX_MOE_TRY(put(moe->biases + i * n, (const float**)all.data(), (size_t)n));
        *places[i] = moe->biases + i * n;
    }
    moe->layer.biases = biases;
    moe->layer.gate_up = moe->maps;
    moe->layer.down = moe->maps + n;
    moe->layer.up_first = moe->up_first;
    moe->layer.shared.router = shape.shared_intermediate ? set.shared_router : nullptr;
    moe->has_weights = true;
    return PMX_SUCCESS;
}

}  // extern "C"
