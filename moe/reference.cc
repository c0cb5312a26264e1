/* SPDX-License-Identifier: BSD-3-Clause */
/* reference.cc: the oracle. Plain loops in double over one expert at a time; shares nothing with the
 * kernel but the check of the config, so that a defect there cannot hide here. */
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <vector>

#include "moe/config.h"
#include "moe/error.h"
#include "moe/plan.h"

namespace {

using pmx::moe::fail;
using pmx::moe::Shape;
using Doubles = std::vector<double>;

struct Routing {
    std::vector<int32_t> ids; /* [T, k] */
    Doubles weights;          /* [T, k] */
};

void decode(double* dst, const void* src, size_t first, size_t n, bool bf16)
{
    for (size_t i = 0; i < n; i++) {
        float value;
        if (bf16) {
            uint32_t bits = (uint32_t)((const uint16_t*)src)[first + i] << 16;
            memcpy(&value, &bits, sizeof value);
        } else {
            value = ((const float*)src)[first + i];
        }
        dst[i] = value;
    }
}

Doubles decode_all(const void* src, size_t n, bool bf16)
{
    Doubles all(n);
    decode(all.data(), src, 0, n, bf16);
    return all;
}

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

/* out[m, n_out] = in[m, n_in] * transposed matrix[n_out, n_in]. */
Doubles multiply(const Doubles& in, size_t m, const void* matrix, size_t n_out, size_t n_in, bool bf16)
{
    Doubles out(m * n_out), w(n_in);
    for (size_t o = 0; o < n_out; o++) {
        decode(w.data(), matrix, o * n_in, n_in, bf16);
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

Routing route(const Shape& shape, const void* router, const float* bias, const Doubles& x, size_t n_tokens)
{
    const size_t experts = (size_t)shape.experts, k = (size_t)shape.top_k;
    Routing routing{std::vector<int32_t>(n_tokens * k), Doubles(n_tokens * k)};
    if (n_tokens == 0) return routing;
    Doubles logits = multiply(x, n_tokens, router, experts, (size_t)shape.hidden, shape.bf16);
    for (size_t t = 0; t < n_tokens; t++) {
        std::vector<std::pair<double, int>> ranked(experts);
        double top = -INFINITY, total = 0, kept = 0;
        for (size_t e = 0; e < experts; e++) {
            ranked[e] = {logits[t * experts + e] + (bias ? (double)bias[e] : 0.0), (int)e};
            top = std::max(top, ranked[e].first);
        }
        for (auto& [value, expert] : ranked) total += value = std::exp(value - top);
        std::stable_sort(ranked.begin(), ranked.end(), [](auto& a, auto& b) { return a.first > b.first; });
        for (size_t j = 0; j < k; j++) kept += ranked[j].first;
        for (size_t j = 0; j < k; j++) {
            routing.ids[t * k + j] = ranked[j].second;
            routing.weights[t * k + j] = ranked[j].first / (shape.renormalise ? kept : total);
        }
    }
    return routing;
}

struct Expert {
    const void* gate;
    const void* up;
    const void* down;
};

/* Adds weight * expert(x) for the choices (indices into [T, k]) that fell on one expert. */
void add_expert(const Shape& shape, const Expert& expert, const std::vector<size_t>& choices, const Routing& routing,
                const Doubles& x, double* y)
{
    const size_t hidden = (size_t)shape.hidden, inter = (size_t)shape.intermediate, m = choices.size();
    const size_t k = (size_t)shape.top_k;
    Doubles rows(m * hidden);
    for (size_t r = 0; r < m; r++) std::copy_n(&x[choices[r] / k * hidden], hidden, &rows[r * hidden]);
    Doubles gate = multiply(rows, m, expert.gate, inter, hidden, shape.bf16);
    Doubles up = multiply(rows, m, expert.up, inter, hidden, shape.bf16);
    for (size_t i = 0; i < m * inter; i++) gate[i] = gate[i] / (1.0 + std::exp(-gate[i])) * up[i];
    Doubles out = multiply(gate, m, expert.down, hidden, inter, shape.bf16);
    for (size_t r = 0; r < m; r++)
        for (size_t h = 0; h < hidden; h++)
            y[choices[r] / k * hidden + h] += routing.weights[choices[r]] * out[r * hidden + h];
}

int run(const Shape& shape, const void* router, const float* bias, pmx_moe_fetch_fn fetch, void* arg, const void* x,
        size_t n_tokens, const int32_t* ids, const float* weights, double* y_out)
{
    const size_t hidden = (size_t)shape.hidden, n_choices = n_tokens * (size_t)shape.top_k;
    const Doubles tokens = decode_all(x, n_tokens * hidden, shape.bf16);
    Routing routing = ids ? Routing{{ids, ids + n_choices}, {weights, weights + n_choices}}
                          : route(shape, router, bias, tokens, n_tokens);
    std::vector<std::vector<size_t>> choices((size_t)shape.experts);
    for (size_t i = 0; i < n_choices; i++) choices[(size_t)routing.ids[i]].push_back(i);
    Doubles y(n_tokens * hidden);
    for (int e = 0; e < shape.experts; e++) {
        if (choices[(size_t)e].empty()) continue;
        Expert expert{};
        if (int err = fetch(arg, e, &expert.gate, &expert.up, &expert.down)) return err;
        add_expert(shape, expert, choices[(size_t)e], routing, tokens, y.data());
    }
    std::copy(y.begin(), y.end(), y_out);
    return PMX_SUCCESS;
}

}  // namespace

extern "C" int pmx_moe_reference(const pmx_moe_config_t* config, const void* router, const float* router_bias,
                                 pmx_moe_fetch_fn fetch, void* arg, const void* x, int n_tokens, const int32_t* ids,
                                 const float* weights, double* y_out)
{
    Shape shape;
    PMX_MOE_TRY(pmx::moe::check_config(config, 1, &shape));
    if (n_tokens < 0) return fail(PMX_ERR_ARGUMENT, "n_tokens is {}: must be 0 or more", n_tokens);
    if (!fetch) return fail(PMX_ERR_ARGUMENT, "fetch is NULL");
    if (n_tokens > 0 && (!x || !y_out)) return fail(PMX_ERR_ARGUMENT, "{} is NULL", x ? "y_out" : "x");
    if (!ids != !weights) return fail(PMX_ERR_ARGUMENT, "{} is NULL: give both or none", ids ? "weights" : "ids");
    if (!ids && !router) return fail(PMX_ERR_ARGUMENT, "router is NULL, and no routing is given");
    if (ids) PMX_MOE_TRY(pmx::moe::check_ids(shape, ids, n_tokens));
    try {
        return run(shape, router, router_bias, fetch, arg, x, (size_t)n_tokens, ids, weights, y_out);
    } catch (const std::bad_alloc&) {
        return fail(PMX_ERR_MEMORY, "the memory of this process does not hold the oracle for {} tokens", n_tokens);
    }
}
