/* SPDX-License-Identifier: BSD-3-Clause */
/* reference.cc: the oracle. Plain loops in double over one expert at a time; shares nothing with the
 * kernel but the check of the config, so that a defect there cannot hide here. */
#include "moe/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "moe/error.h"
#include "moe/plan.h"
#include "moe/versions.h"

namespace pmx::moe::reference {

Doubles decode(const void* src, size_t first, size_t n, bool bf16)
{
    Doubles values(n);
    for (size_t i = 0; i < n; i++) {
        float value;
        if (bf16) {
            uint32_t bits = (uint32_t)((const uint16_t*)src)[first + i] << 16;
            memcpy(&value, &bits, sizeof value);
        } else {
            value = ((const float*)src)[first + i];
        }
        values[i] = value;
    }
    return values;
}

namespace {

/* Four rows at a time against one column vector, each in four partial sums: what the compiler needs to
 * keep the vector units busy. n is a multiple of 16. */
void dot4(const double* const rows[4], const double* w, size_t n, double out[4])
{
    double sum[4][4] = {};
    for (size_t i = 0; i < n; i += 4)
        for (int r = 0; r < 4; r++)
            for (int lane = 0; lane < 4; lane++) sum[r][lane] += rows[r][i + lane] * w[i + lane];
    for (int r = 0; r < 4; r++) out[r] = (sum[r][0] + sum[r][1]) + (sum[r][2] + sum[r][3]);
}

}  // namespace

Doubles multiply(const Doubles& in, size_t m, const void* matrix, size_t n_out, size_t n_in, bool bf16)
{
    Doubles out(m * n_out);
    for (size_t o = 0; o < n_out; o++) {
        const Doubles w = decode(matrix, o * n_in, n_in, bf16);
        for (size_t r = 0; r < m; r += 4) {
            const double* rows[4];
            double sums[4];
            for (size_t i = 0; i < 4; i++) rows[i] = &in[std::min(r + i, m - 1) * n_in];
            dot4(rows, w.data(), n_in, sums);
            for (size_t i = 0; i < 4 && r + i < m; i++) out[(r + i) * n_out + o] = sums[i];
        }
    }
    return out;
}

namespace {

struct Expert {
    const void* gate;
    const void* up;
    const void* down;
    const float* gate_bias;
    const float* up_bias;
    const float* down_bias;
};

double gelu_by_tanh(double x)
{
    return x / 2 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * std::pow(x, 3))));
}

double activation(pmx_moe_activation_t kind, double g, double u)
{
    const auto silu = [](double x) { return x / (1 + std::exp(-x)); };
    const auto gelu = [](double x) { return x * std::erfc(-x / std::sqrt(2.0)) / 2; };
    switch (kind) {
        case PMX_MOE_SWIGLU:
            return silu(g) * u;
        case PMX_MOE_SWIGLU_CLAMPED: {
            const double limited = g > 7 ? 7 : g, linear = u > 7 ? 7 : u < -7 ? -7 : u;
            return limited / (1 + std::exp(-1.702 * limited)) * (1 + linear);
        }
        case PMX_MOE_GEGLU:
            return gelu(g) * u;
        case PMX_MOE_GEGLU_TANH:
            return gelu_by_tanh(g) * u;
        case PMX_MOE_SILU:
            return silu(u);
        case PMX_MOE_GELU:
            return gelu(u);
        case PMX_MOE_GELU_TANH:
            return gelu_by_tanh(u);
        case PMX_MOE_RELU:
            return u > 0 ? u : 0;
    }
    return NAN;
}

void add_bias(Doubles& rows, const float* bias, size_t n)
{
    for (size_t i = 0; bias && i < rows.size(); i++) rows[i] += (double)bias[i % n];
}

