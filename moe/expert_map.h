/* SPDX-License-Identifier: BSD-3-Clause */
/* expert_map.h: in which places an expert is. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/config.h"
#include "pmx_ptx.h"

namespace pmx::moe {

/* Where this token of this rank finds the expert: its tokens take the copies in turn, beginning with another copy on each
 * rank. first: [E + 1] into places, which are in the order of experts. */
PMX_HOST_DEVICE inline int32_t place_of(const uint32_t* first, const int32_t* places, int32_t expert, int rank, size_t token)
{
    const uint32_t begin = first[expert], n = first[expert + 1] - begin;
    return places[begin + (n == 1 ? 0 : ((size_t)rank + token) % n)];
}

class ExpertMap {
  public:
    /* Expert e in place e. */
    explicit ExpertMap(const Shape& shape);

    /* experts: [places] or NULL, as expert_map of pmx_moe_weights_t. PMX_ERR_ARGUMENT: an entry is not in -1..E-1, an
     * expert is nowhere, or there is no map although places and experts are not the same number; the map stays. */
    int set(const Shape& shape, const int32_t* experts);

    int32_t place_of(int32_t expert, int rank, size_t token) const
    {
        return pmx::moe::place_of(first_.data(), places_.data(), expert, rank, token);
    }
    const std::vector<uint32_t>& first() const { return first_; }
    const std::vector<int32_t>& places() const { return places_; }
    /* Whether the place has an expert. */
    bool used(int place) const { return used_[(size_t)place]; }

  private:
    std::vector<uint32_t> first_; /* [E + 1] into places_ */
    std::vector<int32_t> places_; /* by expert, then place */
    std::vector<bool> used_;      /* [places] */
};

/* As read_weights of config.h, with the map in them, and checked: the experts in the places of this rank are all there. */
int read_placed_weights(const Shape& shape, int rank, const pmx_moe_weights_t* given, pmx_moe_weights_t* weights_out,
                        ExpertMap* map_out);

}  // namespace pmx::moe
