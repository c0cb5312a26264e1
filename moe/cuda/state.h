/* SPDX-License-Identifier: BSD-3-Clause */
/* state.h: what the blocks of the kernel share: the plan of a call, the queues of work, and the counters that end it.
 * All of it is memory of the GPU. plan.cu clears and fills it before the kernel starts, so the words below go from 0
 * up within a call; only the signals in the symmetric heap live on from call to call (layout.h). */
#pragma once

#include <cuda.h>
#include <stdint.h>

#include "moe/layout.h"
#include "moe/plan.h"
#include "pmx_device.h"

namespace pmx::moe::gpu {

/* How the products are cut. A tile is up to kTileRows rows of one source for one expert. A unit of work, done by a pair of
 * blocks, is a tile and twice kUnitRows rows of weights: 64 of gate and the same of up, or 128 of down, for each block. */
inline constexpr int kTileRows = 256;
inline constexpr int kPair = 2;
inline constexpr int kUnitRows = 128;
inline constexpr int kGroupRows = 8; /* of gate and of up in turn, so that a thread gets both of a product */
/* Rows of a tile that one block of the pair loads: the least that is enough. */
inline constexpr int kLeastBoxRows = 16; /* then twice as many, and so on */
inline constexpr int kNumBoxes = 4;
inline constexpr int kMostTerms = 64; /* of the sum for a token: two for each lane of a warp */
inline constexpr int kJobRows = 16; /* rows that one warp packs at a time */

/* Entries that are ready to be worked on, each of n_units units, dealt out in the order in which they came. */
struct Queue {
    uint32_t* entries; /* [capacity] 1 + what is ready, 0: not yet. Writer: append, release. Readers: acquire */
    uint32_t capacity;
    uint32_t n_units;
};
/* Where a queue stands. All words are added to, relaxed: they only deal out numbers. A line of memory each. */
struct QueueState {
    alignas(128) int32_t n_ready; /* units that nobody has taken; below 0 for the moment in which a taker finds none */
    alignas(128) uint32_t n_taken; /* units */
    alignas(128) uint32_t n_appended; /* entries */
};

enum QueueName { kResults, kRemoteTiles, kOwnTiles, kTokens, kNumQueues };

/* How far a call has come, by the clock of the GPU. */
enum Milestone { kBegun, kPacked, kMultiplied, kCombined, kNumMilestones };

struct Work {
    QueueState queues[kNumQueues];
    alignas(128) uint32_t next_job;  /* relaxed */
    /* Writers: the blocks, acq_rel, when what they count is done. Reader: the scheduler, acquire. */
    alignas(128) uint32_t jobs_done;
    uint32_t sources_seen; /* dispatch signals whose tiles have been appended */
    uint32_t tiles_added;  /* numbers of tiles dealt out, the first to those of the shared expert */
    uint32_t tiles_done;
    uint32_t tokens_done;
    /* Writer: the scheduler, release. Readers: all blocks, acquire. */
    alignas(128) uint32_t stop;
    /* Writer: the scheduler. Reader: the host, when the kernel has ended. */
    uint64_t reached_ns[kNumMilestones];
    /* Writers: any thread, the first failure only. Reader: the scheduler. */
    int32_t error;
    /* Writer: plan.cu. */
    uint32_t n_shared_tiles;
};

struct TileInfo {
    int32_t src;          /* P: the shared expert */
    int32_t local_expert; /* or L, the number of those, and the slice */
    uint32_t first_row; /* in the region of src */
    uint32_t n_rows;
    uint32_t slot;
};

/* Rows of this rank whose results come together. */
struct Awaited {
    const uint64_t* signal; /* NULL: they have come */
    uint32_t first_row;     /* in the order of places */
    uint32_t n_rows;
};

/* Arrays that a call fills, N being the places for experts on all ranks; the counters in them start at 0 or as said. */
struct Plan {
    uint32_t* first_row;   /* [N + 1] rows of place p are first_row[p] .. in the order of places */
    uint32_t* first_job;   /* [N + 1] jobs of the p-th place in the order of dispatch */
    uint32_t* first_tile;  /* [N + 1] tiles of place p, whose results this rank awaits */
    uint32_t* row_token;   /* [row]; behind the most rows that there can be, each token by its number */
    float* row_weight;     /* [row] what the row is multiplied by; NULL: by nothing */
    uint32_t* choice_row;  /* [token * k + choice] */
    uint32_t* rows_packed; /* [N] of the place. Writers: packing warps, acq_rel */
    uint32_t* missing;     /* [token] results that have not come. Writer: the scheduler's block */
    Awaited* awaited;      /* [tile] one thread of the scheduler's block each */
    uint32_t* counts;      /* [chunk][N] choices */
};

/* How much of g is let through. */
enum class Share {
    kSigmoid, /* 1 / (1 + 2^-(alpha g + beta g^3)) */
    kNormal,  /* (1 + erf(g / sqrt 2)) / 2 */
    kStep     /* 1 above 0, else 0 */
};
/* With a gate: g' share(g') (u' + shift), g' = min(g, limit), u' = u within -limit .. limit. Without: u share(u). */
struct Activation {
    Share share;
    bool gated;
    float limit, alpha, beta, shift;
    bool plain; /* gated, kSigmoid, no limit, alpha = log2(e), beta = shift = 0 */
};

/* The expert that all tokens of this rank go to: cut into slices of its length, of I each and a rest, which are like
 * local experts that are numbered behind the others; their weights are in the maps, padded by 0. Rows of a slice are the
 * tokens, read from x; a tile of them has the number of ranks as its source. */
struct SharedExpert {
    int n_slices;      /* 0: there is none */
    uint32_t max_rows; /* of a slice */
    char* out;         /* [slice][max_rows, H] results */
    uint64_t* signals; /* [tile] the call of which the results are there. Writers: telling threads, release. Reader: the
                        * scheduler's block, acquire */
    const void* router; /* [H]; NULL: gate is not used */
    float* gate;        /* [token] what the results are multiplied by. Writer: plan.cu */
};

/* Per local expert and slice of the shared one, NULL: none; and then of each there is one per row of the matrix. */
struct Biases {
    const float* const* gate;
    const float* const* up;
    const float* const* down;
};

/* The layer: the same in all calls. An argument of the kernel. */
struct Layer {
    Shape shape;
    Ctx dispatch;
    Ctx combine;
    Cells cells;
    uint64_t* values_sym; /* [2][N] in host memory: what the proxy sets dispatch signals to */
    CUtensorMap received[kNumBoxes]; /* [P * region rows, H] dispatch_recv */
    CUtensorMap hidden[kNumBoxes];   /* [P * region rows + slices * T, I] act */
    const CUtensorMap* gate_up; /* [L + slices] maps of two [I, H]; of one without a gate */
    const CUtensorMap* down;    /* [L + slices] maps of [H, I] */
    const uint8_t* up_first;    /* [L + slices] 1: up is before gate in the map */
    Biases biases;
    Activation activation;
    SharedExpert shared;
    char* act;               /* [P * region rows + slices * T, I] between the two products */
    Work* work;
    Queue queues[kNumQueues];
    TileInfo* tiles;      /* [most tiles] */
    uint32_t* units_done; /* [2][most tiles] halves of units, in both products. Writers: blocks, acq_rel */
    Group* groups;        /* [P] */
    Plan plan;
    uint64_t* call; /* the number of this call; the same on all ranks. Writer: plan.cu */
    int32_t* error_host; /* how the call ended. Writer: the scheduler, at the end. Host memory */
    uint32_t n_most_tiles;
    int rank;
};

/* One call. An argument of the kernel. */
struct Call {
    CUtensorMap rows[kNumBoxes]; /* [T, H] x, for the shared expert */
    const void* x;
    const int32_t* places; /* [T, k] below 0: a choice that gets no row */
    const float* weights;
    void* y;
    int n_tokens;
};

}  // namespace pmx::moe::gpu