/* rows [m, H] to [m, H]; inter: I of the expert. */
Doubles mlp(const Shape& shape, const Expert& expert, size_t inter, const Doubles& rows, size_t m)
{
    const size_t hidden = (size_t)shape.hidden;
    Doubles up = multiply(rows, m, expert.up, inter, hidden, shape.bf16), gate(up.size());
    add_bias(up, expert.up_bias, inter);
    if (shape.gated) {
        gate = multiply(rows, m, expert.gate, inter, hidden, shape.bf16);
        add_bias(gate, expert.gate_bias, inter);
    }
    for (size_t i = 0; i < up.size(); i++) up[i] = activation(shape.activation, gate[i], up[i]);
    Doubles out = multiply(up, m, expert.down, hidden, inter, shape.bf16);
    add_bias(out, expert.down_bias, hidden);
    return out;
}

/* Adds weight * expert(x), or expert(weight * x), for the choices (indices into [T, k]) that fell on one
 * expert. */
void add_expert(const Shape& shape, const Expert& expert, const std::vector<size_t>& choices,
                const Routing& routing, const Doubles& x, double* y)
{
    const size_t hidden = (size_t)shape.hidden, k = (size_t)shape.top_k, m = choices.size();
    Doubles rows(m * hidden);
    for (size_t r = 0; r < m; r++)
        for (size_t h = 0; h < hidden; h++)
            rows[r * hidden + h] =
                x[choices[r] / k * hidden + h] * (shape.weight_on_input ? routing.weights[choices[r]] : 1.0);
    const Doubles out = mlp(shape, expert, (size_t)shape.intermediate, rows, m);
    for (size_t r = 0; r < m; r++)
        for (size_t h = 0; h < hidden; h++)
            y[choices[r] / k * hidden + h] +=
                out[r * hidden + h] * (shape.weight_on_input ? 1.0 : routing.weights[choices[r]]);
}

/* Adds the shared expert of all tokens. */
void add_shared(const Shape& shape, const pmx_moe_weights_t& w, const Doubles& x, size_t n_tokens, Doubles& y)
{
    const size_t hidden = (size_t)shape.hidden;
    if (!shape.shared_intermediate || n_tokens == 0) return;
    const Expert shared{w.shared_gate, w.shared_up, w.shared_down, nullptr, nullptr, nullptr};
    const Doubles out = mlp(shape, shared, (size_t)shape.shared_intermediate, x, n_tokens);
    Doubles gates(n_tokens, 1.0);
    if (w.shared_router) gates = multiply(x, n_tokens, w.shared_router, 1, hidden, shape.bf16);
    for (double& gate : gates) gate = w.shared_router ? 1 / (1 + std::exp(-gate)) : 1;
    for (size_t i = 0; i < y.size(); i++) y[i] += gates[i / hidden] * out[i];
}

/* The choices that fell on one expert, in the order of tokens, down to its capacity. */
void drop(const Shape& shape, const Routing& routing, std::vector<size_t>& choices)
{
    if (choices.size() <= (size_t)shape.capacity) return;
    const auto weight = [&](size_t i) { return (float)routing.weights[i]; }; /* as the layer has them */
    if (!shape.drop_latest)
        std::stable_sort(choices.begin(), choices.end(),
                         [&](size_t a, size_t b) { return weight(a) > weight(b); });
    choices.resize((size_t)shape.capacity);
}

struct Source {
    const pmx_moe_weights_t& weights;
    pmx_moe_fetch_fn fetch; /* or NULL: the matrices are in weights */
    void* arg;

    int get(const Shape& shape, int e, Expert* out) const
    {
        const auto bias = [&](const float* const* all) { return all ? all[e] : nullptr; };
        *out = {nullptr,
                nullptr,
                nullptr,
                bias(weights.gate_bias),
                bias(weights.up_bias),
                bias(weights.down_bias)};
        if (fetch) return fetch(arg, e, &out->gate, &out->up, &out->down);
        if (shape.gated) out->gate = weights.gate[e];
        out->up = weights.up[e];
        out->down = weights.down[e];
        return PMX_SUCCESS;
    }
};

struct Input {
    const void* x;
    int n_tokens;
    const int32_t* ids;
    const float* weights;
};

