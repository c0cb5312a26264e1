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
    bool renormalise;
    size_t row_bytes; /* one token */
    /* The most rows that one rank can send to another: a token goes to an expert once. */
    size_t region_rows;
    /* The most tiles those rows make, by the numbering of tile_slot in plan.h. */
    size_t region_tiles;

    size_t max_rows() const { return (size_t)max_tokens * (size_t)top_k; }
};

/* PMX_ERR_ARGUMENT with a line that names the value and the rule; shape_out is written on success. */
int check_config(const pmx_moe_config_t* config, int n_ranks, Shape* shape_out);

}  // namespace pmx::moe
