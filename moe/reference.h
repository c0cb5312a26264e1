/* SPDX-License-Identifier: BSD-3-Clause */
/* reference.h: the parts of the oracle. They use nothing of the kernel but the checked config. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe::reference {

using Doubles = std::vector<double>;

struct Routing {
    std::vector<int32_t> ids; /* [T, k]; -1: nothing */
    Doubles weights;          /* [T, k] */
};

/* n elements of the layer's dtype, from the first on. */
Doubles decode(const void* src, size_t first, size_t n, bool bf16);
/* out[m, n_out] = in[m, n_in] * transposed matrix[n_out, n_in]. */
Doubles multiply(const Doubles& in, size_t m, const void* matrix, size_t n_out, size_t n_in, bool bf16);

/* x: [T, H]. */
Routing route(const Shape& shape, const pmx_moe_weights_t& weights, const Doubles& x, size_t n_tokens);

}  // namespace pmx::moe::reference
