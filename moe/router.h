/* SPDX-License-Identifier: BSD-3-Clause */
/* router.h: which experts a token goes to, and with which weights. All in double: the choice must not
 * hang on the rounding of a sum. The result of a token depends on that token alone. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

class Router {
  public:
    explicit Router(const Shape& shape);

    /* matrix: [E, H] of the layer's dtype; bias: [E] or NULL; x: [n_tokens, H].
     * ids_out, weights_out: [n_tokens, k]. Allocates nothing. */
    void route(const void* matrix, const float* bias, const void* x, int n_tokens, int32_t* ids_out,
               float* weights_out);

  private:
    static constexpr int kTokensAtOnce = 16;

    void logits(const void* matrix, const float* bias, int n_tokens);
    void choose(double* scores, int32_t* ids_out, float* weights_out) const;

    Shape shape_;
    std::vector<float> row_;      /* [H] a row of x or of the matrix */
    std::vector<double> tokens_;  /* [kTokensAtOnce, H] */
    std::vector<double> expert_;  /* [H] */
    std::vector<double> scores_;  /* [kTokensAtOnce, E] logits, then probabilities */
};

}  // namespace pmx::moe
