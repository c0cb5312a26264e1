/* SPDX-License-Identifier: BSD-3-Clause */
/* multiply.h: the multiplying warpgroups. Weights are the left operand and rows of the tile the right one, so that a
 * tile may have any multiple of 8 rows; a product comes out transposed and is turned on its way to memory. */
#pragma once

#include <cuda_bf16.h>

#include "moe/cuda/pipe.h"
#include "moe/cuda/wgmma.h"

namespace pmx::moe::gpu {

/* A multiplying warpgroup. */
struct Multiplier {
    Shared& shared;
    Ring<kStages> stages;
    uint32_t group;  /* 0, 1 */
    uint32_t thread; /* in the warpgroup */
    uint32_t block;  /* in the pair */

    __device__ uint32_t warp() const { return thread / 32; }
    __device__ uint32_t lane() const { return thread % 32; }
    /* This warp has read the stage: both blocks may load it again. */
    __device__ void release(uint32_t empty_barrier) const
    {
        if (lane() < kPair) ptx::barrier_arrive_at(ptx::address_in(empty_barrier, lane()));
    }
};

/* sum [64, kRows] = half of the weights of the unit times kRows rows of the tile, over all columns. */
template <int kRows>
__device__ __forceinline__ void multiply(Multiplier& self, int n_columns, float (&sum)[kRows / 2])
{
    uint32_t to_release = 0;
#pragma unroll
    for (int i = 0; i < kRows / 2; i++) sum[i] = 0.0f;
#pragma unroll 1
    for (int column = 0; column < n_columns; column += kStageColumns) {
        Stage& stage = self.shared.stages[self.stages.at];
        const uint64_t a = ptx::matrix_descriptor(ptx::shared_address(stage.weights) +
                                                  self.group * (uint32_t)(kUnitRows / 2 * kColumnBytes));
        const uint64_t b = ptx::matrix_descriptor(ptx::shared_address(stage.rows));
        ptx::barrier_wait(self.stages.of(self.shared.stage_full), self.stages.filled());
        ptx::wgmma_fence();
        /* 16 columns are 32 bytes; descriptors count 16. */
#pragma unroll
        for (int i = 0; i < kStageColumns / 16; i++) ptx::wgmma<kRows>(sum, a + 2 * i, b + 2 * i);
        ptx::wgmma_commit();
        ptx::wgmma_wait<1>();
        if (to_release) self.release(to_release);
        to_release = self.stages.of(self.shared.stage_empty);
        self.stages.next();
    }
    ptx::wgmma_wait<0>();
    self.release(to_release);
}

__device__ inline uint32_t pack(float low, float high)
{
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    return *(const uint32_t*)&pair;
}

/* words of four lanes as a 4x4 matrix, transposed: lane q gets word q of each. */
__device__ __forceinline__ uint4 transpose_quad(uint4 words, uint32_t lane)
{
    const bool odd = lane & 1, high = lane & 2;
    uint32_t give = odd ? words.x : words.y, take = __shfl_xor_sync(~0u, give, 1);
    (odd ? words.x : words.y) = take;
    give = odd ? words.z : words.w, take = __shfl_xor_sync(~0u, give, 1);
    (odd ? words.z : words.w) = take;
    give = high ? words.x : words.z, take = __shfl_xor_sync(~0u, give, 2);
    (high ? words.x : words.z) = take;
    give = high ? words.y : words.w, take = __shfl_xor_sync(~0u, give, 2);
    (high ? words.y : words.w) = take;
    return words;
}

/* product [64, kRows] as bf16 to out: row i of the tile from out + i * row_bytes on, for i < n_rows; out: the 16
 * columns of the calling warp, 16-byte aligned. */
template <int kRows>
__device__ __forceinline__ void store_transposed(const float (&product)[kRows / 2], char* out, uint32_t row_bytes,
                                                 int n_rows, uint32_t lane)
{
    auto turned = [&](int at) { return ptx::transpose_8x8(pack(product[at], product[at + 1])); };
    /* 16 rows a turn: the lanes of a quad have 16 bytes each of rows quad and quad + 8. */
    const int mine = (int)(lane / 4 + (lane & 2 ? 8 : 0));
    char* place = out + (uint64_t)mine * row_bytes + (lane & 1 ? 16 : 0);
#pragma unroll
    for (int row = 0; row < kRows; row += 16) {
        const int at = row / 2;
        const uint4 words = transpose_quad({turned(at), turned(at + 2), turned(at + 4), turned(at + 6)}, lane);
        if (row + mine < n_rows) *(uint4*)place = words;
        place += 16 * (uint64_t)row_bytes;
    }
}

/* The same for what becomes of gate and up: 8 columns of the calling warp. */
template <int kRows, typename Activation>
__device__ __forceinline__ void store_activated(const float (&product)[kRows / 2], char* out, uint32_t row_bytes,
                                                int n_rows, uint32_t lane, Activation activation)
{
    auto turned = [&](int at) {
        if (at >= kRows / 2) return 0u;
        return ptx::transpose_8x8(pack(activation(product[at], product[at + 2]),
                                       activation(product[at + 1], product[at + 3])));
    };
    /* 32 rows a turn: the lanes of a quad have rows quad, quad + 8, quad + 16 and quad + 24. */
    const int mine = (int)(lane / 4 + lane % 4 * 8);
    char* place = out + (uint64_t)mine * row_bytes;
#pragma unroll
    for (int row = 0; row < kRows; row += 32) {
        const int at = row / 2;
        const uint4 words = transpose_quad({turned(at), turned(at + 4), turned(at + 8), turned(at + 12)}, lane);
        if (row + mine < n_rows) *(uint4*)place = words;
        place += 32 * (uint64_t)row_bytes;
    }
}

__device__ inline float activate(const Activation& how, float gate, float up)
{
    gate = fminf(gate, how.limit);
    up = fmaxf(fminf(up, how.limit), -how.limit);
    const float exponent = gate * (how.alpha + how.beta * gate * gate);
    return __fdividef(gate, 1.0f + __expf(-exponent)) * (up + how.shift);
}

__device__ inline float bias_of(const float* const* biases, int expert, int row)
{
    return biases ? biases[expert][row] : 0.0f;
}

/* Where the results for the rows of a tile go: to their rank at once where plain stores reach it, else to be sent. */
__device__ inline char* place_of_results(const Layer& layer, const TileInfo& tile)
{
    void* direct = ptr(layer.combine, layer.cells.combine_recv(layer.rank, tile.first_row), tile.src);
    return direct ? (char*)direct : layer.cells.expert_out(tile.src, tile.first_row);
}

/* The product of a unit to act. */
template <int kRows>
__device__ __forceinline__ void finish_gate_up(const Layer& layer, Multiplier& self, const Unit& unit,
                                               const float (&product)[kRows / 2])
{
    const Shape& shape = layer.shape;
    const uint32_t row_bytes = 2 * (uint32_t)shape.intermediate;
    const uint32_t warp = self.group * (kGroupThreads / 32) + self.warp();
    const int column = (int)((kPair * unit.index + self.block) * (kUnitRows / 2) + kGroupRows * warp);
    char* out = layer.act + (unit.info.src * shape.region_rows + unit.info.first_row) * (uint64_t)row_bytes;
    if (column < shape.intermediate) {
        const int e = unit.info.local_expert, row = column + (int)self.lane() / 4;
        const float gate_bias = bias_of(layer.biases.gate, e, row), up_bias = bias_of(layer.biases.up, e, row);
        const bool up_first = layer.up_first[e] != 0;
        const Activation how = layer.activation;
        store_activated<kRows>(product, out + 2 * column, row_bytes, (int)unit.info.n_rows, self.lane(),
                               [=](float first, float second) {
                                   const float gate = up_first ? second : first, up = up_first ? first : second;
                                   return activate(how, gate + gate_bias, up + up_bias);
                               });
    }
    ptx::fence_proxy_async(); /* the second product reads it by copies */
}

/* The product of a unit to where it is combined. */
template <int kRows>
__device__ __forceinline__ void finish_down(const Layer& layer, Multiplier& self, const Unit& unit,
                                            float (&product)[kRows / 2])
{
    const Shape& shape = layer.shape;
    const uint32_t warp = self.group * (kGroupThreads / 32) + self.warp();
    const int column = (int)((kPair * unit.index + self.block) * kUnitRows + 16 * warp);
    if (column >= shape.hidden) return;
    const int row = column + (int)self.lane() / 4;
    const float bias[2] = {bias_of(layer.biases.down, unit.info.local_expert, row),
                           bias_of(layer.biases.down, unit.info.local_expert, row + 8)};
#pragma unroll
    for (int i = 0; i < kRows / 2; i++) product[i] += bias[i / 2 % 2];
    store_transposed<kRows>(product, place_of_results(layer, unit.info) + 2 * column, (uint32_t)shape.row_bytes,
                            (int)unit.info.n_rows, self.lane());
}

template <int kRows>
__device__ __forceinline__ void run_unit(const Layer& layer, Multiplier& self, const Unit& unit)
{
    float product[kRows / 2];
    multiply<kRows>(self, unit.kind == kGateUp ? layer.shape.hidden : layer.shape.intermediate, product);
    if (unit.kind == kGateUp)
        finish_gate_up<kRows>(layer, self, unit, product);
    else
        finish_down<kRows>(layer, self, unit, product);
}

/* A unit, by the least of the products that has room for its rows. */
template <int kRows, int... kMoreRows>
__device__ __forceinline__ void run_fitting(const Layer& layer, Multiplier& self, const Unit& unit)
{
    if constexpr (sizeof...(kMoreRows) == 0) {
        run_unit<kRows>(layer, self, unit);
    } else {
        if (unit.info.n_rows <= kRows)
            run_unit<kRows>(layer, self, unit);
        else
            run_fitting<kMoreRows...>(layer, self, unit);
    }
}

/* The body of a multiplying warpgroup. */
__device__ __forceinline__ void multiply_units(const Layer& layer, const Call& call, Shared& shared)
{
    Multiplier self = {shared, {}, threadIdx.x / kGroupThreads, threadIdx.x % kGroupThreads, ptx::rank_in_cluster()};
    const uint32_t warp = (self.block * kMultiplyGroups + self.group) * (kGroupThreads / 32) + self.warp();
    for (Ring<kUnits> units;; units.next()) {
        const Unit unit = read_unit(shared, units);
        if (unit.kind == kStop) break;
        if (unit.kind == kCombine) {
            for (uint32_t i = warp; i < unit.n; i += kPair * kMultiplyWarps)
                run_combine<8>(layer, call, unit.index + i, self.lane());
        } else {
            run_fitting<16, 32, 64, 96, 128, 160, 192, 224, 256>(layer, self, unit);
        }
        __syncwarp();
        if (self.lane() == 0) ptx::barrier_arrive(units.of(shared.unit_done));
    }
}

}  // namespace pmx::moe::gpu
