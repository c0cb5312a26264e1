/* SPDX-License-Identifier: BSD-3-Clause */
/* schedule.h: block 0 of the kernel, and half of block 1. Some warps watch the signals of dispatch and make tiles of what
 * arrives, others watch the signals of combine and count the results of each token, and one ends the kernel. */
#pragma once

#include "moe/cuda/queue.h"

namespace pmx::moe::gpu {

inline constexpr int kArrivalThreads = 128;
inline constexpr int kNearResultThreads = 224; /* of block 0 */
inline constexpr int kFarResultThreads = 192;  /* of block 1 */
inline constexpr int kResultThreads = kNearResultThreads + kFarResultThreads;

/* A word that cannot be right would send a tile out of its region. */
__device__ inline void add_tiles(const Layer& layer, int src, int local_expert, uint64_t word)
{
    const uint64_t first = ArrivalWord::first_row(word), n_rows = ArrivalWord::n_rows(word);
    if (n_rows > (uint64_t)layer.shape.max_tokens || first + n_rows > layer.shape.region_rows) {
        report(*layer.work, PMX_ERR_INTERNAL);
        return;
    }
    const uint32_t n_tile_rows = (uint32_t)even_tile_rows(n_rows, kTileRows);
    for (uint32_t row = 0, block = 0; row < n_rows; row += n_tile_rows, block++) {
        const uint32_t tile = add_relaxed(layer.work->tiles_added, 1u);
        layer.tiles[tile] = {src, local_expert, (uint32_t)first + row, min(n_tile_rows, (uint32_t)n_rows - row),
                             (uint32_t)tile_slot(layer.shape, first, local_expert, block)};
        append(layer, src == layer.rank ? kOwnTiles : kRemoteTiles, tile);
    }
}

/* Each thread watches every kArrivalThreads-th signal, those of other ranks first. */
__device__ inline void watch_arrivals(const Layer& layer, int thread)
{
    const Shape& shape = layer.shape;
    const uint64_t call = *layer.call;
    const int n_mine = (shape.places - thread + kArrivalThreads - 1) / kArrivalThreads;
    uint32_t missing = n_mine >= 32 ? ~0u : (1u << max(n_mine, 0)) - 1;
    while (missing != 0 && !stopped(*layer.work)) {
        for (uint32_t rest = missing; rest != 0; rest &= rest - 1) {
            const int bit = __ffs((int)rest) - 1, i = thread + bit * kArrivalThreads;
            const int src = (layer.rank + 1 + i / shape.local_experts) % shape.n_ranks;
            const int local_expert = i % shape.local_experts;
            const uint64_t word = pmx::detail::load_acquire(layer.cells.dispatch_signal(call, src, local_expert));
            if (!ArrivalWord::arrived(word, call)) continue;
            add_tiles(layer, src, local_expert, word);
            add_acq_rel(layer.work->sources_seen, 1u);
            missing &= ~(1u << bit);
        }
        __nanosleep(100);
    }
}

/* Tiles are dealt out to the watching warps in turn: which one comes i-th to a lane. */
__device__ inline uint32_t watched_tile(uint32_t thread, uint32_t i)
{
    constexpr uint32_t n_warps = kResultThreads / 32;
    return (32 * i + thread % 32) * n_warps + thread / 32;
}

/* The results that this thread watches, as plan.awaited has them from then on. */
__device__ inline void await_results(const Layer& layer, uint32_t thread)
{
    const Shape& shape = layer.shape;
    const Plan& plan = layer.plan;
    int place = 0;
    const uint32_t n_routed = plan.first_tile[shape.places], n_tiles = n_routed + layer.work->n_shared_tiles;
    for (uint32_t i = 0, tile; (tile = watched_tile(thread, i)) < n_tiles; i++) {
        if (tile >= n_routed) {
            const TileInfo& shared = layer.tiles[tile - n_routed];
            plan.awaited[tile] = {layer.shared.signals + shared.slot,
                                  (uint32_t)shape.max_rows() + shared.first_row % layer.shared.max_rows, shared.n_rows};
            continue;
        }
        while (plan.first_tile[place + 1] <= tile) place++;
        const int dst = place / shape.local_experts;
        const uint32_t n_rows = plan.first_row[place + 1] - plan.first_row[place], block = tile - plan.first_tile[place];
        const uint32_t n_tile_rows = (uint32_t)even_tile_rows(n_rows, kTileRows);
        const uint32_t region_row = plan.first_row[place] - plan.first_row[dst * shape.local_experts];
        const size_t slot = tile_slot(shape, region_row, place % shape.local_experts, block);
        plan.awaited[tile] = {layer.cells.combine_signal(dst, slot), plan.first_row[place] + block * n_tile_rows,
                              min(n_tile_rows, n_rows - block * n_tile_rows)};
    }
}

/* By a warp: the tokens to which nothing is missing now may be combined. */
__device__ inline void count_results(const Layer& layer, uint32_t first_row, uint32_t n_rows, uint32_t lane)
{
    constexpr uint32_t n_turns = kTileRows / 32;
    uint32_t token[n_turns], left[n_turns];
#pragma unroll
    for (uint32_t i = 0; i < n_turns; i++)
        token[i] = lane + 32 * i < n_rows ? layer.plan.row_token[first_row + lane + 32 * i] : 0;
    __threadfence(); /* what the signal has told, to whom the counts tell of it */
#pragma unroll
    for (uint32_t i = 0; i < n_turns; i++)
        left[i] = lane + 32 * i < n_rows ? add_relaxed(layer.plan.missing[token[i]], ~0u) : 0;
    __threadfence();
#pragma unroll
    for (uint32_t i = 0; i < n_turns; i++) append_some(layer, kTokens, left[i] == 1, token[i]);
}

/* A warp counts together what one of its lanes has seen. */
__device__ inline void watch_results(const Layer& layer, uint32_t thread)
{
    const uint64_t call = *layer.call;
    const uint32_t n_tiles = layer.plan.first_tile[layer.shape.places] + layer.work->n_shared_tiles, lane = thread % 32;
    await_results(layer, thread);
    uint32_t n_left = 1;
    while (__any_sync(~0u, n_left != 0) && !__any_sync(~0u, stopped(*layer.work))) {
        n_left = 0;
        for (uint32_t i = 0; watched_tile(thread - lane, i) < n_tiles; i++) {
            const uint32_t tile = watched_tile(thread, i);
            Awaited mine = {nullptr, 0, 0};
            if (tile < n_tiles) mine = layer.plan.awaited[tile];
            const bool came = mine.signal && pmx::detail::load_acquire(mine.signal) == call;
            if (came) layer.plan.awaited[tile].signal = nullptr;
            n_left += mine.signal && !came;
            for (uint32_t rest = __ballot_sync(~0u, came); rest != 0; rest &= rest - 1) {
                const int from = __ffs((int)rest) - 1;
                count_results(layer, __shfl_sync(~0u, mine.first_row, from), __shfl_sync(~0u, mine.n_rows, from), lane);
            }
        }
        __nanosleep(100);
    }
}

__device__ inline uint32_t progress(Work& work)
{
    return load_acquire(work.jobs_done) + load_acquire(work.sources_seen) + load_acquire(work.tiles_done) +
           load_acquire(work.tokens_done);
}

/* The next milestone that is not reached; notes the time of those that are. */
__device__ inline int advance(const Layer& layer, const Call& call, int milestone)
{
    Work& work = *layer.work;
    auto reached = [&](int which) {
        switch (which) {
            case kPacked:
                return load_acquire(work.jobs_done) == layer.plan.first_job[layer.shape.places];
            case kMultiplied:
                return load_acquire(work.sources_seen) == (uint32_t)layer.shape.places &&
                       load_acquire(work.tiles_done) == load_acquire(work.tiles_added);
            case kCombined:
                return load_acquire(work.tokens_done) == (uint32_t)call.n_tokens;
            default:
                return true;
        }
    };
    for (; milestone < kNumMilestones && reached(milestone); milestone++)
        work.reached_ns[milestone] = pmx::detail::now_ns();
    return milestone;
}

/* One thread: ends the kernel when all is done, when a rank or a context has failed, or when nothing has moved for the
 * time limit of the context. Fault words are across PCIe: once in a millisecond. */
__device__ inline void end_kernel(const Layer& layer, const Call& call)
{
    constexpr uint64_t between_looks_ns = 1000000;
    Work& work = *layer.work;
    uint64_t last_move_ns = pmx::detail::now_ns(), next_look_ns = last_move_ns + between_looks_ns;
    uint32_t last_progress = 0;
    int milestone = kBegun;
    while (load_relaxed(work.error) == PMX_SUCCESS && (milestone = advance(layer, call, milestone)) < kNumMilestones) {
        __nanosleep(200);
        const uint64_t now_ns = pmx::detail::now_ns();
        if (now_ns < next_look_ns) continue;
        next_look_ns = now_ns + between_looks_ns;
        const uint32_t now_progress = progress(work);
        if (now_progress != last_progress) last_move_ns = now_ns;
        last_progress = now_progress;
        int err = pmx::detail::fault_of(layer.dispatch, PMX_RANK_ANY);
        if (!err) err = pmx::detail::fault_of(layer.combine, PMX_RANK_ANY);
        if (!err && now_ns - last_move_ns > layer.dispatch.timeout_ns) err = PMX_ERR_TIMEOUT;
        if (err) report(work, err);
    }
    *layer.error_host = load_relaxed(work.error);
    store_release(work.stop, 1u);
}

/* The body of block 0. */
__device__ __forceinline__ void schedule(const Layer& layer, const Call& call)
{
    const int thread = (int)threadIdx.x;
    if (thread < kArrivalThreads)
        watch_arrivals(layer, thread);
    else if (thread < kArrivalThreads + kNearResultThreads)
        watch_results(layer, (uint32_t)(thread - kArrivalThreads));
    else if (thread == kArrivalThreads + kNearResultThreads)
        end_kernel(layer, call);
}

}  // namespace pmx::moe::gpu
