/* SPDX-License-Identifier: BSD-3-Clause */
/* pipe.h: how a working block is made up, and what its warps hand each other through shared memory.
 *
 *   warpgroups 0, 1   multiply: products on the tensor cores, half of the weights of the unit each
 *   warpgroup 2       warp 0: chooses units of work, in the first block of a pair for both
 *                     warp 1: loads what they need
 *                     warp 2: tells others when a unit is done
 *                     warp 3: moves rows
 *
 * The two blocks of a pair do the same units: each has weights of its own and loads half of the rows of the tile, for
 * both. Units and stages go round in rings: a warp fills an entry when those that use it have emptied it, and they use it
 * when it is full. All know by the parity of the lap. */
#pragma once

#include "moe/cuda/move.h"
#include "moe/cuda/ptx.h"
#include "moe/cuda/queue.h"

namespace pmx::moe::gpu {

inline constexpr int kThreads = 384;
inline constexpr int kGroupThreads = 128;
inline constexpr int kMultiplyGroups = 2;
inline constexpr int kMultiplyWarps = kMultiplyGroups * kGroupThreads / 32;
inline constexpr int kMovers = 1;
inline constexpr int kStages = 4;
inline constexpr int kUnits = 3;

inline constexpr int kStageColumns = 64; /* of both matrices: 128 bytes, one row of the swizzle */
inline constexpr int kColumnBytes = 2 * kStageColumns;

/* Registers of a thread: what the kernel is compiled for, and what the warpgroups go on with. */
inline constexpr int kRegistersMultiply = 224;
inline constexpr int kRegistersMove = 56;

enum UnitKind : int32_t {
    kGateUp,  /* act = activation(gate x, up x) */
    kDown,    /* results = down act */
    kCombine, /* n tokens, taken as units from index on */
    kStop
};

struct Unit {
    int32_t kind;
    uint32_t tile;  /* number of the tile */
    uint32_t index; /* of the unit in its tile */
    uint32_t n;
    TileInfo info;
};

struct Stage {
    char weights[kUnitRows * kColumnBytes];
    char rows[kTileRows * kColumnBytes];
};

inline constexpr int kBoxBytes = 4096; /* rows of a product on their way to memory (multiply.h) */

struct Shared {
    Stage stages[kStages]; /* aligned to 1024 */
    char boxes[kMultiplyGroups][2][kBoxBytes]; /* in turn */
    alignas(128) MoveBuffer move[kMovers];
    Unit units[kUnits];
    /* Arrivals: the loading thread, and the bytes of its copies. */
    uint64_t stage_full[kStages];
    /* The multiplying warps of both blocks: the copies go to both. */
    uint64_t stage_empty[kStages];
    /* The choosing thread of the pair. */
    uint64_t unit_full[kUnits];
    /* In the first block: of both blocks the loading and the telling thread. */
    uint64_t unit_empty[kUnits];
    /* In the first block: the loading thread, when it will soon need another unit. Units are not taken earlier, so that the
     * pairs which are given the same weights read them at about the same time, and L2 has them for all but the first. */
    uint64_t unit_wanted;
    /* The multiplying warps, when they have stored what the unit gives. */
    uint64_t unit_done[kUnits];
    uint64_t moved[kMovers][MoveBuffer::kPieces];
};

/* The place in a ring, and the parity of its lap. */
template <int kEntries>
struct Ring {
    uint32_t at = 0;
    uint32_t lap = 0;

    /* The barrier of this entry. */
    __device__ uint32_t of(const uint64_t (&barriers)[kEntries]) const { return ptx::shared_address(&barriers[at]); }
    /* Of the phases that end when an entry is filled, and when it has been emptied: at first all are empty. */
    __device__ uint32_t filled() const { return lap & 1; }
    __device__ uint32_t emptied() const { return ~lap & 1; }
    __device__ void next()
    {
        if (++at == kEntries) {
            at = 0;
            lap++;
        }
    }
};

/* The next unit; the calling thread has acquired what the choosing thread had. */
__device__ inline Unit read_unit(const Shared& shared, const Ring<kUnits>& units)
{
    ptx::barrier_wait_in_cluster(units.of(shared.unit_full), units.filled());
    return shared.units[units.at];
}
/* The calling thread does not need the unit any more. */
__device__ inline void release_unit(const Shared& shared, const Ring<kUnits>& units)
{
    ptx::barrier_arrive_at(ptx::address_in(units.of(shared.unit_empty), 0));
}

__device__ inline void init_barriers(Shared& shared)
{
    for (int i = 0; i < kStages; i++) {
        ptx::barrier_init(ptx::shared_address(&shared.stage_full[i]), 1);
        ptx::barrier_init(ptx::shared_address(&shared.stage_empty[i]), kPair * kMultiplyWarps);
    }
    for (int i = 0; i < kUnits; i++) {
        ptx::barrier_init(ptx::shared_address(&shared.unit_full[i]), 1);
        ptx::barrier_init(ptx::shared_address(&shared.unit_empty[i]), kPair * 2);
        ptx::barrier_init(ptx::shared_address(&shared.unit_done[i]), kMultiplyWarps);
    }
    ptx::barrier_init(ptx::shared_address(&shared.unit_wanted), 1);
    for (auto& barriers : shared.moved)
        for (uint64_t& barrier : barriers) ptx::barrier_init(ptx::shared_address(&barrier), 1);
    ptx::fence_barrier_init();
}

}  // namespace pmx::moe::gpu
