/* SPDX-License-Identifier: BSD-3-Clause */
/* generator.h: random numbers by counting, so that any rank can make any matrix of any expert. */
#pragma once

#include <cstddef>
#include <cstdint>

#include "numeric.h"

namespace pmx::tools {

enum class Stream : uint64_t {
    tokens,
    router,
    gate,
    up,
    down,
    router_bias,
    choice_bias,
    biases, /* of an expert: gate, up, down */
    shared_gate,
    shared_up,
    shared_down,
    shared_router
};

/* Fills out with n_elems values, uniform, mean 0, this standard deviation. The same arguments give the same
 * values everywhere; index is the expert, or the token in the whole job. 16 random bits for each value. */
void generate(uint64_t seed, Stream stream, uint64_t index, float deviation, pmx_moe_dtype_t dtype,
              size_t n_elems, void* out);

}  // namespace pmx::tools
