/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/plan.h"

#include <algorithm>

#include "moe/error.h"

namespace pmx::moe {

Plan::Plan(const Shape& shape)
    : capacity(shape),
      first_row((size_t)shape.places + 1),
      row_choice(shape.max_rows()),
      choice_row(shape.max_rows()),
      choice_place(shape.max_rows())
{
}

void Plan::make(const Shape& shape, const ExpertMap& map, int rank, const Routing& routing)
{
    const size_t k = (size_t)shape.top_k, n_choices = (size_t)routing.n_tokens * k;
    n_tokens = routing.n_tokens;
    n_dropped = capacity.choose(shape, routing.ids, routing.weights, n_tokens);
    std::fill(first_row.begin(), first_row.end(), 0u);
    for (size_t i = 0; i < n_choices; i++) {
        const bool sent = routing.ids[i] >= 0 && !capacity.dropped(i);
        choice_place[i] = sent ? map.place_of(routing.ids[i], rank, i / k) : -1;
        if (sent) first_row[(size_t)choice_place[i] + 1]++;
    }
    for (size_t p = 0; p < (size_t)shape.places; p++) first_row[p + 1] += first_row[p];
    /* first_row[p] runs up to the end of p while rows are dealt out, and is put back after. */
    for (size_t i = 0; i < n_choices; i++) {
        const bool sent = choice_place[i] >= 0;
        choice_row[i] = sent ? first_row[(size_t)choice_place[i]]++ : kNoRow;
        if (sent) row_choice[choice_row[i]] = (uint32_t)i;
    }
    for (size_t p = (size_t)shape.places; p > 0; p--) first_row[p] = first_row[p - 1];
    first_row[0] = 0;
}

int check_ids(const Shape& shape, const int32_t* ids, int n_tokens)
{
    for (int t = 0; t < n_tokens; t++) {
        const int32_t* row = ids + (size_t)t * (size_t)shape.top_k;
        for (int j = 0; j < shape.top_k; j++) {
            if (row[j] < -1 || row[j] >= shape.experts)
                return fail(PMX_ERR_ARGUMENT, "ids[{}][{}] is {}: must be -1 to {}", t, j, row[j],
                            shape.experts - 1);
            if (row[j] >= 0 && std::find(row, row + j, row[j]) != row + j)
                return fail(PMX_ERR_ARGUMENT, "ids[{}] names expert {} twice: must be distinct", t, row[j]);
        }
    }
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
