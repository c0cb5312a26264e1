/* SPDX-License-Identifier: BSD-3-Clause */
/* mlp.h: what an expert does to rows: down activation(gate row, up row), with the biases. */
#pragma once

#include <cstddef>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

/* Of one expert; biases may be NULL, and gate is where the activation has none. */
struct Matrices {
    const void* gate; /* [I, H] of the layer's dtype */
    const void* up;   /* [I, H] */
    const void* down; /* [H, I] */
    const float* gate_bias; /* [I] */
    const float* up_bias;   /* [I] */
    const float* down_bias; /* [H] */
};

/* Memory of one processor, in fp32; a padded number of rows is a multiple of what one product takes. */
struct MlpScratch {
    explicit MlpScratch(const Shape& shape);

    std::vector<float> rows;  /* [padded tile_rows, H] the rows, then their results */
    std::vector<float> gate;  /* [padded tile_rows, the largest I] then what the activation gives */
    std::vector<float> up;    /* [padded tile_rows, the largest I] */
    std::vector<float> panel; /* some rows of a weight matrix */
};

/* inter: I of this expert. s.rows: in, n_rows of H, 1..tile_rows; out, their results. The bits of a row depend on that
 * row alone. */
void run_mlp(const Shape& shape, const Matrices& expert, int inter, size_t n_rows, MlpScratch& s);

}  // namespace pmx::moe
