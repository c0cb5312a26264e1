/* SPDX-License-Identifier: BSD-3-Clause */
/* experts.cc: a tile: rows -> down (silu(gate row) * (up row)) -> back to the rank they came from.
 * Sums are fp32 through OpenBLAS. A weight matrix is read in panels of rows that stay in the L2 cache
 * while they are turned to fp32 and used by all tiles of the task. A BLAS picks its kernel by the number of
 * rows, and each kernel rounds in its own way; so products always have kBlockRows rows, the last one padded,
 * and the bits of a row hang neither on its tile nor on how the tokens are divided over the ranks. */
#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "moe/bf16.h"
#include "moe/kernel.h"

namespace pmx::moe {

namespace {

constexpr size_t kPanelBytes = 256 * 1024;

constexpr size_t kBlockRows = 8;

size_t padded(size_t n_rows) { return (n_rows + kBlockRows - 1) / kBlockRows * kBlockRows; }

/* At least 16 rows: fewer leave the inner loops of the product empty. */
int panel_rows(int n_in) { return (int)std::max<size_t>(16, kPanelBytes / ((size_t)n_in * sizeof(float))); }

/* out [n_rows, n_out] = in [n_rows, n_in] * transposed matrix [n_out, n_in]; both have room for padded(n_rows),
 * and what the rows of the padding hold is of no interest. */
void multiply(const Shape& shape, size_t n_rows, const void* matrix, int n_out, int n_in, const float* in, float* out,
              float* panel)
{
    const size_t elem_bytes = shape.bf16 ? 2 : 4;
    for (int first = 0; first < n_out; first += panel_rows(n_in)) {
        const int n = std::min(panel_rows(n_in), n_out - first);
        const char* part = (const char*)matrix + (size_t)first * (size_t)n_in * elem_bytes;
        const float* weights = (const float*)part;
        if (shape.bf16) {
            bf16_to_floats(panel, (const uint16_t*)part, (size_t)n * (size_t)n_in);
            weights = panel;
        }
        for (size_t row = 0; row < n_rows; row += kBlockRows)
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)kBlockRows, n, n_in, 1.0f,
                        in + row * (size_t)n_in, n_in, weights, n_in, 0.0f, out + row * (size_t)n_out + first, n_out);
    }
}

void load_rows(const Kernel& kernel, const Tile* tiles, unsigned n_tiles, float* rows)
{
    const size_t hidden = (size_t)kernel.shape.hidden;
    for (unsigned i = 0; i < n_tiles; i++) {
        load_floats(rows, kernel.cells.dispatch_recv(tiles[i].src, tiles[i].first_row), tiles[i].n_rows * hidden,
                    kernel.shape.bf16);
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
        int err = put_signal(pmx::block, kernel.combine, kernel.cells.combine_recv(kernel.rank, tile.first_row), out,
                             tile.n_rows * kernel.shape.row_bytes,
                             kernel.cells.combine_signal(kernel.rank, tile.slot), kernel.call, PMX_SIGNAL_SET,
                             tile.src);
        if (err) kernel.report(err);
    }
}

}  // namespace

Scratch::Scratch(const Shape& shape)
    : rows(padded((size_t)shape.tile_rows) * (size_t)shape.hidden),
      gate(padded((size_t)shape.tile_rows) * (size_t)shape.intermediate),
      up(padded((size_t)shape.tile_rows) * (size_t)shape.intermediate),
      sum((size_t)shape.hidden),
      tiles((size_t)shape.tile_rows)
{
    if (!shape.bf16) return;
    for (int n_in : {shape.hidden, shape.intermediate})
        panel.resize(std::max(panel.size(), (size_t)panel_rows(n_in) * (size_t)n_in));
}

bool run_tiles(Kernel& kernel, Scratch& s)
{
    const Shape& shape = kernel.shape;
    const Tile* tiles = s.tiles.data();
    const unsigned n_tiles = kernel.tasks.take_tiles(s.tiles.data());
    if (n_tiles == 0) return false;
    const size_t expert = (size_t)tiles[0].local_expert;
    load_rows(kernel, tiles, n_tiles, s.rows.data());
    size_t n_rows = 0;
    for (unsigned i = 0; i < n_tiles; i++) n_rows += tiles[i].n_rows;
    multiply(shape, n_rows, kernel.experts.gate[expert], shape.intermediate, shape.hidden, s.rows.data(), s.gate.data(),
             s.panel.data());
    multiply(shape, n_rows, kernel.experts.up[expert], shape.intermediate, shape.hidden, s.rows.data(), s.up.data(),
             s.panel.data());
    for (size_t i = 0; i < n_rows * (size_t)shape.intermediate; i++)
        s.gate[i] = s.gate[i] / (1.0f + std::exp(-s.gate[i])) * s.up[i];
    multiply(shape, n_rows, kernel.experts.down[expert], shape.hidden, shape.intermediate, s.gate.data(), s.rows.data(),
             s.panel.data());
    send_results(kernel, tiles, n_tiles, s.rows.data());
    detail::fetch_add_release(&kernel.tiles_done, n_tiles);
    return true;
}

}  // namespace pmx::moe
