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
    uint32_t box;    /* the next of its boxes */

    __device__ uint32_t warp() const { return thread / 32; }
    __device__ uint32_t lane() const { return thread % 32; }
    /* This warp has read the stage: both blocks may load it again. */
    __device__ void release(uint32_t empty_barrier) const
    {
        if (lane() < kPair) ptx::barrier_arrive_at(ptx::address_in(empty_barrier, lane()));
    }
};

/* The products of a stage; with kFirst sum has held nothing before. */
template <int kRows, bool kFirst>
__device__ __forceinline__ void multiply_stage(const Multiplier& self, float (&sum)[kRows / 2])
{
    Stage& stage = self.shared.stages[self.stages.at];
    const uint64_t a = ptx::matrix_descriptor(ptx::shared_address(stage.weights) +
                                              self.group * (uint32_t)(kUnitRows / 2 * kColumnBytes));
    const uint64_t b = ptx::matrix_descriptor(ptx::shared_address(stage.rows));
    ptx::barrier_wait(self.stages.of(self.shared.stage_full), self.stages.filled());
    ptx::wgmma_fence();
    if constexpr (kFirst)
        ptx::wgmma_first<kRows>(sum, a, b);
    else
        ptx::wgmma<kRows>(sum, a, b);
    /* 16 columns are 32 bytes; descriptors count 16. */
#pragma unroll
    for (int i = 1; i < kStageColumns / 16; i++) ptx::wgmma<kRows>(sum, a + 2 * i, b + 2 * i);
    ptx::wgmma_commit();
}

