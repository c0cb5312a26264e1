/* SPDX-License-Identifier: BSD-3-Clause */
/* mlp.cc: sums are fp32 through OpenBLAS. A weight matrix is read in panels of rows that stay in the L2 cache
 * while they are turned to fp32 and used by all rows of the task. A BLAS picks its kernel by the number of
 * rows, and each kernel rounds in its own way; so products always have kBlockRows rows, the last one padded,
 * and the bits of a row hang neither on its tile nor on how the tokens are divided over the ranks. */
#include "moe/mlp.h"

#include <cblas.h>

#include <algorithm>

#include "moe/activation.h"
#include "moe/bf16.h"

namespace pmx::moe {

namespace {

constexpr size_t kPanelBytes = 256 * 1024;

constexpr size_t kBlockRows = 8;

size_t padded(size_t n_rows) { return (n_rows + kBlockRows - 1) / kBlockRows * kBlockRows; }

/* At least 16 rows: fewer leave the inner loops of the product empty. */
int panel_rows(int n_in) { return (int)std::max<size_t>(16, kPanelBytes / ((size_t)n_in * sizeof(float))); }

/* out [n_rows, n_out] = in [n_rows, n_in] * transposed matrix [n_out, n_in]; both have room for
 * padded(n_rows), and what the rows of the padding hold is of no interest. */
void multiply(const Shape& shape, size_t n_rows, const void* matrix, int n_out, int n_in, const float* in,
              float* out, float* panel)
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
                        in + row * (size_t)n_in, n_in, weights, n_in, 0.0f, out + row * (size_t)n_out + first,
                        n_out);
    }
}

void add_bias(float* rows, size_t n_rows, const float* bias, size_t n)
{
    if (!bias) return;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < n; i++) rows[row * n + i] += bias[i];
}

}  // namespace

MlpScratch::MlpScratch(const Shape& shape)
    : rows(padded((size_t)shape.tile_rows) * (size_t)shape.hidden),
      gate(padded((size_t)shape.tile_rows) * (size_t)std::max(shape.intermediate, shape.shared_intermediate)),
      up(gate.size())
{
    if (!shape.bf16) return;
    for (int n_in : {shape.hidden, shape.intermediate, shape.shared_intermediate})
        if (n_in) panel.resize(std::max(panel.size(), (size_t)panel_rows(n_in) * (size_t)n_in));
}

void run_mlp(const Shape& shape, const Matrices& expert, int inter, size_t n_rows, MlpScratch& s)
{
    const int hidden = shape.hidden;
    float *rows = s.rows.data(), *gate = s.gate.data(), *up = s.up.data();
    if (shape.gated) {
        multiply(shape, n_rows, expert.gate, inter, hidden, rows, gate, s.panel.data());
        add_bias(gate, n_rows, expert.gate_bias, (size_t)inter);
    }
    multiply(shape, n_rows, expert.up, inter, hidden, rows, up, s.panel.data());
    add_bias(up, n_rows, expert.up_bias, (size_t)inter);
    activate(shape.activation, gate, up, n_rows * (size_t)inter);
    multiply(shape, n_rows, expert.down, hidden, inter, gate, rows, s.panel.data());
    add_bias(rows, n_rows, expert.down_bias, (size_t)hidden);
}

}  // namespace pmx::moe
