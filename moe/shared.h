/* SPDX-License-Identifier: BSD-3-Clause */
/* shared.h: the shared expert computes all tokens of its own rank, in chunks of tile_rows, while rows travel. */
#pragma once

#include <cstdint>

#include "moe/config.h"

namespace pmx::moe {

inline uint32_t n_shared_chunks(const Shape& shape, int n_tokens)
{
    if (!shape.shared_intermediate) return 0;
    return ((uint32_t)n_tokens + (uint32_t)shape.tile_rows - 1) / (uint32_t)shape.tile_rows;
}

}  // namespace pmx::moe
