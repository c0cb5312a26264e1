/* SPDX-License-Identifier: BSD-3-Clause */
/* activation.cc: the formulas of pmx_moe_activation_t in fp32. */
#include "moe/activation.h"

#include <algorithm>
#include <cmath>

namespace pmx::moe {

namespace {

constexpr float kClamp = 7.0f;          /* GPT-OSS: swiglu_limit */
constexpr float kSigmoidSlope = 1.702f; /* GPT-OSS: alpha */

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
float silu(float x) { return x / (1.0f + std::exp(-x)); }
float gelu(float x) { return 0.5f * x * (1.0f + std::erf(x * 0.70710678f)); }
float gelu_tanh(float x) { return 0.5f * x * (1.0f + std::tanh(0.79788456f * (x + 0.044715f * x * x * x))); }

float swiglu_clamped(float g, float u)
{
    g = std::min(g, kClamp);
    return g * sigmoid(kSigmoidSlope * g) * (std::clamp(u, -kClamp, kClamp) + 1.0f);
}

template <typename Function>
void apply(float* gate, const float* up, size_t n_elems, Function function)
{
    for (size_t i = 0; i < n_elems; i++) gate[i] = function(gate[i], up[i]);
}

}  // namespace

void activate(pmx_moe_activation_t activation, float* gate, const float* up, size_t n_elems)
{
    switch (activation) {
        case PMX_MOE_SWIGLU:
            return apply(gate, up, n_elems, [](float g, float u) { return silu(g) * u; });
        case PMX_MOE_SWIGLU_CLAMPED:
            return apply(gate, up, n_elems, swiglu_clamped);
        case PMX_MOE_GEGLU:
            return apply(gate, up, n_elems, [](float g, float u) { return gelu(g) * u; });
        case PMX_MOE_GEGLU_TANH:
            return apply(gate, up, n_elems, [](float g, float u) { return gelu_tanh(g) * u; });
        case PMX_MOE_SILU:
            return apply(gate, up, n_elems, [](float, float u) { return silu(u); });
        case PMX_MOE_GELU:
            return apply(gate, up, n_elems, [](float, float u) { return gelu(u); });
        case PMX_MOE_GELU_TANH:
            return apply(gate, up, n_elems, [](float, float u) { return gelu_tanh(u); });
        case PMX_MOE_RELU:
            return apply(gate, up, n_elems, [](float, float u) { return std::max(u, 0.0f); });
    }
}

}  // namespace pmx::moe
