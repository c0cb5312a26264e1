/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.h: where each (token, choice) of this rank travels: a counting sort by the place of the expert, then token. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "moe/capacity.h"
#include "moe/config.h"
#include "moe/expert_map.h"
#include "pmx_ptx.h"

namespace pmx::moe {

/* The number, in its region, of a tile: no two tiles of a region share one, and sender and receiver
 * compute the same. first_row: of the expert in the region; block: of tile_rows rows from there. */
PMX_HOST_DEVICE inline size_t tile_slot(const Shape& shape, size_t first_row, int local_expert, size_t block)
{
    return first_row / (size_t)shape.tile_rows + (size_t)local_expert + block;
}

/* In place of a row: a choice that is masked or dropped, for which nothing is sent. */
inline constexpr uint32_t kNoRow = UINT32_MAX;

/* Of one call of one rank. */
struct Routing {
    const int32_t* ids;   /* [n_tokens, k], checked; -1 gets no row */
    const float* weights; /* [n_tokens, k] */
    int n_tokens;
};

/* Tiles of about the same size, a multiple of 16 rows, instead of full ones and a rest; as many as full ones, so that
 * tile_slot numbers them, too. */
PMX_HOST_DEVICE inline size_t n_even_tiles(size_t n_rows, size_t most_rows) { return (n_rows + most_rows - 1) / most_rows; }
PMX_HOST_DEVICE inline size_t even_tile_rows(size_t n_rows, size_t most_rows)
{
    const size_t n_tiles = n_even_tiles(n_rows, most_rows);
    if (n_tiles == 0) return most_rows;
    const size_t even = ((n_rows + n_tiles - 1) / n_tiles + 15) / 16 * 16;
    /* Rounding up must leave some rows for the last tile. */
    return even * (n_tiles - 1) < n_rows ? even : most_rows;
}

struct Plan {
    explicit Plan(const Shape& shape);

    /* Allocates nothing. */
    void make(const Shape& shape, const ExpertMap& map, int rank, const Routing& routing);

    /* The rows of all places; of one: [first_row[p], first_row[p + 1]) in dispatch_send. */
    size_t n_rows() const { return first_row.back(); }
    size_t n_rows(int place) const { return first_row[(size_t)place + 1] - first_row[(size_t)place]; }
    /* First row of the place in the region of its rank. */
    size_t region_row(const Shape& shape, int place) const
    {
        return first_row[(size_t)place] - first_row[(size_t)(place - place % shape.local_experts)];
    }

    int n_tokens = 0;
    uint64_t n_dropped = 0;
    Capacity capacity;
    std::vector<uint32_t> first_row;  /* [places + 1] */
    std::vector<uint32_t> row_choice; /* [row] token * k + choice */
    std::vector<uint32_t> choice_row; /* [token * k + choice] the row, or kNoRow */
    std::vector<int32_t> choice_place; /* [token * k + choice] the place, or -1 */
};

/* PMX_ERR_ARGUMENT: an id is not in -1..E-1, or a token has an expert twice. */
int check_ids(const Shape& shape, const int32_t* ids, int n_tokens);

}  // namespace pmx::moe
