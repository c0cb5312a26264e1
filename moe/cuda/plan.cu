/* SPDX-License-Identifier: BSD-3-Clause */
/* plan.cu: what comes before the kernel in the stream: clears the words of the last call, and sorts the choices of the
 * tokens by place, then token. Blocks take a chunk of tokens each; the first kernel counts, the second deals out rows. */
#include <algorithm>
#include <cub/block/block_scan.cuh>

#include "moe/cuda/plan.h"
#include "moe/cuda/queue.h"

namespace pmx::moe::gpu {

namespace {

constexpr int kThreads = 256;
constexpr int kChunkChoices = 512;
constexpr int kTurns = kChunkChoices / kThreads; /* choices of a thread */
constexpr int kLeastBlocks = 16; /* to clear what there is */

int chunk_tokens(const Shape& shape) { return kChunkChoices / shape.top_k; }

__device__ void fill(uint32_t* words, uint64_t n, uint32_t value)
{
    for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (uint64_t)blockDim.x)
        words[i] = value;
}

/* By all blocks together. */
__device__ void clear(const Layer& layer, const Call& call)
{
    for (const Queue& queue : layer.queues) fill(queue.entries, queue.capacity, 0);
    fill(layer.units_done, 2 * (uint64_t)layer.n_most_tiles, 0);
    fill(layer.plan.rows_packed, (uint64_t)layer.shape.places, 0);
    fill((uint32_t*)layer.work, sizeof(Work) / 4, 0);
    if (blockIdx.x == 0 && threadIdx.x == 0) ++*layer.call;
}

/* A thread's choice in a chunk: those of a warp follow each other. */
__device__ int choice_of(int turn) { return (int)(threadIdx.x / 32 * 32 * kTurns + 32 * turn + threadIdx.x % 32); }

struct Chunk {
    int n_choices;
    uint32_t first_choice;
};

/* How many choices of a token get a row. */
__device__ uint32_t n_valid(const int32_t* places, int k)
{
    uint32_t n = 0;
    for (int i = 0; i < k; i++) n += places[i] >= 0;
    return n;
}

/* The places of this block's tokens, in shared memory, and -1 behind them. Ends with a barrier. */
__device__ Chunk load_chunk(const Layer& layer, const Call& call, int n_chunk_tokens, int32_t* places)
{
    const int k = layer.shape.top_k, first = (int)blockIdx.x * n_chunk_tokens;
    const Chunk chunk = {max(0, min(n_chunk_tokens, call.n_tokens - first)) * k, (uint32_t)(first * k)};
    for (int i = (int)threadIdx.x; i < kChunkChoices; i += kThreads)
        places[i] = i < chunk.n_choices ? call.places[chunk.first_choice + i] : -1;
    __syncthreads();
    return chunk;
}

/* Shared memory: [N] choices of each place. */
__global__ void __launch_bounds__(kThreads) count(const __grid_constant__ Layer layer, const __grid_constant__ Call call,
                                                  int n_chunk_tokens)
{
    __shared__ int32_t places[kChunkChoices];
    extern __shared__ uint32_t n_of[];
    clear(layer, call);
    const int n_places = layer.shape.places;
    for (int place = (int)threadIdx.x; place < n_places; place += kThreads) n_of[place] = 0;
    const Chunk chunk = load_chunk(layer, call, n_chunk_tokens, places);
    for (int i = (int)threadIdx.x; i < chunk.n_choices; i += kThreads)
        if (places[i] >= 0) atomicAdd(&n_of[places[i]], 1u);
    __syncthreads();
    for (int place = (int)threadIdx.x; place < n_places; place += kThreads)
        layer.plan.counts[blockIdx.x * (uint64_t)n_places + place] = n_of[place];
    const int k = layer.shape.top_k;
    for (int i = (int)threadIdx.x * k; i < chunk.n_choices; i += kThreads * k)
        layer.plan.missing[(chunk.first_choice + i) / k] = n_valid(places + i, k) + (uint32_t)layer.shared.n_slices;
}

/* first_out[i] = what value_of gives for all before i; by one block. */
template <typename ValueOf>
__device__ void scan(int n, uint32_t* first_out, ValueOf value_of)
{
    using Scan = cub::BlockScan<uint32_t, kThreads>;
    __shared__ typename Scan::TempStorage storage;
    uint32_t before = 0;
    for (int base = 0; base < n; base += kThreads) {
        const int i = base + (int)threadIdx.x;
        uint32_t first, sum;
        Scan(storage).ExclusiveSum(i < n ? value_of(i) : 0u, first, sum);
        if (i < n) first_out[i] = before + first;
        before += sum;
        __syncthreads();
    }
    if (threadIdx.x == 0) first_out[n] = before;
    __syncthreads();
}

/* Groups of the dispatch, for the signals of this call. */
__device__ void make_groups(const Layer& layer)
{
    const Shape& shape = layer.shape;
    const uint64_t call = *layer.call;
    for (int dst = (int)threadIdx.x; dst < shape.n_ranks; dst += kThreads)
        layer.groups[dst] = {dst,
                             (uint32_t)shape.local_experts,
                             layer.cells.dispatch_signal(call, layer.rank, 0),
                             sizeof(uint64_t),
                             layer.values_sym + ((call & 1) * shape.n_ranks + dst) * shape.local_experts,
                             0};
}

/* Tiles of the shared expert, which are ready from the start; the first to be taken of the rank's own. */
__device__ void add_shared_tiles(const Layer& layer, const Call& call)
{
    const SharedExpert& shared = layer.shared;
    const uint32_t n_rows = (uint32_t)call.n_tokens, n_of_slice = (uint32_t)n_even_tiles(n_rows, kTileRows);
    const uint32_t n = n_of_slice * (uint32_t)shared.n_slices, n_tile_rows = (uint32_t)even_tile_rows(n_rows, kTileRows);
    if (threadIdx.x == 0) layer.work->n_shared_tiles = layer.work->tiles_added = n;
    for (uint32_t i = threadIdx.x; i < n; i += kThreads) {
        const uint32_t slice = i / n_of_slice, row = i % n_of_slice * n_tile_rows;
        layer.tiles[i] = {layer.shape.n_ranks, layer.shape.local_experts + (int32_t)slice, slice * shared.max_rows + row,
                          min(n_tile_rows, n_rows - row), i};
        append(layer, kOwnTiles, i);
    }
}

/* By a warp for each token. */
__global__ void __launch_bounds__(kThreads) gate(const __grid_constant__ Layer layer, const __grid_constant__ Call call)
{
    const uint32_t token = (blockIdx.x * kThreads + threadIdx.x) / 32, lane = threadIdx.x % 32;
    if (token >= (uint32_t)call.n_tokens) return;
    const uint32_t* row = (const uint32_t*)((const char*)call.x + token * layer.shape.row_bytes);
    const uint32_t* router = (const uint32_t*)layer.shared.router;
    float sum = 0;
    for (uint32_t i = lane; i < (uint32_t)layer.shape.row_bytes / 4; i += 32) {
        const uint32_t x = row[i], w = router[i];
        sum += __uint_as_float(x << 16) * __uint_as_float(w << 16);
        sum += __uint_as_float(x & 0xffff0000u) * __uint_as_float(w & 0xffff0000u);
    }
    for (int i = 16; i > 0; i /= 2) sum += __shfl_xor_sync(~0u, sum, i);
    if (lane == 0) layer.shared.gate[token] = 1.0f / (1.0f + expf(-sum));
}

/* Each warp takes as many choices of the chunk as the others, in their order. n_before: [warp][N], at first 0; then how
 * many choices of a place are in the warps before. Returns in turn_out how many choices of the same place come
 * before those of the calling thread in its warp. */
__device__ void order_choices(const int32_t* places, int n_places, uint16_t* n_before, uint32_t (&turn_out)[kTurns])
{
    uint16_t* mine = n_before + threadIdx.x / 32 * (uint32_t)n_places;
    for (int turn = 0; turn < kTurns; turn++) {
        const int place = places[choice_of(turn)];
        const uint32_t alike = __match_any_sync(~0u, place), below = alike & pmx::ptx::lanes_below();
        const uint32_t n = place >= 0 ? mine[place] : 0;
        turn_out[turn] = n + (uint32_t)__popc((int)below);
        __syncwarp();
        if (place >= 0 && below == 0) mine[place] = (uint16_t)(n + (uint32_t)__popc((int)alike));
        __syncwarp();
    }
    __syncthreads();
    for (int place = (int)threadIdx.x; place < n_places; place += kThreads) {
        uint16_t sum = 0;
        for (int warp = 0; warp < kThreads / 32; warp++) {
            uint16_t& here = n_before[warp * n_places + place];
            const uint16_t n = here;
            here = sum;
            sum = (uint16_t)(sum + n);
        }
    }
    __syncthreads();
}

/* Shared memory: [N + 1] where the rows of each place begin; [N] how many of them are of blocks before this one; [warp][N]
 * of warps before (order_choices). */
__global__ void __launch_bounds__(kThreads) deal(const __grid_constant__ Layer layer, const __grid_constant__ Call call,
                                                  int n_chunk_tokens)
{
    __shared__ int32_t places[kChunkChoices];
    extern __shared__ uint32_t next_row[];
    const Shape& shape = layer.shape;
    const Plan& plan = layer.plan;
    const int n_places = shape.places;
    /* Choices of the place in all chunks; those in the chunks before this one wait in before. */
    uint32_t* before = next_row + n_places + 1;
    uint16_t* before_in_chunk = (uint16_t*)(before + n_places);
    for (int i = (int)threadIdx.x; i < kThreads / 32 * n_places; i += kThreads) before_in_chunk[i] = 0;
    scan(n_places, next_row, [&](int place) {
        uint32_t n = 0, n_before = 0;
#pragma unroll 32
        for (unsigned chunk = 0; chunk < gridDim.x; chunk++) {
            const uint32_t here = plan.counts[chunk * (uint64_t)n_places + place];
            n += here;
            if (chunk < blockIdx.x) n_before += here;
        }
        before[place] = n_before;
        return n;
    });
    if (blockIdx.x == 0) {
        for (int place = (int)threadIdx.x; place <= n_places; place += kThreads) plan.first_row[place] = next_row[place];
        auto n_rows = [&](int place) { return next_row[place + 1] - next_row[place]; };
        scan(n_places, plan.first_job, [&](int place) {
            return max(1u, (n_rows(place_in_order(layer, place)) + kJobRows - 1) / kJobRows);
        });
        scan(n_places, plan.first_tile, [&](int place) { return (uint32_t)n_even_tiles(n_rows(place), kTileRows); });
        make_groups(layer);
        add_shared_tiles(layer, call);
    }
    __syncthreads();
    const Chunk chunk = load_chunk(layer, call, n_chunk_tokens, places);
    uint32_t turns[kTurns];
    order_choices(places, n_places, before_in_chunk, turns);
    for (int turn = 0; turn < kTurns; turn++) {
        const int i = choice_of(turn), place = places[i];
        if (place < 0) continue;
        const uint32_t in_chunk = before_in_chunk[threadIdx.x / 32 * (uint32_t)n_places + place] + turns[turn];
        const uint32_t row = next_row[place] + before[place] + in_chunk;
        plan.row_token[row] = (chunk.first_choice + i) / shape.top_k;
        if (plan.row_weight) plan.row_weight[row] = call.weights[chunk.first_choice + i];
        plan.choice_row[chunk.first_choice + i] = row;
    }
    /* A token without choices waits for nothing. */
    for (int i = (int)threadIdx.x * shape.top_k; i < chunk.n_choices; i += kThreads * shape.top_k)
        if (n_valid(places + i, shape.top_k) == 0 && layer.shared.n_slices == 0) append(layer, kTokens, (chunk.first_choice + i) / shape.top_k);
}

}  // namespace

int most_chunks(const Shape& shape)
{
    return std::max((shape.max_tokens + chunk_tokens(shape) - 1) / chunk_tokens(shape), kLeastBlocks);
}

cudaError_t launch_plan(const Layer& layer, const Call& call, cudaStream_t stream)
{
    const int n_tokens = chunk_tokens(layer.shape);
    const int n_chunks = (call.n_tokens + n_tokens - 1) / n_tokens;
    const unsigned n_blocks = (unsigned)std::max(n_chunks, kLeastBlocks);
    const size_t n_places = (size_t)layer.shape.places, n_warps = kThreads / 32;
    const size_t deal_bytes = (2 * n_places + 1) * sizeof(uint32_t) + n_warps * n_places * sizeof(uint16_t);
    count<<<n_blocks, kThreads, n_places * sizeof(uint32_t), stream>>>(layer, call, n_tokens);
    deal<<<n_blocks, kThreads, deal_bytes, stream>>>(layer, call, n_tokens);
    if (layer.shared.router && call.n_tokens > 0)
        gate<<<(unsigned)(call.n_tokens + kThreads / 32 - 1) / (kThreads / 32), kThreads, 0, stream>>>(layer, call);
    return cudaGetLastError();
}

}  // namespace pmx::moe::gpu
