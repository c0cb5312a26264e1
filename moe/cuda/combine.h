/* SPDX-License-Identifier: BSD-3-Clause */
/* combine.h: what warps do that sum up the results of the tokens of this rank. */
#pragma once

#include <cuda_bf16.h>

#include "moe/cuda/queue.h"

namespace pmx::moe::gpu {

/* Where a result is, and its weight. */
struct Term {
    const char* row; /* NULL: none */
    float weight;
};

/* Of the results for a token: those of its choices, then those of the shared expert. */
__device__ inline Term term_of(const Layer& layer, const Call& call, uint32_t token, uint32_t term)
{
    const uint32_t k = (uint32_t)layer.shape.top_k, i = token * k + term;
    if (term >= k) {
        const SharedExpert& shared = layer.shared;
        return {shared.out + ((term - k) * (uint64_t)shared.max_rows + token) * layer.shape.row_bytes,
                shared.router ? shared.gate[token] : 1.0f};
    }
    const int n_local = layer.shape.local_experts, place = call.places[i];
    if (place < 0) return {nullptr, 0};
    const uint32_t begin = layer.plan.first_row[place - place % n_local];
    return {layer.cells.combine_recv(place / n_local, layer.plan.choice_row[i] - begin),
            layer.shape.weight_on_input ? 1.0f : call.weights[i]};
}

/* sum += weight * part, eight bf16 in fp32. */
__device__ inline void add_part(float (&sum)[8], float weight, const uint4& part)
{
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const uint32_t pair = (&part.x)[i];
        sum[2 * i] += weight * __uint_as_float(pair << 16);
        sum[2 * i + 1] += weight * __uint_as_float(pair & 0xffff0000u);
    }
}

__device__ inline uint4 to_bf16(const float (&sum)[8])
{
    uint4 out;
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const __nv_bfloat162 pair = __floats2bfloat162_rn(sum[2 * i], sum[2 * i + 1]);
        (&out.x)[i] = *(const uint32_t*)&pair;
    }
    return out;
}

/* By a warp: y of a token = sum over its results, in their order, of weight * result, in fp32. kRows results are read at a
 * time, kWide * 256 columns of each. */
template <int kRows, int kWide>
__device__ __forceinline__ void combine_token(const Layer& layer, const Call& call, uint32_t token, uint32_t lane)
{
    const int n_terms = layer.shape.top_k + layer.shared.n_slices;
    const uint32_t n_columns = (uint32_t)layer.shape.hidden;
    Term mine[2] = {{nullptr, 0}, {nullptr, 0}};
    for (int half = 0; half < 2; half++)
        if ((int)lane + 32 * half < n_terms) mine[half] = term_of(layer, call, token, lane + 32 * half);
    char* y = (char*)call.y + token * layer.shape.row_bytes;
    for (uint32_t first = 0; first < n_columns; first += 256 * kWide) {
        float sum[kWide][8] = {};
        for (int base = 0; base < n_terms; base += kRows) {
            uint4 part[kRows][kWide] = {};
            float weight[kRows];
#pragma unroll
            for (int j = 0; j < kRows; j++) {
                const Term& term = mine[base + j >= 32];
                const char* row = (const char*)__shfl_sync(~0u, (unsigned long long)term.row, (base + j) % 32);
                weight[j] = __shfl_sync(~0u, term.weight, (base + j) % 32);
#pragma unroll
                for (int i = 0; i < kWide; i++) {
                    const uint32_t column = first + 256 * i + 8 * lane;
                    if (base + j < n_terms && row && column < n_columns) part[j][i] = __ldcs((const uint4*)(row + 2 * column));
                }
            }
#pragma unroll
            for (int j = 0; j < kRows; j++)
#pragma unroll
                for (int i = 0; i < kWide; i++) add_part(sum[i], weight[j], part[j][i]);
        }
#pragma unroll
        for (int i = 0; i < kWide; i++) {
            const uint32_t column = first + 256 * i + 8 * lane;
            if (column < n_columns) *(uint4*)(y + 2 * column) = to_bf16(sum[i]);
        }
    }
}

/* By a warp: the token that was taken as unit number unit. */
template <int kRows, int kWide>
__device__ __forceinline__ void run_combine(const Layer& layer, const Call& call, uint32_t unit, uint32_t lane)
{
    combine_token<kRows, kWide>(layer, call, entry_of(layer, kTokens, unit), lane);
    __syncwarp();
    if (lane == 0) add_acq_rel(layer.work->tokens_done, 1u);
}

/* By a warp that has nothing better to do: a token, if there is one. */
__device__ __forceinline__ bool try_combine(const Layer& layer, const Call& call, uint32_t lane)
{
    uint32_t unit = 0, n = 0;
    if (lane == 0 && may_take(layer, kTokens)) n = take(layer, kTokens, 1, &unit);
    if (__shfl_sync(~0u, n, 0) == 0) return false;
    run_combine<4, 1>(layer, call, __shfl_sync(~0u, unit, 0), lane);
    return true;
}

}  // namespace pmx::moe::gpu