/* sum [64, kRows] = half of the weights of the unit times kRows rows of the tile, over all columns. */
template <int kRows>
__device__ __forceinline__ void multiply(Multiplier& self, int n_columns, float (&sum)[kRows / 2])
{
    multiply_stage<kRows, true>(self, sum);
    uint32_t to_release = self.stages.of(self.shared.stage_empty);
    self.stages.next();
#pragma unroll 1
    for (int column = kStageColumns; column < n_columns; column += kStageColumns) {
        multiply_stage<kRows, false>(self, sum);
        ptx::wgmma_wait<1>();
        self.release(to_release);
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

/* Rows of a product on their way to memory: kColumns columns of bf16, those of a warpgroup, kBoxRows rows at a time.
 * The warps write parts of rows, and read whole ones. Two boxes, so that one barrier for each is enough. */
template <int kColumns>
struct Outbox {
    static constexpr uint32_t kChunks = kColumns / 8; /* of 16 bytes in a row */
    static constexpr uint32_t kRows = kBoxBytes / (2 * kColumns);
    static constexpr uint32_t kRowsAtOnce = kGroupThreads / kChunks;

    /* Where a chunk of a row is: 8 rows one below the other meet different banks. */
    __device__ static uint32_t offset(uint32_t row, uint32_t chunk)
    {
        constexpr uint32_t rows_of_128 = 8 / kChunks;
        return row * (2 * kColumns) + ((chunk ^ row / rows_of_128 % kChunks) << 4);
    }
};

/* Where the results of a unit go: row i, for i < n_rows, begins at first + i * row_bytes; the warpgroup has the columns
 * from there on, of which n_columns are. */
struct Destination {
    char* first;
    uint32_t row_bytes;
    int n_rows;
    int n_columns;
};

/* Columns of kRows rows, as put_rows(row) puts them into a box: from row on those that the box has room for. */
template <int kColumns, int kRows, typename PutRows>
__device__ __forceinline__ void store_rows(Multiplier& self, const Destination& to, PutRows put_rows)
{
    using Box = Outbox<kColumns>;
    const uint32_t my_row = self.thread / Box::kChunks, my_chunk = self.thread % Box::kChunks;
    char* place = to.first + (uint64_t)my_row * to.row_bytes + 16 * my_chunk;
    const bool mine = (int)(8 * my_chunk) < to.n_columns;
#pragma unroll
    for (int row = 0; row < kRows; row += Box::kRows) {
        if (row >= to.n_rows) break;
        const uint32_t box = ptx::shared_address(self.shared.boxes[self.group][self.box]);
        put_rows(box, row);
        ptx::named_barrier(1 + self.group, kGroupThreads);
#pragma unroll
        for (uint32_t i = 0; i < Box::kRows; i += Box::kRowsAtOnce) {
            const uint4 words = ptx::load_shared(box + Box::offset(i + my_row, my_chunk));
            if (mine && row + (int)(i + my_row) < to.n_rows) *(uint4*)place = words;
            place += Box::kRowsAtOnce * (uint64_t)to.row_bytes;
        }
        self.box ^= 1;
    }
}

/* product [64, kRows] as bf16. */
template <int kRows>
__device__ __forceinline__ void store_product(Multiplier& self, const float (&product)[kRows / 2], const Destination& to)
{
    using Box = Outbox<kUnitRows / 2>;
    const uint32_t lane = self.lane(), row_in_16 = lane % 8 + lane / 16 * 8, chunk = 2 * self.warp() + lane / 8 % 2;
    store_rows<kUnitRows / 2, kRows>(self, to, [&](uint32_t box, int row) {
#pragma unroll
        for (int i = 0; i < (int)Box::kRows && row + i < kRows; i += 16) {
            const int at = (row + i) / 2;
            auto words = [&](int j) { return pack(product[at + 2 * j], product[at + 2 * j + 1]); };
            ptx::store_matrices_transposed(box + Box::offset((uint32_t)i + row_in_16, chunk), words(0), words(1), words(2),
                                           words(3));
        }
    });
}

/* What becomes of gate and up, as bf16. */
template <int kRows, typename Activation>
__device__ __forceinline__ void store_activated(Multiplier& self, const float (&product)[kRows / 2],
                                                const Destination& to, Activation activation)
{
    using Box = Outbox<kUnitRows / 4>;
    const uint32_t lane = self.lane(), chunk = self.warp();
    store_rows<kUnitRows / 4, kRows>(self, to, [&](uint32_t box, int row) {
#pragma unroll
        for (int i = 0; i < (int)Box::kRows && row + i < kRows; i += 32) {
            auto words = [&](int j) {
                const int at = (row + i) / 2 + 4 * j;
                if (at >= kRows / 2) return 0u;
                return pack(activation(product[at], product[at + 2]), activation(product[at + 1], product[at + 3]));
            };
            ptx::store_matrices_transposed(box + Box::offset((uint32_t)i + lane, chunk), words(0), words(1), words(2),
                                           words(3));
        }
    });
}

/* gate sigmoid(gate) up for the usual activation, without looking at its numbers. */
__device__ inline float swiglu(float gate, float up)
{
    constexpr float log2_e = 1.44269504f;
    return gate * up * ptx::reciprocal(1.0f + ptx::exp2(-log2_e * gate));
}

/* (1 + erf(g / sqrt 2)) / 2 within 2e-7, by the formula 7.1.26 of Abramowitz and Stegun. */
__device__ inline float normal_share(float g)
{
    constexpr float inverse_sqrt_2 = 0.70710678f, log2_e = 1.44269504f;
    const float z = fabsf(g) * inverse_sqrt_2, t = ptx::reciprocal(1.0f + 0.3275911f * z);
    const float poly = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
    const float rest = 0.5f * poly * ptx::exp2(-log2_e * z * z);
    return g < 0 ? rest : 1.0f - rest;
}

__device__ inline float sigmoid_share(const Activation& how, float g)
{
    return ptx::reciprocal(1.0f + ptx::exp2(-g * (how.alpha + how.beta * g * g)));
}

/* body(share_of), with what share_of(g) is for this activation: asked once, and not for each element, which would be
 * computed one after the other then. */
template <typename Body>
__device__ __forceinline__ void with_share(const Activation& how, Body body)
{
    switch (how.share) {
        case Share::kNormal:
            return body([](float g) { return normal_share(g); });
        case Share::kStep:
            return body([](float g) { return g > 0 ? 1.0f : 0.0f; });
        case Share::kSigmoid:
            return body([=](float g) { return sigmoid_share(how, g); });
    }
}

__device__ inline float activate(const Activation& how, float gate, float up)
{
    gate = fminf(gate, how.limit);
    up = fmaxf(fminf(up, how.limit), -how.limit);
    return gate * (up + how.shift) * sigmoid_share(how, gate);
}

__device__ inline float bias_of(const float* const* biases, int expert, int row)
{
    return biases ? biases[expert][row] : 0.0f;
}

/* Where the rows of a tile are between the two products. */
__device__ inline char* place_in_act(const Layer& layer, const TileInfo& tile)
{
    return layer.act + (tile.src * layer.shape.region_rows + tile.first_row) * (uint64_t)(2 * layer.shape.intermediate);
}

/* Where the results for the rows of a tile go: to their rank at once where plain stores reach it, else to be sent. */
__device__ inline char* place_of_results(const Layer& layer, const TileInfo& tile)
{
    if (tile.src == layer.shape.n_ranks)
        return layer.shared.out + tile.first_row * (uint64_t)layer.shape.row_bytes;
    void* direct = ptr(layer.combine, layer.cells.combine_recv(layer.rank, tile.first_row), tile.src);
    return direct ? (char*)direct : layer.cells.expert_out(tile.src, tile.first_row);
}

/* Gate and up the other way round. */
template <int kRows>
__device__ __forceinline__ void exchange(float (&product)[kRows / 2])
{
#pragma unroll
    for (int i = 0; i < kRows / 2; i += 4)
#pragma unroll
        for (int j = i; j < i + 2; j++) {
            const float first = product[j];
            product[j] = product[j + 2];
            product[j + 2] = first;
        }
}

/* The gates become twice what they let through, of which activate makes half, since alpha and beta are 0. */
template <int kRows>
__device__ __forceinline__ void pass_normal_share(float (&product)[kRows / 2], float gate_bias)
{
#pragma unroll
    for (int i = 0; i < kRows / 2; i += 4)
#pragma unroll
        for (int j = i; j < i + 2; j++) {
            const float gate = product[j] + gate_bias;
            product[j] = 2 * gate * normal_share(gate);
        }
}

/* The product of a unit to act. Its readers order it before their copies (load in produce.h). */
template <int kRows>
__device__ __forceinline__ void finish_gate_up(const Layer& layer, Multiplier& self, const Unit& unit,
                                               float (&product)[kRows / 2])
{
    const Shape& shape = layer.shape;
    const int e = unit.info.local_expert;
    const int column = (int)((kPair * unit.index + self.block) * (kUnitRows / 2) + self.group * (kUnitRows / 4));
    const Destination to = {place_in_act(layer, unit.info) + 2 * column, 2 * (uint32_t)shape.intermediate,
                            (int)unit.info.n_rows, shape.intermediate - column};
    if (layer.up_first[e] != 0) exchange<kRows>(product);
    if (layer.activation.plain && !layer.biases.gate && !layer.biases.up) {
        store_activated<kRows>(self, product, to, [](float gate, float up) { return swiglu(gate, up); });
        return;
    }
    const int row = min(column + (int)(kGroupRows * self.warp() + self.lane() / 4), shape.intermediate - 1);
    const float gate_bias = bias_of(layer.biases.gate, e, row), up_bias = bias_of(layer.biases.up, e, row);
    const Activation how = layer.activation;
    if (how.share == Share::kNormal) pass_normal_share<kRows>(product, gate_bias);
    const float bias = how.share == Share::kNormal ? 0.0f : gate_bias;
    store_activated<kRows>(self, product, to, [=](float gate, float up) {
        return activate(how, gate + bias, up + up_bias);
    });
}

/* The product of a unit of one matrix: of up where there is no gate, to act; of down, to where it is combined. */
template <int kRows>
__device__ __forceinline__ void finish_single(const Layer& layer, Multiplier& self, const Unit& unit,
                                              float (&product)[kRows / 2])
{
    const Shape& shape = layer.shape;
    const bool is_up = unit.kind == kGateUp;
    const int n_columns = is_up ? shape.intermediate : shape.hidden;
    const int column = (int)((kPair * unit.index + self.block) * kUnitRows + self.group * (kUnitRows / 2));
    const float* const* biases = is_up ? layer.biases.up : layer.biases.down;
    if (biases) {
        const float* bias = biases[unit.info.local_expert];
        const int row = column + (int)(16 * self.warp() + self.lane() / 4);
        const float low = bias[min(row, n_columns - 1)], high = bias[min(row + 8, n_columns - 1)];
#pragma unroll
        for (int i = 0; i < kRows / 2; i++) product[i] += i / 2 % 2 ? high : low;
    }
    if (is_up) {
        with_share(layer.activation, [&](auto share_of) {
#pragma unroll
            for (int i = 0; i < kRows / 2; i++) product[i] *= share_of(product[i]);
        });
    }
    char* first = is_up ? place_in_act(layer, unit.info) : place_of_results(layer, unit.info);
    store_product<kRows>(self, product,
                         {first + 2 * column, 2 * (uint32_t)n_columns, (int)unit.info.n_rows, n_columns - column});
}

template <int kRows>
__device__ __forceinline__ void run_unit(const Layer& layer, Multiplier& self, const Unit& unit)
{
    float product[kRows / 2];
    multiply<kRows>(self, unit.kind == kGateUp ? layer.shape.hidden : layer.shape.intermediate, product);
    if (unit.kind == kGateUp && layer.activation.gated)
        finish_gate_up<kRows>(layer, self, unit, product);
    else
        finish_single<kRows>(layer, self, unit, product);
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
    Multiplier self = {shared, {}, threadIdx.x / kGroupThreads, threadIdx.x % kGroupThreads, ptx::rank_in_cluster(), 0};
    const uint32_t warp = (self.block * kMultiplyGroups + self.group) * (kGroupThreads / 32) + self.warp();
    for (Ring<kUnits> units;; units.next()) {
        const Unit unit = read_unit(shared, units);
        if (unit.kind == kStop) break;
        if (unit.kind == kCombine) {
            for (uint32_t i = warp; i < unit.n; i += kPair * kMultiplyWarps)
                run_combine<8, 2>(layer, call, unit.index + i, self.lane());
        } else {
            run_fitting<16, 32, 64, 96, 128, 160, 192, 224, 256>(layer, self, unit);
        }
        __syncwarp();
        if (self.lane() == 0) ptx::barrier_arrive(units.of(shared.unit_done));
    }
}

}  // namespace pmx::moe::gpu
