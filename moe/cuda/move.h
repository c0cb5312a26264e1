/* SPDX-License-Identifier: BSD-3-Clause */
/* move.h: what warps do that move rows: pack the rows of this rank for their experts and send them off, and sum up the
 * results of its tokens. */
#pragma once

#include <cuda_bf16.h>

#include "moe/cuda/ptx.h"
#include "moe/cuda/queue.h"

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
    int expert;
    uint32_t n_rows;     /* of the expert */
    uint32_t first_row;  /* of the expert, in the order of experts */
    uint32_t region_row; /* of the expert, in the region at its rank */
    uint32_t begin, end; /* of the job, counted from first_row */
};

/* By a warp. */
__device__ inline Rows rows_of_job(const Layer& layer, uint32_t job, uint32_t lane)
{
    const Plan& plan = layer.plan;
    const int n_experts = layer.shape.experts;
    /* The last e with first_job[e] <= job: 32 candidates a turn. */
    int e = 0;
    for (int span = n_experts; span > 1;) {
        const int step = (span + 31) / 32, candidate = e + (int)lane * step;
        const bool before = (int)lane * step < span && plan.first_job[candidate] <= job;
        const int last = 31 - __clz((int)__ballot_sync(~0u, before));
        span = min(step, span - last * step);
        e += last * step;
    }
    const int expert = expert_in_order(layer, e);
    const uint32_t first = plan.first_row[expert], n_rows = plan.first_row[expert + 1] - first;
    const uint32_t begin = (job - plan.first_job[e]) * kJobRows;
    return {expert,
            n_rows,
            first,
            first - plan.first_row[expert - expert % layer.shape.local_experts],
            begin,
            min(begin + kJobRows, n_rows)};
}

/* Where the first row of the expert goes: to its rank at once where plain stores reach it, else to be sent. */
__device__ inline char* place_of(const Layer& layer, const Rows& rows)
{
    char* at_rank = layer.cells.dispatch_recv(layer.rank, rows.region_row);
    void* direct = ptr(layer.dispatch, at_rank, rows.expert / layer.shape.local_experts);
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

/* Announces the rows of an expert, all being in place: by a signal alone, by a put and its signal, or as one put of the
 * group of its rank. By one thread. */
__device__ inline int send_rows(const Layer& layer, const Rows& rows)
{
    const Ctx& ctx = layer.dispatch;
    const Shape& shape = layer.shape;
    const uint64_t call = *layer.call;
    const int dst = rows.expert / shape.local_experts, local_expert = rows.expert % shape.local_experts;
    const uint64_t word = ArrivalWord::make(call, rows.region_row, rows.n_rows);
    uint64_t* signal = layer.cells.dispatch_signal(call, layer.rank, local_expert);
    if (ptr(ctx, signal, dst)) return signal_set(thread, ctx, signal, word, dst);
    /* An expert without rows may stand behind the last row of its region: 0 bytes go to its begin. */
    void* to = layer.cells.dispatch_recv(layer.rank, rows.n_rows ? rows.region_row : 0);
    const void* from = layer.cells.dispatch_send(rows.n_rows ? rows.first_row : 0);
    const uint64_t n_bytes = rows.n_rows * shape.row_bytes;
    if (ctx.signals == PMX_SIGNALS_COUPLED)
        return put_signal(thread, ctx, to, from, n_bytes, signal, word, PMX_SIGNAL_SET, dst);
    if (int err = put(thread, ctx, to, from, n_bytes, dst)) return err;
    return group_arrive(thread, ctx, layer.groups[dst], (uint32_t)local_expert, word);
}

/* Where the result for choice i is, and its weight. */
struct Term {
    const char* row; /* NULL: no expert */
    float weight;
};

__device__ inline Term term_of(const Layer& layer, const Call& call, uint32_t i)
{
    const int n_local = layer.shape.local_experts, expert = call.ids[i];
    if (expert < 0) return {nullptr, 0};
    const uint32_t begin = layer.plan.first_row[expert - expert % n_local];
    return {layer.cells.combine_recv(expert / n_local, layer.plan.choice_row[i] - begin), call.weights[i]};
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

/* By a warp: y of a token = sum over its choices, in their order, of weight * result, in fp32. kRows results are read at a
 * time, kWide * 256 columns of each. */
template <int kRows, int kWide>
__device__ __forceinline__ void combine_token(const Layer& layer, const Call& call, uint32_t token, uint32_t lane)
{
    const int k = layer.shape.top_k;
    const uint32_t n_columns = (uint32_t)layer.shape.hidden;
    Term mine[2] = {{nullptr, 0}, {nullptr, 0}};
    for (int half = 0; half < 2; half++)
        if ((int)lane + 32 * half < k) mine[half] = term_of(layer, call, token * (uint32_t)k + lane + 32 * half);
    char* y = (char*)call.y + token * layer.shape.row_bytes;
    for (uint32_t first = 0; first < n_columns; first += 256 * kWide) {
        float sum[kWide][8] = {};
        for (int base = 0; base < k; base += kRows) {
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
                    if (base + j < k && row && column < n_columns) part[j][i] = __ldcs((const uint4*)(row + 2 * column));
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

/* Rows for experts of this rank are packed only as far ahead of the products as L2 holds them; until then the warp
 * combines. */
__device__ __forceinline__ void wait_for_products(const Layer& layer, const Call& call, const Rows& rows, uint32_t lane)
{
    constexpr uint64_t bytes_ahead = 16u << 20;
    if (rows.expert / layer.shape.local_experts != layer.rank) return;
    const uint32_t* first_tile = layer.plan.first_tile;
    const uint32_t tile = first_tile[rows.expert] - first_tile[layer.rank * layer.shape.local_experts];
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
    if (job >= layer.plan.first_job[layer.shape.experts]) return false;
    const Rows rows = rows_of_job(layer, job, mover.lane);
    wait_for_products(layer, call, rows, mover.lane);
    const uint32_t n_rows = rows.end - rows.begin, row_bytes = (uint32_t)layer.shape.row_bytes;
    const uint32_t token = mover.lane < n_rows ? layer.plan.row_token[rows.first_row + rows.begin + mover.lane] : 0;
    copy_rows(mover, (const char*)call.x, token, n_rows, row_bytes,
              place_of(layer, rows) + (uint64_t)rows.begin * row_bytes);
    if (mover.lane == 0) {
        ptx::bulk_wait();
        ptx::fence_proxy_async();
        if (add_acq_rel(layer.plan.rows_packed[rows.expert], n_rows) + n_rows == rows.n_rows)
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
