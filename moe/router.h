/* SPDX-License-Identifier: BSD-3-Clause */
/* router.h: which experts a token goes to, and with which weights. All in double: the choice must not
 * hang on the rounding of a sum. The result of a token depends on that token alone. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

/* As in pmx_moe_weights_t. */
struct RouterWeights {
    const void* matrix;       /* [E, H] of the layer's dtype */
    const float* bias;        /* [E] or NULL */
    const float* choice_bias; /* [E] or NULL */
};

class Router {
  public:
    explicit Router(const Shape& shape);

    /* x: [n_tokens, H]; ids_out, weights_out: [n_tokens, k]. Allocates nothing. */
    void route(const RouterWeights& weights, const void* x, int n_tokens, int32_t* ids_out, float* weights_out);

  private:
    static constexpr int kTokensAtOnce = 16;

    void logits(const RouterWeights& weights, int n_tokens);
    void choose(double* scores, const float* choice_bias, int32_t* ids_out, float* weights_out);
    void drop_groups();
    int take_best();

    Shape shape_;
    std::vector<float> row_;         /* [H] a row of x or of the matrix */
    std::vector<double> tokens_;     /* [kTokensAtOnce, H] */
    std::vector<double> expert_;     /* [H] */
    std::vector<double> scores_;     /* [kTokensAtOnce, E] logits, then scores */
    std::vector<double> values_;     /* [E] what chooses: score + choice bias */
    std::vector<char> open_;         /* [E] 1: can still be chosen */
    std::vector<double> group_best_; /* [groups] */
};

}  // namespace pmx::moe
