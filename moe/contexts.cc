/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/contexts.h"

#include <algorithm>
#include <cstring>

#include "moe/error.h"
#include "moe/versions.h"

namespace pmx::moe {

int make_contexts(const pmx_ctx_attr_t* attr, HandleFn handle, Contexts* contexts_out, Ctx* dispatch_out,
                  Ctx* combine_out)
{
    PMX_MOE_TRY(pmx_ctx_create(attr, &contexts_out->dispatch));
    PMX_MOE_TRY(pmx_ctx_create(attr, &contexts_out->combine));
    dispatch_out->size_bytes = combine_out->size_bytes = sizeof *dispatch_out;
    PMX_MOE_TRY(handle(contexts_out->dispatch, dispatch_out));
    return handle(contexts_out->combine, combine_out);
}

int free_contexts(const Contexts& contexts)
{
    int err = PMX_SUCCESS;
    for (pmx_ctx_t ctx : {contexts.dispatch, contexts.combine}) {
        const int now = ctx ? pmx_ctx_free(ctx) : PMX_SUCCESS;
        err = err ? err : now;
    }
    return err;
}

int free_symmetric(int err, void* memory_sym)
{
    const int now = memory_sym ? pmx_free(memory_sym) : PMX_SUCCESS;
    return err ? err : now;
}

int read_counters(const Contexts& contexts, const pmx_moe_counters_t& own, pmx_moe_counters_t* counters_out)
{
    const size_t n_bytes = std::min(counters_out->size_bytes, sizeof *counters_out);
    if (n_bytes < kFirstCountersBytes)
        return fail(PMX_ERR_ARGUMENT, "size_bytes of pmx_moe_counters_t is {}: must be {}", counters_out->size_bytes,
                    sizeof *counters_out);
    pmx_moe_counters_t now = own;
    now.size_bytes = n_bytes;
    now.dispatch.size_bytes = now.combine.size_bytes = sizeof now.dispatch;
    PMX_MOE_TRY(pmx_counters_get(contexts.dispatch, &now.dispatch));
    PMX_MOE_TRY(pmx_counters_get(contexts.combine, &now.combine));
    memcpy(counters_out, &now, n_bytes);
    return PMX_SUCCESS;
}

int reset_counters(const Contexts& contexts)
{
    PMX_MOE_TRY(pmx_counters_reset(contexts.dispatch));
    return pmx_counters_reset(contexts.combine);
}

}  // namespace pmx::moe
