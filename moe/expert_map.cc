/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/expert_map.h"

#include <algorithm>

#include "moe/error.h"

namespace pmx::moe {

ExpertMap::ExpertMap(const Shape& shape)
    : first_((size_t)shape.experts + 1), places_((size_t)shape.places), used_((size_t)shape.places)
{
    for (size_t e = 0; e < (size_t)shape.experts; e++) {
        first_[e + 1] = (uint32_t)e + 1;
        places_[e] = (int32_t)e;
        used_[e] = true;
    }
}

int ExpertMap::set(const Shape& shape, const int32_t* experts)
{
    if (!experts && shape.places != shape.experts)
        return fail(PMX_ERR_ARGUMENT,
                    "expert_map is NULL: must say which of the {} experts is in each of the {} places",
                    shape.experts, shape.places);
    if (!experts) {
        *this = ExpertMap(shape);
        return PMX_SUCCESS;
    }
    std::vector<uint32_t> n_copies((size_t)shape.experts);
    for (int p = 0; p < shape.places; p++) {
        if (experts[p] < -1 || experts[p] >= shape.experts)
            return fail(PMX_ERR_ARGUMENT, "expert_map[{}] is {}: must be -1 to {}", p, experts[p],
                        shape.experts - 1);
        if (experts[p] >= 0) n_copies[(size_t)experts[p]]++;
    }
    const auto none = std::find(n_copies.begin(), n_copies.end(), 0u);
    if (none != n_copies.end())
        return fail(PMX_ERR_ARGUMENT, "expert_map has no place for expert {}: must have each at least once",
                    none - n_copies.begin());
    for (size_t e = 0; e < n_copies.size(); e++) first_[e + 1] = first_[e] + n_copies[e];
    for (int p = shape.places - 1; p >= 0; p--) {
        used_[(size_t)p] = experts[p] >= 0;
        if (used_[(size_t)p]) places_[first_[(size_t)experts[p]] + --n_copies[(size_t)experts[p]]] = p;
    }
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
