/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/config.h"

#include <algorithm>
#include <climits>
#include <cmath>

#include "moe/error.h"
#include "moe/versions.h"

namespace pmx::moe {

namespace {

struct Rule {
    const char* name;
    long value;
    long least;
    long most;
    long multiple_of;
};

int check_rule(const Rule& rule)
{
    if (rule.value >= rule.least && rule.value <= rule.most && rule.value % rule.multiple_of == 0)
        return PMX_SUCCESS;
    if (rule.multiple_of == 1)
        return fail(PMX_ERR_ARGUMENT, "{} is {}: must be {} to {}", rule.name, rule.value, rule.least,
                    rule.most);
    return fail(PMX_ERR_ARGUMENT, "{} is {}: must be a multiple of {}, {} to {}", rule.name, rule.value,
                rule.multiple_of, rule.least, rule.most);
}

/* The choice of experts: groups, and what the weights are multiplied by. */
int check_router(const pmx_moe_config_t& config)
{
    if (config.groups > 1 && config.experts % config.groups != 0)
        return fail(PMX_ERR_ARGUMENT, "groups is {}: must divide the {} experts", config.groups,
                    config.experts);
    if (config.groups_kept < (config.groups ? 1 : 0) || config.groups_kept > config.groups)
        return fail(PMX_ERR_ARGUMENT, "groups_kept is {}: must be {}", config.groups_kept,
                    config.groups ? fmt::format("1 to groups, {}", config.groups) : "0 without groups");
    if (config.groups && config.top_k > config.groups_kept * (config.experts / config.groups))
        return fail(PMX_ERR_ARGUMENT, "top_k is {}: must be at most the {} experts of the groups kept",
                    config.top_k, config.groups_kept * (config.experts / config.groups));
    if (!(config.scale >= 0) || !std::isfinite(config.scale))
        return fail(PMX_ERR_ARGUMENT, "scale is {}: must be a number above 0, or 0 for 1", config.scale);
    return PMX_SUCCESS;
}

int check_places(const pmx_moe_config_t& config, int n_ranks)
{
    if (config.shared_intermediate)
        PMX_MOE_TRY(check_rule({"shared_intermediate", config.shared_intermediate, 16, 65536, 16}));
    if (!config.physical_experts && config.experts % n_ranks != 0)
        return fail(PMX_ERR_ARGUMENT,
                    "{} experts do not divide over {} ranks: experts must be a multiple of ranks",
                    config.experts, n_ranks);
    if (!config.physical_experts) return PMX_SUCCESS;
    PMX_MOE_TRY(check_rule({"physical_experts", config.physical_experts, config.experts, 8192, 1}));
    if (config.physical_experts % n_ranks != 0)
        return fail(PMX_ERR_ARGUMENT, "physical_experts is {}: must be a multiple of the {} ranks",
                    config.physical_experts, n_ranks);
    return PMX_SUCCESS;
}

Shape shape_of(const pmx_moe_config_t& config, int n_ranks)
{
    Shape s{};
    s.n_ranks = n_ranks;
    s.hidden = config.hidden;
    s.intermediate = config.intermediate;
    s.experts = config.experts;
    s.top_k = config.top_k;
    s.max_tokens = config.max_tokens;
    s.tile_rows = config.tile_rows ? config.tile_rows : 64;
    s.places = config.physical_experts ? config.physical_experts : s.experts;
    s.local_experts = s.places / n_ranks;
    s.shared_intermediate = config.shared_intermediate;
    s.capacity = config.capacity ? config.capacity : INT_MAX;
    s.drop_latest = config.drop == PMX_MOE_DROP_LATEST;
    s.bf16 = config.dtype == PMX_MOE_BF16;
    s.activation = config.activation;
    s.gated = config.activation <= PMX_MOE_GEGLU_TANH;
    s.scores = config.scores;
    s.renormalise = config.renormalise != 0;
    s.groups = std::max(config.groups, 1);
    s.groups_kept = std::max(config.groups_kept, 1);
    s.scale = config.scale > 0 ? config.scale : 1.0f;
    s.weight_on_input = config.weight_on_input != 0;
    s.row_bytes = (size_t)s.hidden * (s.bf16 ? 2 : 4);
    s.region_rows = std::min((size_t)s.max_tokens * (size_t)std::min(s.top_k, s.local_experts),
                             (size_t)s.capacity * (size_t)s.local_experts);
    s.region_tiles = s.region_rows / (size_t)s.tile_rows + (size_t)s.local_experts;
    return s;
}

}  // namespace

int check_config(const pmx_moe_config_t* given, int n_ranks, Shape* shape_out)
{
    if (!given) return fail(PMX_ERR_ARGUMENT, "config is NULL");
    pmx_moe_config_t config;
    PMX_MOE_TRY(read_struct("pmx_moe_config_t", given, kFirstConfigBytes, &config));
    const Rule rules[] = {
        {"ranks", n_ranks, 1, 4096, 1},
        {"hidden", config.hidden, 16, 65536, 16},
        {"intermediate", config.intermediate, 16, 65536, 16},
        {"experts", config.experts, 1, 4096, 1},
        {"top_k", config.top_k, 1, 64, 1},
        {"max_tokens", config.max_tokens, 1, 1048576, 1},
        {"dtype", (int)config.dtype, PMX_MOE_BF16, PMX_MOE_FP32, 1},
        {"renormalise", config.renormalise, 0, 1, 1},
        {"tile_rows", config.tile_rows, 0, 1024, 1},
        {"activation", (int)config.activation, PMX_MOE_SWIGLU, PMX_MOE_RELU, 1},
        {"scores", (int)config.scores, PMX_MOE_SOFTMAX, PMX_MOE_SQRT_SOFTPLUS, 1},
        {"groups", config.groups, 0, config.experts, 1},
        {"weight_on_input", config.weight_on_input, 0, 1, 1},
        {"capacity", config.capacity, 0, 1048576, 1},
        {"drop", (int)config.drop, PMX_MOE_DROP_LOWEST, PMX_MOE_DROP_LATEST, 1},
    };
    for (const Rule& rule : rules) PMX_MOE_TRY(check_rule(rule));
    if (config.n_blocks == 1 || config.n_blocks > 1024)
        return fail(PMX_ERR_ARGUMENT, "n_blocks is {}: must be 2 to 1024, or 0", config.n_blocks);
    PMX_MOE_TRY(check_places(config, n_ranks));
    if (config.top_k > config.experts)
        return fail(PMX_ERR_ARGUMENT, "top_k is {}: must be at most the {} experts", config.top_k,
                    config.experts);
    PMX_MOE_TRY(check_router(config));
    *shape_out = shape_of(config, n_ranks);
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
