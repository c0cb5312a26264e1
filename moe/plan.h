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

/* In place of a row: a masked choice, for which nothing is sent. */
inline constexpr uint32_t kNoRow = UINT32_MAX;

struct Plan {
    explicit Plan(const Shape& shape);

    /* ids: [n_tokens, k], checked; -1 gets no row. Allocates nothing. */
    void make(const Shape& shape, const int32_t* ids, int n_tokens);

    /* The rows of all experts; of one: [first_row[e], first_row[e + 1]) in dispatch_send. */
    size_t n_rows() const { return first_row.back(); }
    size_t n_rows(int expert) const { return first_row[(size_t)expert + 1] - first_row[(size_t)expert]; }
    /* First row of the expert in the region of its rank. */
    size_t region_row(const Shape& shape, int expert) const
    {
        return first_row[(size_t)expert] - first_row[(size_t)(expert - expert % shape.local_experts)];
    }

    int n_tokens = 0;
    std::vector<uint32_t> first_row;  /* [E + 1] */
    std::vector<uint32_t> row_choice; /* [row] token * k + choice */
    std::vector<uint32_t> choice_row; /* [token * k + choice] the row, or kNoRow */
};

/* PMX_ERR_ARGUMENT: an id is not in -1..E-1, or a token has an expert twice. */
int check_ids(const Shape& shape, const int32_t* ids, int n_tokens);

}  // namespace pmx::moe
