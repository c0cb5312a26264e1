/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/layout.h"

#include <cstring>

namespace pmx::moe {

Layout make_layout(const Shape& shape)
{
    const size_t n_ranks = (size_t)shape.n_ranks;
    const size_t n_words = 2 * n_ranks * (size_t)shape.local_experts;
    Layout layout{{
                      {"dispatch_send", 0, shape.row_bytes, shape.max_rows(), 4096},
                      {"dispatch_recv", 0, shape.row_bytes, n_ranks * shape.region_rows, 4096},
                      {"expert_out", 0, shape.row_bytes, n_ranks * shape.region_rows, 4096},
                      {"combine_recv", 0, shape.row_bytes, n_ranks * shape.region_rows, 4096},
                      {"dispatch_signal", 0, sizeof(uint64_t), n_words, 64},
                      {"dispatch_value", 0, sizeof(uint64_t), n_words, 64},
                      {"combine_signal", 0, sizeof(uint64_t), n_ranks * shape.region_tiles, 64},
                  },
                  0};
    size_t end = 0;
    for (PartLayout& part : layout.parts) {
        part.off = (end + part.alignment - 1) & ~(part.alignment - 1);
        end = part.off + part.n_bytes();
    }
    layout.total_bytes = (end + 63) & ~(size_t)63;
    return layout;
}

void Cells::zero_signals() const
{
    memset(part(kDispatchSignal), 0, layout_.parts[kDispatchSignal].n_bytes());
    memset(part(kCombineSignal), 0, layout_.parts[kCombineSignal].n_bytes());
}

}  // namespace pmx::moe
