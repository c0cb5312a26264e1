/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.cc: whether all is there that the layer will read. */
#include <utility>

#include "moe/error.h"
#include "moe/expert_map.h"
#include "moe/versions.h"

namespace pmx::moe {

namespace {

int check_pointers(const char* name, const void* const* all, int n, const std::function<bool(int)>& needed)
{
    if (!all) return fail(PMX_ERR_ARGUMENT, "{} is NULL: must be an array of {} pointers", name, n);
    for (int i = 0; i < n; i++)
        if (!all[i] && needed(i)) return fail(PMX_ERR_ARGUMENT, "{}[{}] is NULL", name, i);
    return PMX_SUCCESS;
}

int check_shared(const Shape& shape, const pmx_moe_weights_t& w)
{
    if (!shape.shared_intermediate) return PMX_SUCCESS;
    if (shape.gated && !w.shared_gate)
        return fail(PMX_ERR_ARGUMENT, "shared_gate is NULL: the layer has a shared expert");
    if (!w.shared_up) return fail(PMX_ERR_ARGUMENT, "shared_up is NULL: the layer has a shared expert");
    if (!w.shared_down) return fail(PMX_ERR_ARGUMENT, "shared_down is NULL: the layer has a shared expert");
    return PMX_SUCCESS;
}

}  // namespace

int read_weights(const Shape& shape, const pmx_moe_weights_t* given, pmx_moe_weights_t* weights_out)
{
    pmx_moe_weights_t w;
    PMX_MOE_TRY(read_struct("pmx_moe_weights_t", given, kFirstWeightsBytes, &w));
    PMX_MOE_TRY(check_shared(shape, w));
    if (!shape.gated) {
        w.gate = nullptr;
        w.gate_bias = nullptr;
        w.shared_gate = nullptr;
    }
    *weights_out = w;
    return PMX_SUCCESS;
}

int check_biases(const pmx_moe_weights_t& w, int n, const std::function<bool(int)>& needed)
{
    const struct {
        const char* name;
        const float* const* all;
    } biases[] = {{"gate_bias", w.gate_bias}, {"up_bias", w.up_bias}, {"down_bias", w.down_bias}};
    for (const auto& bias : biases)
        if (bias.all) PMX_MOE_TRY(check_pointers(bias.name, (const void* const*)bias.all, n, needed));
    return PMX_SUCCESS;
}

int check_experts(const Shape& shape, const pmx_moe_weights_t& w, int n,
                  const std::function<bool(int)>& needed)
{
    if (shape.gated) PMX_MOE_TRY(check_pointers("gate", w.gate, n, needed));
    PMX_MOE_TRY(check_pointers("up", w.up, n, needed));
    PMX_MOE_TRY(check_pointers("down", w.down, n, needed));
    return check_biases(w, n, needed);
}

int read_placed_weights(const Shape& shape, int rank, const pmx_moe_weights_t* given, pmx_moe_weights_t* weights_out,
                        ExpertMap* map_out)
{
    pmx_moe_weights_t weights;
    ExpertMap map(shape);
    PMX_MOE_TRY(read_weights(shape, given, &weights));
    PMX_MOE_TRY(map.set(shape, weights.expert_map));
    const auto needed = [&](int i) { return map.used(rank * shape.local_experts + i); };
    PMX_MOE_TRY(check_experts(shape, weights, shape.local_experts, needed));
    *weights_out = weights;
    *map_out = std::move(map);
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
