/* SPDX-License-Identifier: BSD-3-Clause */
/* capacity.h: which rows of a rank an expert does not get. It follows from the routing of that rank alone. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

class Capacity {
  public:
    explicit Capacity(const Shape& shape);

    /* ids, weights: [n_tokens, k]; -1 is no row. Returns how many rows are dropped; dropped() tells which. Allocates
     * nothing. */
    uint64_t choose(const Shape& shape, const int32_t* ids, const float* weights, int n_tokens);
    bool dropped(size_t choice) const { return limited_ && dropped_[choice]; }

  private:
    bool limited_;
    std::vector<char> dropped_;    /* [token * k + choice] */
    std::vector<uint32_t> first_;  /* [E + 1] into choices_ */
    std::vector<uint32_t> choices_; /* by expert, then token */
};

}  // namespace pmx::moe
