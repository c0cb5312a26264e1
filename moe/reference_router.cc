/* SPDX-License-Identifier: BSD-3-Clause */
/* reference_router.cc: the routers of the oracle, by sorting. */
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "moe/reference.h"

namespace pmx::moe::reference {

namespace {

/* [E] in place of the logits; of SOFTMAX_CHOSEN the same as of SOFTMAX, since its order is that of the
 * logits. */
Doubles scores_of(pmx_moe_scores_t kind, const Doubles& logits)
{
    Doubles scores(logits.size());
    const double top = *std::max_element(logits.begin(), logits.end());
    double total = 0;
    for (double logit : logits) total += std::exp(logit - top);
    for (size_t e = 0; e < scores.size(); e++) {
        if (kind == PMX_MOE_SIGMOID)
            scores[e] = 0.5 + 0.5 * std::tanh(logits[e] / 2);
        else if (kind == PMX_MOE_SQRT_SOFTPLUS)
            scores[e] = std::sqrt(logits[e] > 30 ? logits[e] : std::log1p(std::exp(logits[e])));
        else
            scores[e] = std::exp(logits[e] - top) / total;
    }
    return scores;
}

/* The numbers 0..n-1 by descending value; ties: the lower first. */
std::vector<size_t> ranked(const Doubles& values)
{
    std::vector<size_t> order(values.size());
    std::iota(order.begin(), order.end(), (size_t)0);
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] > values[b]; });
    return order;
}

/* 1 for each group that experts may be taken from. */
std::vector<bool> groups_kept(const Shape& shape, const Doubles& values)
{
    const size_t n_groups = (size_t)shape.groups, n = values.size() / n_groups;
    Doubles of_groups(n_groups);
    for (size_t g = 0; g < n_groups; g++) {
        Doubles members(values.begin() + (ptrdiff_t)(g * n), values.begin() + (ptrdiff_t)(g * n + n));
        std::sort(members.begin(), members.end(), std::greater<double>());
        of_groups[g] = members[0] + (n > 1 ? members[1] : 0);
    }
    std::vector<bool> kept(n_groups);
    const std::vector<size_t> order = ranked(of_groups);
    for (size_t i = 0; i < (size_t)shape.groups_kept; i++) kept[order[i]] = true;
    return kept;
}

/* One token. ids_out, weights_out: [k]. */
void route_token(const Shape& shape, const float* choice_bias, const Doubles& logits, int32_t* ids_out,
                 double* weights_out)
{
    const Doubles scores = scores_of(shape.scores, logits);
    Doubles values = shape.scores == PMX_MOE_SOFTMAX_CHOSEN ? logits : scores;
    for (size_t e = 0; e < values.size(); e++) values[e] += choice_bias ? (double)choice_bias[e] : 0.0;
    const std::vector<bool> kept = groups_kept(shape, values);
    const size_t per_group = values.size() / kept.size();
    size_t n = 0;
    double sum = 0;
    for (size_t e : ranked(values)) {
        if (n == (size_t)shape.top_k) break;
        if (!kept[e / per_group]) continue;
        ids_out[n] = (int32_t)e;
        weights_out[n++] = scores[e];
        sum += scores[e];
    }
    const bool divide = shape.renormalise || shape.scores == PMX_MOE_SOFTMAX_CHOSEN;
    for (size_t j = 0; j < n; j++) weights_out[j] *= (double)shape.scale / (divide ? sum : 1.0);
}

}  // namespace

Routing route(const Shape& shape, const pmx_moe_weights_t& weights, const Doubles& x, size_t n_tokens)
{
    const size_t experts = (size_t)shape.experts, k = (size_t)shape.top_k;
    Routing routing{std::vector<int32_t>(n_tokens * k), Doubles(n_tokens * k)};
    if (n_tokens == 0) return routing;
    const Doubles all = multiply(x, n_tokens, weights.router, experts, (size_t)shape.hidden, shape.bf16);
    for (size_t t = 0; t < n_tokens; t++) {
        Doubles logits(all.begin() + (ptrdiff_t)(t * experts), all.begin() + (ptrdiff_t)((t + 1) * experts));
        for (size_t e = 0; e < experts; e++)
            logits[e] += weights.router_bias ? (double)weights.router_bias[e] : 0.0;
        route_token(shape, weights.choice_bias, logits, &routing.ids[t * k], &routing.weights[t * k]);
    }
    return routing;
}

}  // namespace pmx::moe::reference
