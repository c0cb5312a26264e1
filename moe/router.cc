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

}  // namespace

Router::Router(const Shape& shape)
    : shape_(shape),
      row_((size_t)shape.hidden),
      tokens_((size_t)kTokensAtOnce * (size_t)shape.hidden),
      expert_((size_t)shape.hidden),
      scores_((size_t)kTokensAtOnce * (size_t)shape.experts)
{
}

void Router::route(const void* matrix, const float* bias, const void* x, int n_tokens, int32_t* ids_out,
                   float* weights_out)
{
    const size_t hidden = (size_t)shape_.hidden, k = (size_t)shape_.top_k;
    for (int first = 0; first < n_tokens; first += kTokensAtOnce) {
        int n = std::min(kTokensAtOnce, n_tokens - first);
        for (int t = 0; t < n; t++) {
            load_floats(row_.data(), (const char*)x + (size_t)(first + t) * shape_.row_bytes, hidden, shape_.bf16);
            std::copy(row_.begin(), row_.end(), tokens_.begin() + (ptrdiff_t)((size_t)t * hidden));
        }
        logits(matrix, bias, n);
        for (int t = 0; t < n; t++)
            choose(&scores_[(size_t)t * (size_t)shape_.experts], ids_out + (size_t)(first + t) * k,
                   weights_out + (size_t)(first + t) * k);
    }
}

void Router::logits(const void* matrix, const float* bias, int n_tokens)
{
    const size_t hidden = (size_t)shape_.hidden, experts = (size_t)shape_.experts;
    for (size_t e = 0; e < experts; e++) {
        load_floats(row_.data(), (const char*)matrix + e * shape_.row_bytes, hidden, shape_.bf16);
        std::copy(row_.begin(), row_.end(), expert_.begin());
        for (int t = 0; t < n_tokens; t++)
            scores_[(size_t)t * experts + e] =
                dot(&tokens_[(size_t)t * hidden], expert_.data(), shape_.hidden) + (bias ? (double)bias[e] : 0.0);
    }
}

/* Always k distinct experts, also when scores are NaN. */
void Router::choose(double* scores, int32_t* ids_out, float* weights_out) const
{
    constexpr double kTaken = -1; /* no probability */
    softmax(scores, shape_.experts);
    double chosen[64];
    double sum = 0;
    for (int j = 0; j < shape_.top_k; j++) {
        int best = -1;
        for (int e = 0; e < shape_.experts; e++) {
            if (scores[e] == kTaken) continue;
            if (best < 0 || scores[e] > scores[best]) best = e;
        }
        ids_out[j] = best;
        chosen[j] = scores[best];
        scores[best] = kTaken;
        sum += chosen[j];
    }
    for (int j = 0; j < shape_.top_k; j++)
        weights_out[j] = (float)(shape_.renormalise ? chosen[j] / sum : chosen[j]);
}

}  // namespace pmx::moe
