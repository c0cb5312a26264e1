/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/create.h"

namespace pmx::moe {

int allocate_cells(const Shape& shape, const CellHeap& heap, void** memory_sym_out, Cells* cells_out)
{
    const size_t n_bytes = make_layout(shape).total_bytes;
    pmx_heap_info_t found{};
    found.size_bytes = sizeof found;
    PMX_MOE_TRY(heap.query(&found));
    if (n_bytes > found.largest_free_bytes)
        return fail(PMX_ERR_MEMORY,
                    "the layer needs {} bytes of {}, the largest free piece has {} of {}: set {}, or lower max_tokens",
                    n_bytes, heap.name, found.largest_free_bytes, found.heap_bytes, heap.size_variable);
    PMX_MOE_TRY(heap.allocate(n_bytes, memory_sym_out));
    *cells_out = Cells(shape, *memory_sym_out);
    return PMX_SUCCESS;
}

}  // namespace pmx::moe
