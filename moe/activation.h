/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <cstddef>

#include "pmx_moe.h"

namespace pmx::moe {

/* gate: in, what the gate matrix gives, if there is one; out, the result, [n_elems]. */
void activate(pmx_moe_activation_t activation, float* gate, const float* up, size_t n_elems);

}  // namespace pmx::moe
