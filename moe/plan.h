/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.h: where each (token, choice) of this rank travels: a counting sort by expert, then token. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

/* The number, in its region, of a tile: no two tiles of a region share one, and sender and receiver
 * compute the same. first_row: of the expert in the region; block: of tile_rows rows from there. */
inline size_t tile_slot(const Shape& shape, size_t first_row, int local_expert, size_t block)
{
    return first_row / (size_t)shape.tile_rows + (size_t)local_expert + block;
}

struct Plan {
    explicit Plan(const Shape& shape);

    /* ids: [n_tokens, k], checked. Allocates nothing. */
    void make(const Shape& shape, const int32_t* ids, int n_tokens);

    /* Rows of the expert are [first_row[e], first_row[e + 1]) in dispatch_send. */
    size_t n_rows(int expert) const { return first_row[(size_t)expert + 1] - first_row[(size_t)expert]; }
    /* First row of the expert in the region of its rank. */
    size_t region_row(const Shape& shape, int expert) const
    {
        return first_row[(size_t)expert] - first_row[(size_t)(expert - expert % shape.local_experts)];
    }

    int n_tokens = 0;
    std::vector<uint32_t> first_row;  /* [E + 1] */
    std::vector<uint32_t> row_token;  /* [row] */
    std::vector<uint32_t> choice_row; /* [token * k + choice] the row */
};

/* PMX_ERR_ARGUMENT: an id is not in 0..E-1, or a token has one twice. */
int check_ids(const Shape& shape, const int32_t* ids, int n_tokens);

}  // namespace pmx::moe
