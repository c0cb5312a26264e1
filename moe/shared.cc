/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/shared.h"

#include <algorithm>
#include <cmath>

#include "moe/bf16.h"
#include "moe/kernel.h"

namespace pmx::moe {

namespace {

/* sigmoid(gate x), in double as in the router. gate: [H] of the layer's dtype. */
double gate_value(const Shape& shape, const void* gate, const float* x, float* gate_values)
{
    const size_t hidden = (size_t)shape.hidden;
    load_floats(gate_values, gate, hidden, shape.bf16);
    double sum = 0;
    for (size_t i = 0; i < hidden; i++) sum += (double)gate_values[i] * (double)x[i];
    return 1.0 / (1.0 + std::exp(-sum));
}

}  // namespace

bool run_shared(Kernel& kernel, Scratch& s)
{
    const Shape& shape = kernel.shape;
    if (!kernel.shared_is_left()) return false;
    const uint32_t chunk = detail::fetch_add_relaxed(&kernel.next_shared, 1u);
    if (chunk >= n_shared_chunks(shape, kernel.plan.n_tokens)) return false;
    const size_t hidden = (size_t)shape.hidden, first = (size_t)chunk * (size_t)shape.tile_rows;
    const size_t n_rows = std::min((size_t)shape.tile_rows, (size_t)kernel.plan.n_tokens - first);
    load_floats(s.mlp.rows.data(), (const char*)kernel.x + first * shape.row_bytes, n_rows * hidden,
                shape.bf16);
    for (size_t row = 0; row < n_rows; row++)
        s.shared_gates[row] =
            kernel.shared_router
                ? (float)gate_value(shape, kernel.shared_router, &s.mlp.rows[row * hidden], s.sum.data())
                : 1.0f;
    run_mlp(shape, kernel.shared, shape.shared_intermediate, n_rows, s.mlp);
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < hidden; i++)
            kernel.shared_out[(first + row) * hidden + i] =
                s.shared_gates[row] * s.mlp.rows[row * hidden + i];
    detail::fetch_add_release(&kernel.shared_done, 1u);
    return true;
}

}  // namespace pmx::moe