int run(const Shape& shape, const Source& source, const Input& in, double* y_out)
{
    const size_t n_tokens = (size_t)in.n_tokens, n_choices = n_tokens * (size_t)shape.top_k;
    const Doubles x = decode(in.x, 0, n_tokens * (size_t)shape.hidden, shape.bf16);
    const Routing routing = in.ids
                                ? Routing{{in.ids, in.ids + n_choices}, {in.weights, in.weights + n_choices}}
                                : route(shape, source.weights, x, n_tokens);
    std::vector<std::vector<size_t>> choices((size_t)shape.experts);
    for (size_t i = 0; i < n_choices; i++)
        if (routing.ids[i] >= 0) choices[(size_t)routing.ids[i]].push_back(i);
    Doubles y(x.size());
    for (int e = 0; e < shape.experts; e++) {
        if (choices[(size_t)e].empty()) continue;
        drop(shape, routing, choices[(size_t)e]);
        Expert expert;
        PMX_MOE_TRY(source.get(shape, e, &expert));
        add_expert(shape, expert, choices[(size_t)e], routing, x, y.data());
    }
    add_shared(shape, source.weights, x, n_tokens, y);
    std::copy(y.begin(), y.end(), y_out);
    return PMX_SUCCESS;
}

int check(const Shape& shape, const Source& source, const Input& in, const double* y_out)
{
    if (in.n_tokens < 0) return fail(PMX_ERR_ARGUMENT, "n_tokens is {}: must be 0 or more", in.n_tokens);
    if (in.n_tokens > 0 && (!in.x || !y_out))
        return fail(PMX_ERR_ARGUMENT, "{} is NULL", in.x ? "y_out" : "x");
    if (!in.ids != !in.weights)
        return fail(PMX_ERR_ARGUMENT, "{} is NULL: give both or none", in.ids ? "weights" : "ids");
    if (!in.ids && !source.weights.router)
        return fail(PMX_ERR_ARGUMENT, "router is NULL, and no routing is given");
    return in.ids ? check_ids(shape, in.ids, in.n_tokens) : PMX_SUCCESS;
}

int checked_run(const Shape& shape, const Source& source, const Input& in, double* y_out)
{
    PMX_MOE_TRY(check(shape, source, in, y_out));
    try {
        return run(shape, source, in, y_out);
    } catch (const std::bad_alloc&) {
        return fail(PMX_ERR_MEMORY, "the memory of this process does not hold the oracle for {} tokens",
                    in.n_tokens);
    }
}

}  // namespace

}  // namespace pmx::moe::reference

using pmx::moe::fail;
using namespace pmx::moe::reference;

extern "C" {

int pmx_moe_reference(const pmx_moe_config_t* config, const void* router, const float* router_bias,
                      pmx_moe_fetch_fn fetch, void* arg, const void* x, int n_tokens, const int32_t* ids,
                      const float* weights, double* y_out)
{
    pmx::moe::Shape shape;
    PMX_MOE_TRY(pmx::moe::check_config(config, 1, &shape));
    if (!fetch) return fail(PMX_ERR_ARGUMENT, "fetch is NULL");
    if (shape.shared_intermediate)
        return fail(PMX_ERR_ARGUMENT, "the layer has a shared expert: use pmx_moe_reference_layer");
    pmx_moe_weights_t all{};
    all.router = router;
    all.router_bias = router_bias;
    return checked_run(shape, {all, fetch, arg}, {x, n_tokens, ids, weights}, y_out);
}

int pmx_moe_reference_layer(const pmx_moe_config_t* config, const pmx_moe_weights_t* weights,
                            pmx_moe_fetch_fn fetch, void* arg, const void* x, int n_tokens,
                            const int32_t* ids, const float* choice_weights, double* y_out)
{
    pmx::moe::Shape shape;
    PMX_MOE_TRY(pmx::moe::check_config(config, 1, &shape));
    if (!weights) return fail(PMX_ERR_ARGUMENT, "weights is NULL");
    pmx_moe_weights_t all;
    PMX_MOE_TRY(pmx::moe::read_weights(shape, weights, &all));
    const auto every = [](int) { return true; };
    if (!fetch) PMX_MOE_TRY(pmx::moe::check_experts(shape, all, shape.experts, every));
    PMX_MOE_TRY(pmx::moe::check_biases(all, shape.experts, every));
    return checked_run(shape, {all, fetch, arg}, {x, n_tokens, ids, choice_weights}, y_out);
}

}  // extern "C"
