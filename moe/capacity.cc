/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/capacity.h"

#include <algorithm>
#include <cmath>

namespace pmx::moe {

Capacity::Capacity(const Shape& shape) : limited_(shape.capacity < shape.max_tokens)
{
    if (!limited_) return;
    dropped_.resize(shape.max_rows());
    first_.resize((size_t)shape.experts + 1);
    choices_.resize(shape.max_rows());
}

uint64_t Capacity::choose(const Shape& shape, const int32_t* ids, const float* weights, int n_tokens)
{
    if (!limited_ || n_tokens <= shape.capacity) {
        std::fill(dropped_.begin(), dropped_.end(), (char)0);
        return 0;
    }
    const size_t n_choices = (size_t)n_tokens * (size_t)shape.top_k, experts = (size_t)shape.experts;
    std::fill(first_.begin(), first_.end(), 0u);
    for (size_t i = 0; i < n_choices; i++)
        if (ids[i] >= 0) first_[(size_t)ids[i] + 1]++;
    for (size_t e = 0; e < experts; e++) first_[e + 1] += first_[e];
    for (size_t i = 0; i < n_choices; i++) {
        dropped_[i] = 0;
        if (ids[i] >= 0) choices_[first_[(size_t)ids[i]]++] = (uint32_t)i;
    }
    /* first_[e] is now the end of e. NaN is below all numbers. */
    const auto key = [&](uint32_t i) { return std::isnan(weights[i]) ? -INFINITY : weights[i]; };
    const auto better = [&](uint32_t a, uint32_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; };
    uint64_t n_dropped = 0;
    for (size_t e = 0; e < experts; e++) {
        const auto begin = choices_.begin() + (e ? first_[e - 1] : 0), end = choices_.begin() + first_[e];
        if (end - begin <= shape.capacity) continue;
        const auto kept = begin + shape.capacity;
        if (!shape.drop_latest) std::nth_element(begin, kept, end, better);
        for (auto i = kept; i < end; i++) dropped_[*i] = 1;
        n_dropped += (uint64_t)(end - kept);
    }
    return n_dropped;
}

}  // namespace pmx::moe
