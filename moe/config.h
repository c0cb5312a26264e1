/* SPDX-License-Identifier: BSD-3-Clause */
/* config.h: a checked configuration and the numbers that follow from it. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "pmx_moe.h"
#include "pmx_ptx.h"

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
    int places;        /* for experts, on all ranks: E unless some have copies */
    int local_experts; /* places of one rank */
    int shared_intermediate; /* 0: no shared expert */
    int capacity;            /* at least 1 */
    bool drop_latest;
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

    PMX_HOST_DEVICE size_t max_rows() const { return (size_t)max_tokens * (size_t)top_k; }
};

/* PMX_ERR_ARGUMENT with a line that names the value and the rule; shape_out is written on success. */
int check_config(const pmx_moe_config_t* config, int n_ranks, Shape* shape_out);

/* weights_out: the fields that the caller knows, the others 0, as are those that the layer has no use for.
 * PMX_ERR_ARGUMENT: the shared expert is missing. */
int read_weights(const Shape& shape, const pmx_moe_weights_t* weights, pmx_moe_weights_t* weights_out);
/* PMX_ERR_ARGUMENT when a matrix of the n experts is missing, or a bias while other experts have it. Only those for
 * which needed(index) holds need any. */
int check_experts(const Shape& shape, const pmx_moe_weights_t& weights, int n, const std::function<bool(int)>& needed);
/* The part of check_experts for the biases alone. */
int check_biases(const pmx_moe_weights_t& weights, int n, const std::function<bool(int)>& needed);

}  // namespace pmx::moe
