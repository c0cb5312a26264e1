/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/config.h"

#include <algorithm>

#include "moe/error.h"

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
        return fail(PMX_ERR_ARGUMENT, "{} is {}: must be {} to {}", rule.name, rule.value, rule.least, rule.most);
    return fail(PMX_ERR_ARGUMENT, "{} is {}: must be a multiple of {}, {} to {}", rule.name, rule.value,
                rule.multiple_of, rule.least, rule.most);
}

}  // namespace

int check_config(const pmx_moe_config_t* config, int n_ranks, Shape* shape_out)
{
    if (!config) return fail(PMX_ERR_ARGUMENT, "config is NULL");
    if (config->size_bytes < sizeof *config)
        return fail(PMX_ERR_ARGUMENT, "size_bytes of pmx_moe_config_t is {}: must be {}", config->size_bytes,
                    sizeof *config);
    const Rule rules[] = {
        {"ranks", n_ranks, 1, 4096, 1},
        {"hidden", config->hidden, 16, 65536, 16},
        {"intermediate", config->intermediate, 16, 65536, 16},
        {"experts", config->experts, 1, 4096, 1},
        {"top_k", config->top_k, 1, 64, 1},
        {"max_tokens", config->max_tokens, 1, 1048576, 1},
        {"dtype", config->dtype, PMX_MOE_BF16, PMX_MOE_FP32, 1},
        {"renormalise", config->renormalise, 0, 1, 1},
        {"tile_rows", config->tile_rows, 0, 1024, 1},
    };
    for (const Rule& rule : rules)
        if (int err = check_rule(rule)) return err;
    if (config->n_blocks == 1 || config->n_blocks > 1024)
        return fail(PMX_ERR_ARGUMENT, "n_blocks is {}: must be 2 to 1024, or 0", config->n_blocks);
    if (config->experts % n_ranks != 0)
        return fail(PMX_ERR_ARGUMENT, "{} experts do not divide over {} ranks: experts must be a multiple of ranks",
                    config->experts, n_ranks);
    if (config->top_k > config->experts)
        return fail(PMX_ERR_ARGUMENT, "top_k is {}: must be at most the {} experts", config->top_k, config->experts);

    Shape s{};
    s.n_ranks = n_ranks;
    s.hidden = config->hidden;
    s.intermediate = config->intermediate;
    s.experts = config->experts;
    s.top_k = config->top_k;
    s.max_tokens = config->max_tokens;
    s.tile_rows = config->tile_rows ? config->tile_rows : 64;
    s.local_experts = s.experts / n_ranks;
    s.bf16 = config->dtype == PMX_MOE_BF16;
    s.renormalise = config->renormalise != 0;
    s.row_bytes = (size_t)s.hidden * (s.bf16 ? 2 : 4);
    s.region_rows = (size_t)s.max_tokens * (size_t)std::min(s.top_k, s.local_experts);
    s.region_tiles = s.region_rows / (size_t)s.tile_rows + (size_t)s.local_experts;
    *shape_out = s;
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
