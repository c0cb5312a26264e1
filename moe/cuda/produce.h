/* SPDX-License-Identifier: BSD-3-Clause */
/* produce.h: what serves the multipliers: one thread of a pair of blocks takes units of work, the nearest to a result
 * first; in each block one loads their operands stage by stage, and one tells others when a unit is done. */
#pragma once

#include "moe/cuda/pipe.h"

namespace pmx::moe::gpu {

/* The next unit of a tile; false when none is ready. */
__device__ inline bool take_unit(const Layer& layer, Unit* unit_out)
{
    constexpr QueueName by_rank[] = {kResults, kRemoteTiles, kOwnTiles};
    bool ready[3];
#pragma unroll
    for (int i = 0; i < 3; i++) ready[i] = may_take(layer, by_rank[i]);
#pragma unroll
    for (int i = 0; i < 3; i++) {
        const QueueName name = by_rank[i];
        uint32_t number;
        if (!ready[i] || !take(layer, name, 1, &number)) continue;
        const uint32_t tile = entry_of(layer, name, number);
        *unit_out = {name == kResults ? kDown : kGateUp, tile, number % layer.queues[name].n_units, 1, layer.tiles[tile]};
        return true;
    }
    return false;
}

__device__ inline Unit next_unit(const Layer& layer)
{
    constexpr uint32_t tokens_at_once = kPair * kMultiplyWarps; /* then there may be tiles again */
    Unit unit = {kStop, 0, 0, 0, {}};
    while (!stopped(*layer.work) && !take_unit(layer, &unit)) {
        unit.n = may_take(layer, kTokens) ? take(layer, kTokens, tokens_at_once, &unit.index) : 0;
        if (unit.n != 0) {
            unit.kind = kCombine;
            break;
        }
        __nanosleep(200);
    }
    return unit;
}

__device__ inline void hand_out(const Unit& unit, Shared& shared, const Ring<kUnits>& units)
{
    const uint32_t place = ptx::shared_address(&shared.units[units.at]), full = units.of(shared.unit_full);
    const uint32_t* words = (const uint32_t*)&unit;
    for (uint32_t block = 0; block < kPair; block++) {
        const uint32_t there = ptx::address_in(place, block);
#pragma unroll
        for (uint32_t i = 0; i < sizeof(Unit) / 4; i++) ptx::store_in_cluster(there + 4 * i, words[i]);
        ptx::barrier_arrive_in_cluster(ptx::address_in(full, block));
    }
}

/* The body of the choosing thread. */
__device__ __forceinline__ void choose(const Layer& layer, Shared& shared)
{
    Ring<kUnits> units;
    Unit unit;
    uint32_t n = 0;
    do {
        ptx::barrier_wait(ptx::shared_address(&shared.unit_wanted), n++ & 1);
        unit = next_unit(layer);
        ptx::barrier_wait_in_cluster(units.of(shared.unit_empty), units.emptied());
        hand_out(unit, shared, units);
        units.next();
    } while (unit.kind != kStop);
}

/* What a block loads for a unit: its weights, and one box of rows of the tile for both blocks of the pair. */
struct Operands {
    const CUtensorMap* rows;
    const CUtensorMap* weights;
    int first_weight; /* row of down, or group of gate and up */
    int first_row;
    uint32_t box_rows;
    int n_columns;
    bool gate_up;
};

__device__ __forceinline__ Operands operands_of(const Layer& layer, const Call& call, const Unit& unit, int block)
{
    const Shape& shape = layer.shape;
    const TileInfo& tile = unit.info;
    int box = 0;
    while ((uint32_t)(kPair * kLeastBoxRows << box) < tile.n_rows) box++;
    const int box_rows = kLeastBoxRows << box, first = (int)(kPair * unit.index) + block;
    const int first_row = (int)(tile.src * shape.region_rows + tile.first_row) + block * box_rows;
    if (unit.kind == kGateUp) {
        const bool gated = layer.activation.gated, shared = tile.src == shape.n_ranks;
        return {shared ? &call.rows[box] : &layer.received[box],
                layer.gate_up + tile.local_expert,
                gated ? first * kUnitRows / (2 * kGroupRows) : first * kUnitRows,
                shared ? (int)(tile.first_row % layer.shared.max_rows) + block * box_rows : first_row,
                (uint32_t)box_rows,
                shape.hidden,
                gated};
    }
    return {&layer.hidden[box], layer.down + tile.local_expert, first * kUnitRows, first_row, (uint32_t)box_rows,
            shape.intermediate, false};
}

/* By the loading threads: the first block's speaks for both. */
__device__ inline void want_unit(Shared& shared, uint32_t block)
{
    if (block == 0) ptx::barrier_arrive(ptx::shared_address(&shared.unit_wanted));
}

inline constexpr int kWantAhead = 4; /* stages: as long as it takes to find the next unit */

__device__ __forceinline__ void load_operands(const Operands& from, uint32_t block, Shared& shared,
                                              Ring<kStages>& stages)
{
    const uint32_t box_bytes = from.box_rows * kColumnBytes;
    const int want_at = max(0, (from.n_columns - 1) / kStageColumns - kWantAhead) * kStageColumns;
    for (int column = 0; column < from.n_columns; column += kStageColumns) {
        if (column == want_at) want_unit(shared, block);
        Stage& stage = shared.stages[stages.at];
        const uint32_t full = stages.of(shared.stage_full), weights = ptx::shared_address(stage.weights);
        ptx::barrier_wait(stages.of(shared.stage_empty), stages.emptied());
        ptx::barrier_arrive_expect(full, kUnitRows * kColumnBytes + kPair * box_bytes);
        if (from.gate_up)
            ptx::load_box_4d(weights, from.weights, column, from.first_weight, full);
        else
            ptx::load_box(weights, from.weights, column, from.first_weight, full);
        ptx::load_box_to_pair(ptx::shared_address(stage.rows) + block * box_bytes, from.rows, column, from.first_row,
                              full);
        stages.next();
    }
}

/* The body of the loading thread. */
__device__ __forceinline__ void load(const Layer& layer, const Call& call, Shared& shared)
{
    Ring<kStages> stages;
    const uint32_t block = ptx::rank_in_cluster();
    want_unit(shared, block);
    Ring<kUnits> units, before;
    for (bool first = true;; first = false, before = units, units.next()) {
        const Unit unit = read_unit(shared, units);
        release_unit(shared, units);
        if (unit.kind == kStop) break;
        if (unit.kind == kCombine) {
            /* One is taken ahead, not more: units of tiles would have to wait behind them. */
            if (!first) ptx::barrier_wait(before.of(shared.unit_done), before.filled());
            want_unit(shared, block);
            continue;
        }
        /* Rows and act were written by plain stores, of which the choosing thread has acquired. */
        ptx::fence_proxy_async();
        load_operands(operands_of(layer, call, unit, (int)block), block, shared, stages);
    }
}

/* The last of the blocks that work on a tile has seen what all have stored. */
__device__ inline bool is_last(uint32_t& units_done, uint32_t n_units)
{
    return add_acq_rel(units_done, 1u) + 1 == kPair * n_units;
}

/* The results of a tile are all there: tells the rank of its rows. */
__device__ inline void send_results(const Layer& layer, const TileInfo& tile)
{
    const Ctx& ctx = layer.combine;
    uint64_t* signal = layer.cells.combine_signal(layer.rank, tile.slot); /* not of the shared expert */
    int err = PMX_SUCCESS;
    if (tile.src == layer.shape.n_ranks)
        store_release(layer.shared.signals[tile.slot], *layer.call);
    else if (ptr(ctx, signal, tile.src))
        err = signal_set(thread, ctx, signal, *layer.call, tile.src);
    else
        err = put_signal(thread, ctx, layer.cells.combine_recv(layer.rank, tile.first_row),
                         layer.cells.expert_out(tile.src, tile.first_row), tile.n_rows * layer.shape.row_bytes, signal,
                         *layer.call, PMX_SIGNAL_SET, tile.src);
    if (err) report(*layer.work, err);
    add_acq_rel(layer.work->tiles_done, 1u);
}

/* The body of the telling thread. */
__device__ __forceinline__ void tell(const Layer& layer, Shared& shared)
{
    for (Ring<kUnits> units;; units.next()) {
        const Unit unit = read_unit(shared, units);
        if (unit.kind != kStop) ptx::barrier_wait(units.of(shared.unit_done), units.filled());
        release_unit(shared, units);
        if (unit.kind == kStop) break;
        if (unit.kind == kGateUp && is_last(layer.units_done[unit.tile], layer.queues[kOwnTiles].n_units))
            append(layer, kResults, unit.tile);
        if (unit.kind == kDown &&
            is_last(layer.units_done[layer.n_most_tiles + unit.tile], layer.queues[kResults].n_units))
            send_results(layer, unit.info);
    }
}

}  // namespace pmx::moe::gpu
