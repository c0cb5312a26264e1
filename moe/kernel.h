/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.h: what the blocks of one call share. The kernel is started by pmx_launch and stays until its
 * rank has done all it owes to others and has all its own results:
 *
 *   block 0        schedule.h: watches arriving signals, makes tasks of them, ends the kernel
 *   other blocks   dispatch.cc: pack the rows of this rank and send them off, remote ranks first;
 *                  experts.cc: compute tiles (mlp.h) and send the results back to where the rows came from;
 *                  shared.cc: the shared expert, on tokens of this rank, when no tile has come yet;
 *                  combine.cc: sum up the results of tokens of this rank
 *
 * All waits are bounded: block 0 ends the kernel when a context has a fault, when a rank has failed, or
 * when nothing has moved here for the time limit of the context. */
#pragma once

#include <cstdint>
#include <vector>

#include "moe/layout.h"
#include "moe/mlp.h"
#include "moe/plan.h"
#include "moe/shared.h"
#include "moe/tasks.h"
#include "pmx_device.h"

namespace pmx::moe {

/* Memory of one processor. */
struct Scratch {
    explicit Scratch(const Shape& shape);

    MlpScratch mlp;
    std::vector<float> sum;  /* [H] */
    std::vector<Tile> tiles; /* [tile_rows] */
    std::vector<float> shared_gates; /* [tile_rows] */
};

/* Of the places of this rank, as in pmx_moe_weights_t. */
struct ExpertWeights {
    const void* const* gate;
    const void* const* up;
    const void* const* down;
    const float* const* gate_bias;
    const float* const* up_bias;
    const float* const* down_bias;

    Matrices of(size_t local_expert) const
    {
        auto entry = [&](auto* all) { return all ? all[local_expert] : nullptr; };
        return {entry(gate), entry(up), entry(down), entry(gate_bias), entry(up_bias), entry(down_bias)};
    }
};

/* What one launch does of a call: all of it, or one part after the other. */
enum Phase : uint32_t {
    kSend = 1,    /* the rows of this rank go out */
    kReceive = 2, /* the rows of all ranks come; the shared expert */
    kCompute = 4, /* tiles; their results go out */
    kCombine = 8, /* results come back and are summed */
    kAllPhases = 15
};

struct Kernel {
    Kernel(const Shape& shape, unsigned n_blocks);

    /* Before a call; the contexts, cells and weights stay from call to call. */
    void reset(uint64_t call_now, const void* x_now, const float* weights_now);
    /* Before each launch. y: where the launch has kCombine. */
    void begin_phases(uint32_t phases_now, void* y_now);

    /* The first failure of any block; ends the kernel. */
    void report(int err)
    {
        int32_t none = PMX_SUCCESS;
        __atomic_compare_exchange_n(&error, &none, (int32_t)err, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    }
    /* A hint. */
    bool shared_is_left() const
    {
        return detail::load_relaxed(&next_shared) < n_shared_chunks(shape, plan.n_tokens);
    }
    bool stopped() const { return detail::load_acquire(&stop) != 0 || detail::load_acquire(&error) != 0; }

    const Shape shape;
    int rank = 0;
    Cells cells;
    Ctx dispatch{};
    Ctx combine{};
    ExpertWeights experts{};
    Matrices shared{};
    const void* shared_router = nullptr; /* [H], or NULL: 1 */
    ExpertMap map;
    Plan plan;
    TaskQueue tasks;
    std::vector<Scratch> scratch;              /* [n_blocks - 1] */
    std::vector<Group> groups;                 /* [P] dispatch to each rank, of this call */
    std::vector<float> shared_out;             /* [max_tokens, H] when there is a shared expert */
    std::vector<uint64_t> load;                /* [places of this rank] rows that came; writer: block 0 */

    /* The call. */
    uint32_t phases = kAllPhases;   /* of this launch */
    uint64_t call = 0;              /* 1, 2, ...; the same on all ranks */
    const void* x = nullptr;        /* [T, H] */
    const float* weights = nullptr; /* [T, k] */
    void* y = nullptr;              /* [T, H]; may be x: a token is written after all its rows were sent */

    /* Writers: processors, release, after what they count has been done. Reader: block 0, acquire. */
    uint32_t next_job = 0; /* relaxed: it only deals out numbers */
    uint32_t jobs_done = 0;
    uint32_t tiles_done = 0;
    uint32_t next_shared = 0; /* relaxed */
    uint32_t shared_done = 0;
    uint32_t groups_done = 0;
    /* How many processors are at a task: then the clock of block 0 stands still. */
    uint32_t n_busy = 0;
    /* Writer: block 0, release. Readers: processors, acquire. */
    uint32_t stop = 0;
    /* Writers: any block, once (report). Readers: all, acquire. */
    int32_t error = PMX_SUCCESS;
};

/* dispatch.cc: one job packs and sends the rows for one expert. False when none is left. */
bool run_dispatch_job(Kernel& kernel, Scratch& scratch);
/* experts.cc, shared.cc, combine.cc: one task. False when none is ready. */
bool run_tiles(Kernel& kernel, Scratch& scratch);
bool run_shared(Kernel& kernel, Scratch& scratch);
bool run_combine(Kernel& kernel, Scratch& scratch);
/* The body of the blocks after block 0. */
void run_processor(Kernel& kernel, Scratch& scratch);

}  // namespace pmx::moe
