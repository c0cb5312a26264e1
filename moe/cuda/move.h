/* SPDX-License-Identifier: BSD-3-Clause */
/* move.h: what warps do that move rows: pack the rows of this rank for their experts and send them off; then they
 * combine. */
#pragma once

#include "moe/cuda/combine.h"
#include "moe/cuda/ptx.h"

namespace pmx::moe::gpu {

/* Shared memory of a packing warp: pieces of rows on their way. */
struct MoveBuffer {
    static constexpr int kPieces = 8;
    static constexpr int kPieceBytes = 2048;
    static constexpr int kAhead = 6; /* loads under way before the first store */

    char pieces[kPieces][kPieceBytes];
};

/* A warp that packs; lane 0 has its copies. */
struct Mover {
    MoveBuffer* buffer;
    uint32_t barriers; /* [MoveBuffer::kPieces] of one arrival */
    uint32_t n_loads;  /* so far: the barrier and parity of the next */
    uint32_t n_stores;
    uint32_t lane;
};

struct Rows {
    int place;           /* of their expert */
    uint32_t n_rows;     /* of the place */
    uint32_t first_row;  /* of the place, in the order of places */
    uint32_t region_row; /* of the place, in the region at its rank */
    uint32_t begin, end; /* of the job, counted from first_row */
};

/* By a warp. */
__device__ inline Rows rows_of_job(const Layer& layer, uint32_t job, uint32_t lane)
{
    const Plan& plan = layer.plan;
    const int n_places = layer.shape.places;
    /* The last i with first_job[i] <= job: 32 candidates a turn. */
    int i = 0;
    for (int span = n_places; span > 1;) {
        const int step = (span + 31) / 32, candidate = i + (int)lane * step;
        const bool before = (int)lane * step < span && plan.first_job[candidate] <= job;
        const int last = 31 - __clz((int)__ballot_sync(~0u, before));
        span = min(step, span - last * step);
        i += last * step;
    }
    const int place = place_in_order(layer, i);
    const uint32_t first = plan.first_row[place], n_rows = plan.first_row[place + 1] - first;
    const uint32_t begin = (job - plan.first_job[i]) * kJobRows;
    return {place,
            n_rows,
            first,
            first - plan.first_row[place - place % layer.shape.local_experts],
            begin,
            min(begin + kJobRows, n_rows)};
}

/* Where the first row goes: to its rank at once where plain stores reach it, else to be sent. */
__device__ inline char* destination_of(const Layer& layer, const Rows& rows)
{
    char* at_rank = layer.cells.dispatch_recv(layer.rank, rows.region_row);
    void* direct = ptr(layer.dispatch, at_rank, rows.place / layer.shape.local_experts);
    return direct ? (char*)direct : layer.cells.dispatch_send(rows.first_row);
}

/* Rows of x, whose tokens the lanes hold, one behind the other to dst; through shared memory by bulk copies. */
__device__ __forceinline__ void copy_rows(Mover& mover, const char* x, uint32_t token, uint32_t n_rows, uint32_t row_bytes,
                                 char* dst)
{
    using Buffer = MoveBuffer;
    const uint32_t n_row_pieces = (row_bytes + Buffer::kPieceBytes - 1) / Buffer::kPieceBytes;
    const uint32_t n_pieces = n_rows * n_row_pieces;
    auto slot_of = [&](uint32_t n) { return ptx::shared_address(mover.buffer->pieces[n % Buffer::kPieces]); };
    auto barrier_of = [&](uint32_t n) { return mover.barriers + 8 * (n % Buffer::kPieces); };
    for (uint32_t i = 0; i < n_pieces + Buffer::kAhead; i++) {
        const uint32_t row = i / n_row_pieces, off = i % n_row_pieces * Buffer::kPieceBytes;
        const uint32_t row_token = __shfl_sync(~0u, token, (int)(row & 31));
        if (mover.lane != 0) continue;
        if (i < n_pieces) {
            /* The store from this slot is kPieces - kAhead before the newest. */
            ptx::bulk_wait_read<Buffer::kPieces - Buffer::kAhead - 1>();
            const uint32_t n_bytes = min(row_bytes - off, (uint32_t)Buffer::kPieceBytes);
            ptx::barrier_arrive_expect(barrier_of(mover.n_loads), n_bytes);
            ptx::bulk_load(slot_of(mover.n_loads), x + (uint64_t)row_token * row_bytes + off, n_bytes,
                           barrier_of(mover.n_loads));
            mover.n_loads++;
        }
        if (i >= Buffer::kAhead) {
            const uint32_t piece = i - Buffer::kAhead, piece_off = piece % n_row_pieces * Buffer::kPieceBytes;
            ptx::barrier_wait(barrier_of(mover.n_stores), mover.n_stores / Buffer::kPieces & 1);
            ptx::bulk_store(dst + (uint64_t)(piece / n_row_pieces) * row_bytes + piece_off, slot_of(mover.n_stores),
                            min(row_bytes - piece_off, (uint32_t)Buffer::kPieceBytes));
            mover.n_stores++;
        }
    }
}

/* The same, each row multiplied by the weight that its lane holds, without shared memory. */
__device__ __forceinline__ void copy_weighted_rows(uint32_t lane, const char* x, uint32_t token, float weight,
                                                   uint32_t n_rows, uint32_t row_bytes, char* dst)
{
    constexpr uint32_t part_bytes = 16, n_parts = 4; /* at a time, each by all lanes */
    for (uint32_t row = 0; row < n_rows; row++) {
        const char* from = x + (uint64_t)__shfl_sync(~0u, token, (int)row) * row_bytes;
        const float row_weight = __shfl_sync(~0u, weight, (int)row);
        for (uint32_t first = lane * part_bytes; first < row_bytes; first += 32 * part_bytes * n_parts) {
            uint4 parts[n_parts] = {};
#pragma unroll
            for (uint32_t i = 0; i < n_parts; i++)
                if (first + 32 * part_bytes * i < row_bytes) parts[i] = *(const uint4*)(from + first + 32 * part_bytes * i);
#pragma unroll
            for (uint32_t i = 0; i < n_parts; i++) {
                float product[8] = {};
                add_part(product, row_weight, parts[i]);
                if (first + 32 * part_bytes * i < row_bytes)
                    *(uint4*)(dst + (uint64_t)row * row_bytes + first + 32 * part_bytes * i) = to_bf16(product);
            }
        }
    }
    __syncwarp();
}

/* Announces the rows of a place, all being there: by a signal alone, by a put and its signal, or as one put of the
 * group of its rank. By one thread. */
__device__ inline int send_rows(const Layer& layer, const Rows& rows)
{
    const Ctx& ctx = layer.dispatch;
    const Shape& shape = layer.shape;
    const uint64_t call = *layer.call;
    const int dst = rows.place / shape.local_experts, local_expert = rows.place % shape.local_experts;
    const uint64_t word = ArrivalWord::make(call, rows.region_row, rows.n_rows);
    uint64_t* signal = layer.cells.dispatch_signal(call, layer.rank, local_expert);
    if (ptr(ctx, signal, dst)) return signal_set(thread, ctx, signal, word, dst);
    /* A place without rows may stand behind the last row of its region: 0 bytes go to its begin. */
    void* to = layer.cells.dispatch_recv(layer.rank, rows.n_rows ? rows.region_row : 0);
    const void* from = layer.cells.dispatch_send(rows.n_rows ? rows.first_row : 0);
    const uint64_t n_bytes = rows.n_rows * shape.row_bytes;
    if (ctx.signals == PMX_SIGNALS_COUPLED)
        return put_signal(thread, ctx, to, from, n_bytes, signal, word, PMX_SIGNAL_SET, dst);
    if (int err = put(thread, ctx, to, from, n_bytes, dst)) return err;
    return group_arrive(thread, ctx, layer.groups[dst], (uint32_t)local_expert, word);
}

/* Rows for experts of this rank are packed only as far ahead of the products as L2 holds them; until then the warp
 * combines. */
__device__ __forceinline__ void wait_for_products(const Layer& layer, const Call& call, const Rows& rows, uint32_t lane)
{
    constexpr uint64_t bytes_ahead = 16u << 20;
    if (rows.place / layer.shape.local_experts != layer.rank) return;
    const uint32_t* first_tile = layer.plan.first_tile;
    const uint32_t tile = layer.work->n_shared_tiles + first_tile[rows.place] -
                          first_tile[layer.rank * layer.shape.local_experts];
    const uint32_t n_ahead = 4 + (uint32_t)(bytes_ahead / (kTileRows * layer.shape.row_bytes));
    QueueState& own = layer.work->queues[kOwnTiles];
    auto too_early = [&] {
        const uint32_t n_begun = load_relaxed(own.n_taken) / layer.queues[kOwnTiles].n_units;
        return __shfl_sync(~0u, tile > n_begun + n_ahead && !stopped(*layer.work), 0);
    };
    while (too_early())
        if (!try_combine(layer, call, lane)) __nanosleep(500);
}

/* By a warp: packs up to kJobRows rows. False when no job is left. */
__device__ __forceinline__ bool run_job(const Layer& layer, const Call& call, Mover& mover)
{
    Work& work = *layer.work;
    uint32_t job = mover.lane == 0 ? add_relaxed(work.next_job, 1u) : 0;
    job = __shfl_sync(~0u, job, 0);
    if (job >= layer.plan.first_job[layer.shape.places]) return false;
    const Rows rows = rows_of_job(layer, job, mover.lane);
    wait_for_products(layer, call, rows, mover.lane);
    const uint32_t n_rows = rows.end - rows.begin, row_bytes = (uint32_t)layer.shape.row_bytes;
    const uint32_t row = rows.first_row + rows.begin + mover.lane;
    const uint32_t token = mover.lane < n_rows ? layer.plan.row_token[row] : 0;
    char* to = destination_of(layer, rows) + (uint64_t)rows.begin * row_bytes;
    if (layer.plan.row_weight)
        copy_weighted_rows(mover.lane, (const char*)call.x, token, mover.lane < n_rows ? layer.plan.row_weight[row] : 0,
                           n_rows, row_bytes, to);
    else
        copy_rows(mover, (const char*)call.x, token, n_rows, row_bytes, to);
    if (mover.lane == 0) {
        ptx::bulk_wait();
        ptx::fence_proxy_async();
        if (add_acq_rel(layer.plan.rows_packed[rows.place], n_rows) + n_rows == rows.n_rows)
            if (int err = send_rows(layer, rows)) report(work, err);
        add_acq_rel(work.jobs_done, 1u);
    }
    __syncwarp();
    return true;
}

/* Makes the barriers of a mover, by one thread. */
__device__ inline void init_mover(uint64_t* barriers)
{
    for (int i = 0; i < MoveBuffer::kPieces; i++) ptx::barrier_init(ptx::shared_address(barriers + i), 1);
}

/* The body of a moving warp. */
__device__ __forceinline__ void move(const Layer& layer, const Call& call, Mover mover)
{
    while (!stopped(*layer.work) && run_job(layer, call, mover)) {
    }
    while (!stopped(*layer.work))
        if (!try_combine(layer, call, mover.lane)) __nanosleep(1000);
}

}  // namespace pmx::moe::gpu
