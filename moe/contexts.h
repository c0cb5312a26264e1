/* SPDX-License-Identifier: BSD-3-Clause */
/* contexts.h: the two contexts of a layer, and what they count; the same for host blocks and for a GPU. */
#pragma once

#include "pmx_device.h"
#include "pmx_moe.h"

namespace pmx::moe {

struct Contexts {
    pmx_ctx_t dispatch = nullptr;
    pmx_ctx_t combine = nullptr;
};

/* pmx_device_handle or pmx_gpu_handle. */
using HandleFn = int (*)(pmx_ctx_t ctx, pmx_device_ctx_t* view_out);

/* Collective. After a failure contexts_out has those that were made. */
int make_contexts(const pmx_ctx_attr_t* attr, HandleFn handle, Contexts* contexts_out, Ctx* dispatch_out,
                  Ctx* combine_out);
/* Collective. The first failure, the rest being freed all the same. */
int free_contexts(const Contexts& contexts);
/* memory_sym, of either heap, may be NULL. As free_contexts, of which err is the result so far. */
int free_symmetric(int err, void* memory_sym);

/* counters_out: the part that the caller knows, with the numbers of the layer in own (forwards, tiles, dropped).
 * PMX_ERR_ARGUMENT: size_bytes. */
int read_counters(const Contexts& contexts, const pmx_moe_counters_t& own, pmx_moe_counters_t* counters_out);
int reset_counters(const Contexts& contexts);

}  // namespace pmx::moe
