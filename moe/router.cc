/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/router.h"

#include <algorithm>
#include <cmath>

#include "moe/bf16.h"

namespace pmx::moe {

namespace {

/* Eight partial sums, for the vector units; hidden sizes are multiples of 16. */
double dot(const double* a, const double* b, int n)
{
    double sum[8] = {};
    for (int i = 0; i < n; i += 8)
        for (int lane = 0; lane < 8; lane++) sum[lane] += a[i + lane] * b[i + lane];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

void softmax(double* scores, int n)
{
    double largest = *std::max_element(scores, scores + n);
    double sum = 0;
    for (int i = 0; i < n; i++) {
        scores[i] = std::exp(scores[i] - largest);
        sum += scores[i];
    }
    for (int i = 0; i < n; i++) scores[i] /= sum;
}

/* Logits in, scores out. Of SOFTMAX_CHOSEN the logits stay until the experts are chosen. */
void to_scores(pmx_moe_scores_t kind, double* scores, int n)
{
    switch (kind) {
        case PMX_MOE_SOFTMAX:
            return softmax(scores, n);
        case PMX_MOE_SOFTMAX_CHOSEN:
            return;
        case PMX_MOE_SIGMOID:
            for (int i = 0; i < n; i++) scores[i] = 1.0 / (1.0 + std::exp(-scores[i]));
            return;
        case PMX_MOE_SQRT_SOFTPLUS: /* ln(1 + e^l) = max(l, 0) + ln(1 + e^-|l|) does not overflow */
            for (int i = 0; i < n; i++)
                scores[i] = std::sqrt(std::max(scores[i], 0.0) + std::log1p(std::exp(-std::fabs(scores[i]))));
            return;
    }
}

/* The scores of the k chosen become their weights. */
void to_weights(const Shape& shape, double* chosen)
{
    if (shape.scores == PMX_MOE_SOFTMAX_CHOSEN) softmax(chosen, shape.top_k);
    double sum = 0;
    for (int j = 0; j < shape.top_k; j++) sum += chosen[j];
    const bool divide = shape.renormalise && shape.scores != PMX_MOE_SOFTMAX_CHOSEN && sum > 0;
    for (int j = 0; j < shape.top_k; j++)
        chosen[j] = (divide ? chosen[j] / sum : chosen[j]) * (double)shape.scale;
}

}  // namespace

Router::Router(const Shape& shape)
    : shape_(shape),
      row_((size_t)shape.hidden),
      tokens_((size_t)kTokensAtOnce * (size_t)shape.hidden),
      expert_((size_t)shape.hidden),
      scores_((size_t)kTokensAtOnce * (size_t)shape.experts),
      values_((size_t)shape.experts),
      open_((size_t)shape.experts),
      group_best_((size_t)shape.groups)
{
}

void Router::route(const RouterWeights& weights, const void* x, int n_tokens, int32_t* ids_out,
                   float* weights_out)
{
    const size_t hidden = (size_t)shape_.hidden, k = (size_t)shape_.top_k;
    for (int first = 0; first < n_tokens; first += kTokensAtOnce) {
        int n = std::min(kTokensAtOnce, n_tokens - first);
        for (int t = 0; t < n; t++) {
            load_floats(row_.data(), (const char*)x + (size_t)(first + t) * shape_.row_bytes, hidden,
                        shape_.bf16);
            std::copy(row_.begin(), row_.end(), tokens_.begin() + (ptrdiff_t)((size_t)t * hidden));
        }
        logits(weights, n);
        for (int t = 0; t < n; t++)
            choose(&scores_[(size_t)t * (size_t)shape_.experts], weights.choice_bias,
                   ids_out + (size_t)(first + t) * k, weights_out + (size_t)(first + t) * k);
    }
}

void Router::logits(const RouterWeights& weights, int n_tokens)
{
    const size_t hidden = (size_t)shape_.hidden, experts = (size_t)shape_.experts;
    for (size_t e = 0; e < experts; e++) {
        load_floats(row_.data(), (const char*)weights.matrix + e * shape_.row_bytes, hidden, shape_.bf16);
        std::copy(row_.begin(), row_.end(), expert_.begin());
        const double bias = weights.bias ? (double)weights.bias[e] : 0.0;
        for (int t = 0; t < n_tokens; t++)
            scores_[(size_t)t * experts + e] =
                dot(&tokens_[(size_t)t * hidden], expert_.data(), shape_.hidden) + bias;
    }
}

/* The open expert with the largest value, which is then closed. There is always one, also when values are
 * NaN. */
int Router::take_best()
{
    int best = -1;
    for (int e = 0; e < shape_.experts; e++) {
        if (!open_[(size_t)e]) continue;
        if (best < 0 || values_[(size_t)e] > values_[(size_t)best]) best = e;
    }
    open_[(size_t)best] = 0;
    return best;
}

/* Closes all experts but those of the best groups. */
void Router::drop_groups()
{
    const size_t n = (size_t)(shape_.experts / shape_.groups);
    for (size_t g = 0; g < group_best_.size(); g++) {
        const double* values = &values_[g * n];
        double first = values[0], second = n > 1 ? -INFINITY : 0;
        for (size_t i = 1; i < n; i++) {
            second = std::max(second, std::min(first, values[i]));
            first = std::max(first, values[i]);
        }
        group_best_[g] = first + second;
    }
    std::fill(open_.begin(), open_.end(), (char)0);
    for (int kept = 0; kept < shape_.groups_kept; kept++) {
        size_t best = group_best_.size();
        for (size_t g = 0; g < group_best_.size(); g++) {
            if (open_[g * n]) continue;
            if (best == group_best_.size() || group_best_[g] > group_best_[best]) best = g;
        }
        std::fill_n(open_.begin() + (ptrdiff_t)(best * n), n, (char)1);
    }
}

/* Always k distinct experts, also when scores are NaN. */
void Router::choose(double* scores, const float* choice_bias, int32_t* ids_out, float* weights_out)
{
    to_scores(shape_.scores, scores, shape_.experts);
    for (size_t e = 0; e < values_.size(); e++)
        values_[e] = scores[e] + (choice_bias ? (double)choice_bias[e] : 0.0);
    std::fill(open_.begin(), open_.end(), (char)1);
    if (shape_.groups > 1) drop_groups();
    double chosen[64];
    for (int j = 0; j < shape_.top_k; j++) {
        ids_out[j] = take_best();
        chosen[j] = scores[ids_out[j]];
    }
    to_weights(shape_, chosen);
    for (int j = 0; j < shape_.top_k; j++) weights_out[j] = (float)chosen[j];
}

}  // namespace pmx::moe
