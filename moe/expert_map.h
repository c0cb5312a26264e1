/* SPDX-License-Identifier: BSD-3-Clause */
/* expert_map.h: in which places an expert is. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

class ExpertMap {
  public:
    /* Expert e in place e. */
    explicit ExpertMap(const Shape& shape);

    /* experts: [places] or NULL, as expert_map of pmx_moe_weights_t. PMX_ERR_ARGUMENT: an entry is not in -1..E-1, an
     * expert is nowhere, or there is no map although places and experts are not the same number; the map stays. */
    int set(const Shape& shape, const int32_t* experts);

    /* Where this token of this rank finds the expert: its tokens take the copies in turn, beginning with another copy
     * on each rank. */
    int32_t place_of(int32_t expert, int rank, size_t token) const
    {
        const uint32_t begin = first_[(size_t)expert], n = first_[(size_t)expert + 1] - begin;
        return places_[begin + (n == 1 ? 0 : ((size_t)rank + token) % n)];
    }
    /* Whether the place has an expert. */
    bool used(int place) const { return used_[(size_t)place]; }

  private:
    std::vector<uint32_t> first_; /* [E + 1] into places_ */
    std::vector<int32_t> places_; /* by expert, then place */
    std::vector<bool> used_;      /* [places] */
};

}  // namespace pmx::moe
