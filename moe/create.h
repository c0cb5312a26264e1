/* SPDX-License-Identifier: BSD-3-Clause */
/* create.h: how a layer comes to be; the same for host blocks and for a GPU. */
#pragma once

#include <memory>
#include <new>
#include <string>

#include "moe/agree.h"
#include "moe/error.h"
#include "moe/layout.h"

namespace pmx::moe {

/* The heap that the cells of a layer lie in. */
struct CellHeap {
    const char* name;
    const char* size_variable;
    int (*query)(pmx_heap_info_t* heap_out);
    int (*allocate)(size_t n_bytes, void** memory_sym_out);
};

/* Collective. The heaps look the same on all ranks, so all come to the same answer. The signals are not cleared.
 * PMX_ERR_MEMORY, with a line that says how much is wanted. */
int allocate_cells(const Shape& shape, const CellHeap& heap, void** memory_sym_out, Cells* cells_out);

/* Collective. make_local(n_ranks, &object) is local; when it has gone well on all ranks, make_shared(object) is called,
 * which is collective, as is free_shared(object), called after a failure of it. */
template <typename Object, typename MakeLocal, typename MakeShared, typename FreeShared>
int create_layer(const pmx_moe_config_t* config, MakeLocal make_local, MakeShared make_shared, FreeShared free_shared,
                 Object** moe_out)
{
    int n_ranks, own_err;
    PMX_MOE_TRY(pmx_size(&n_ranks));
    std::unique_ptr<Object> moe;
    try {
        own_err = make_local(n_ranks, &moe);
    } catch (const std::bad_alloc&) {
        own_err = fail(PMX_ERR_MEMORY, "the memory of this process does not hold the buffers of the layer");
    }
    if (!own_err && !moe_out) own_err = fail(PMX_ERR_ARGUMENT, "moe_out is NULL");
    PMX_MOE_TRY(agree(config, own_err));
    if (int err = make_shared(moe.get())) {
        const std::string detail = pmx_last_error_detail();
        (void)free_shared(moe.get());
        return pmx_error_report(err, detail.c_str());
    }
    *moe_out = moe.release();
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
