/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/plan.h"

#include <algorithm>

#include "moe/error.h"

namespace pmx::moe {

Plan::Plan(const Shape& shape)
    : first_row((size_t)shape.experts + 1), row_choice(shape.max_rows()), choice_row(shape.max_rows())
{
}

void Plan::make(const Shape& shape, const int32_t* ids, int n_tokens_now)
{
    n_tokens = n_tokens_now;
    const size_t n_choices = (size_t)n_tokens * (size_t)shape.top_k;
    std::fill(first_row.begin(), first_row.end(), 0u);
    for (size_t i = 0; i < n_choices; i++)
        if (ids[i] >= 0) first_row[(size_t)ids[i] + 1]++;
    for (size_t e = 0; e < (size_t)shape.experts; e++) first_row[e + 1] += first_row[e];
    /* first_row[e] runs up to the end of e while rows are dealt out, and is put back after. */
    for (size_t i = 0; i < n_choices; i++) {
        choice_row[i] = ids[i] < 0 ? kNoRow : first_row[(size_t)ids[i]]++;
        if (ids[i] >= 0) row_choice[choice_row[i]] = (uint32_t)i;
    }
    for (size_t e = (size_t)shape.experts; e > 0; e--) first_row[e] = first_row[e - 1];
    first_row[0] = 0;
}

int check_ids(const Shape& shape, const int32_t* ids, int n_tokens)
{
    for (int t = 0; t < n_tokens; t++) {
        const int32_t* row = ids + (size_t)t * (size_t)shape.top_k;
        for (int j = 0; j < shape.top_k; j++) {
            if (row[j] < -1 || row[j] >= shape.experts)
                return fail(PMX_ERR_ARGUMENT, "ids[{}][{}] is {}: must be -1 to {}", t, j, row[j], shape.experts - 1);
            if (row[j] >= 0 && std::find(row, row + j, row[j]) != row + j)
                return fail(PMX_ERR_ARGUMENT, "ids[{}] names expert {} twice: must be distinct", t, row[j]);
        }
    }
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
