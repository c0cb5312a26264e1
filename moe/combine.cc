/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.cc: y of a token = sum over its choices, in their order, of weight * result, in fp32. Where the
 * weight is on the input it is in the result already. The result of the shared expert comes last. */
#include "moe/combine.h"

#include <algorithm>

#include "moe/bf16.h"
#include "moe/kernel.h"

namespace pmx::moe {

namespace {

template <typename Elem>
void add_row(float* sum, const Elem* row, float weight, size_t n_elems)
{
    for (size_t i = 0; i < n_elems; i++) {
        if constexpr (sizeof(Elem) == 2)
            sum[i] += weight * bf16_to_float(row[i]);
        else
            sum[i] += weight * row[i];
    }
}

/* The result for a row lies in the region of the expert's rank, where the row went. */
const char* result_of(const Kernel& kernel, uint32_t row, int dst)
{
    size_t begin = kernel.plan.first_row[(size_t)dst * (size_t)kernel.shape.local_experts];
    return kernel.cells.combine_recv(dst, row - begin);
}

void combine_token(Kernel& kernel, size_t token, float* sum)
{
    const Shape& shape = kernel.shape;
    const size_t k = (size_t)shape.top_k, hidden = (size_t)shape.hidden;
    std::fill(sum, sum + hidden, 0.0f);
    for (size_t i = token * k; i < (token + 1) * k; i++) {
        if (kernel.plan.choice_row[i] == kNoRow) continue;
        const char* row =
            result_of(kernel, kernel.plan.choice_row[i], kernel.plan.choice_place[i] / shape.local_experts);
        const float weight = shape.weight_on_input ? 1.0f : kernel.weights[i];
        if (shape.bf16)
            add_row(sum, (const uint16_t*)row, weight, hidden);
        else
            add_row(sum, (const float*)row, weight, hidden);
    }
    if (shape.shared_intermediate) add_row(sum, &kernel.shared_out[token * hidden], 1.0f, hidden);
    store_floats((char*)kernel.y + token * shape.row_bytes, sum, hidden, shape.bf16);
}

}  // namespace

bool run_combine(Kernel& kernel, Scratch& scratch)
{
    uint32_t group;
    if (!kernel.tasks.take_group(&group)) return false;
    size_t end = std::min<size_t>((size_t)(group + 1) * kTokensPerGroup, (size_t)kernel.plan.n_tokens);
    for (size_t token = (size_t)group * kTokensPerGroup; token < end; token++)
        combine_token(kernel, token, scratch.sum.data());
    detail::fetch_add_release(&kernel.groups_done, 1u);
    return true;
}

}  // namespace pmx::moe
