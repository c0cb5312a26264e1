/* SPDX-License-Identifier: BSD-3-Clause */
/* layer.h: the object behind pmx_moe_t, and what tests reach beyond the public calls. */
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "moe/contexts.h"
#include "moe/kernel.h"
#include "moe/router.h"
#include "moe/schedule.h"
#include "pmx_moe.h"

struct pmx_moe {
    pmx_moe(const pmx::moe::Shape& shape, unsigned n_blocks);

    pmx::moe::Shape shape;
    unsigned n_blocks;
    pmx::moe::Kernel kernel;
    pmx::moe::Scheduler scheduler;
    pmx::moe::Router router;
    std::vector<int32_t> ids;   /* [max_tokens, k] what the router chose */
    std::vector<float> weights; /* [max_tokens, k] */

    pmx::moe::Contexts contexts;
    void* memory_sym = nullptr;
    pmx_moe_weights_t set{}; /* size_bytes 0: not set yet */
    uint64_t call = 0;       /* calls so far; the same on all ranks */
    uint32_t next_phase = 0; /* of the call that pmx_moe_dispatch_begin began; 0: there is none */
    int n_tokens = 0;        /* of that call */
    int broken = 0;          /* the failure of an earlier call: ranks may be out of step for ever */
    uint64_t forwards = 0;   /* since the last reset of counters */
    uint64_t tiles = 0;
    uint64_t dropped = 0;
    std::vector<uint64_t> load; /* [places of this rank] */
};

namespace pmx::moe {

/* pmx_moe_create with contexts of the given attributes (NULL: defaults). */
int create(const pmx_moe_config_t* config, const pmx_ctx_attr_t* attr, pmx_moe_t* moe_out);
/* The host blocks of a layer whose config leaves the number open: 2 to 16. */
unsigned default_blocks();

}  // namespace pmx::moe
