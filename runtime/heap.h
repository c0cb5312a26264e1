/* SPDX-License-Identifier: BSD-3-Clause */
/* heap.h: the two parts of the symmetric heap, for the calls that allocate and ask. */
#pragma once

#include "runtime/runtime.h"

namespace pmx {

struct Heap {
    const char* call;  /* of the call that allocates */
    const char* param; /* the parameter with its size */
    char* base;
    uint64_t n_bytes;
    OffsetAllocator& allocator;

    bool has(const void* p) const { return static_cast<uint64_t>(static_cast<const char*>(p) - base) < n_bytes; }
};

inline Heap host_heap(Runtime& rt)
{
    return {"malloc", "PMX_HEAP_SIZE", rt.heap.base(), rt.params.heap_bytes, *rt.allocator};
}
/* Only with a GPU. */
inline Heap gpu_heap(Runtime& rt)
{
    return {"gpu_malloc", "PMX_GPU_HEAP_SIZE", rt.gpu->heap(), rt.params.gpu_heap_bytes, *rt.gpu_allocator};
}

/* Collective. The same alignment, a power of two up to OffsetAllocator::kMaxAlignment, and n_bytes on all ranks. */
Status heap_allocate(Runtime& rt, const Heap& heap, size_t alignment, size_t n_bytes, void*& ptr_out);
Status heap_query(const char* call, const Heap& heap, pmx_heap_info_t* heap_out);

}  // namespace pmx
