/* SPDX-License-Identifier: BSD-3-Clause */
/* experts.cc: a tile: rows -> expert -> back to the rank they came from. */
#include "moe/bf16.h"
#include "moe/kernel.h"

namespace pmx::moe {

namespace {

void load_rows(const Kernel& kernel, const Tile* tiles, unsigned n_tiles, float* rows)
{
    const size_t hidden = (size_t)kernel.shape.hidden;
    for (unsigned i = 0; i < n_tiles; i++) {
        load_floats(rows, kernel.cells.dispatch_recv(tiles[i].src, tiles[i].first_row),
                    tiles[i].n_rows * hidden, kernel.shape.bf16);
        rows += tiles[i].n_rows * hidden;
    }
}

void send_results(Kernel& kernel, const Tile* tiles, unsigned n_tiles, const float* rows)
{
    const size_t hidden = (size_t)kernel.shape.hidden;
    for (unsigned i = 0; i < n_tiles; i++) {
        const Tile& tile = tiles[i];
        char* out = kernel.cells.expert_out(tile.src, tile.first_row);
        store_floats(out, rows, tile.n_rows * hidden, kernel.shape.bf16);
        rows += tile.n_rows * hidden;
        int err = put_signal(
            pmx::block, kernel.combine, kernel.cells.combine_recv(kernel.rank, tile.first_row), out,
            tile.n_rows * kernel.shape.row_bytes, kernel.cells.combine_signal(kernel.rank, tile.slot),
            kernel.call, PMX_SIGNAL_SET, tile.src);
        if (err) kernel.report(err);
    }
}

}  // namespace

Scratch::Scratch(const Shape& shape)
    : mlp(shape),
      sum((size_t)shape.hidden),
      tiles((size_t)shape.tile_rows),
      shared_gates(shape.shared_intermediate ? (size_t)shape.tile_rows : 0)
{
}

bool run_tiles(Kernel& kernel, Scratch& s)
{
    const Tile* tiles = s.tiles.data();
    const unsigned n_tiles = kernel.tasks.take_tiles(s.tiles.data());
    if (n_tiles == 0) return false;
    load_rows(kernel, tiles, n_tiles, s.mlp.rows.data());
    size_t n_rows = 0;
    for (unsigned i = 0; i < n_tiles; i++) n_rows += tiles[i].n_rows;
    run_mlp(kernel.shape, kernel.experts.of((size_t)tiles[0].local_expert), kernel.shape.intermediate, n_rows,
            s.mlp);
    send_results(kernel, tiles, n_tiles, s.mlp.rows.data());
    detail::fetch_add_release(&kernel.tiles_done, n_tiles);
    return true;
}

}  // namespace pmx::moe
