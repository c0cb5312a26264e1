/* SPDX-License-Identifier: BSD-3-Clause */
/* config.h: a checked configuration and the numbers that follow from it. */
#pragma once

#include <cstddef>
#include <cstdint>

#include "pmx_moe.h"

namespace pmx::moe {

/* Same on all ranks. H, I, E, k as in pmx_moe.h. */
struct Shape {
    int n_ranks;
    int hidden;
    int intermediate;
    int experts;
    int top_k;
    int max_tokens;
    int tile_rows;
    int local_experts; /* E / n_ranks */
    bool bf16;
    pmx_moe_activation_t activation;
    bool gated; /* the activation has a gate matrix */
    pmx_moe_scores_t scores;
    bool renormalise;
    int groups; /* at least 1 */
    int groups_kept;
    float scale;
    bool weight_on_input;
    size_t row_bytes; /* one token */
    /* The most rows that one rank can send to another: a token goes to an expert once. */
    size_t region_rows;
    /* The most tiles those rows make, by the numbering of tile_slot in plan.h. */
    size_t region_tiles;

    size_t max_rows() const { return (size_t)max_tokens * (size_t)top_k; }
};

/* PMX_ERR_ARGUMENT with a line that names the value and the rule; shape_out is written on success. */
int check_config(const pmx_moe_config_t* config, int n_ranks, Shape* shape_out);

/* The weights of n experts: PMX_ERR_ARGUMENT when one that the layer needs is missing, but for the router, and for the
 * matrices when they come from elsewhere. weights_out: the fields that the caller knows, the others 0. */
int check_weights(const Shape& shape, const pmx_moe_weights_t* weights, int n, bool with_matrices,
                  pmx_moe_weights_t* weights_out);

}  // namespace pmx::moe
