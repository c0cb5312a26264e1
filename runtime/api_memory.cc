/* SPDX-License-Identifier: BSD-3-Clause */
/* The symmetric heap: pmx_malloc and its kin. */
#include <cstring>

#include "runtime/errors.h"
#include "runtime/runtime.h"

namespace pmx {

namespace {

Status allocate(Runtime& rt, size_t alignment, size_t n_bytes, void*& ptr_out)
{
    if (alignment == 0 || alignment > OffsetAllocator::kMaxAlignment || (alignment & (alignment - 1)) != 0) {
        /* The others must not be left waiting; their value cannot equal this one. */
        (void)rt.collectives->same(UINT64_MAX, "aligned_alloc");
        return fail(PMX_ERR_ARGUMENT, "aligned_alloc: alignment is {}, must be a power of two in 1..{}", alignment,
                    OffsetAllocator::kMaxAlignment);
    }
    /* Sizes are compared before anything changes, so that the allocators of all ranks stay alike. */
    PMX_TRY(rt.collectives->same(n_bytes, "malloc: the size"));
    if (n_bytes == 0) {
        ptr_out = nullptr;
        return {};
    }
    uint64_t off = UINT64_MAX;
    bool fits = rt.allocator->allocate(n_bytes, alignment, off);
    Status same = rt.collectives->same(fits ? off : UINT64_MAX, "malloc: the offset");
    if (!same.ok()) {
        if (fits) rt.allocator->free(off);
        return same;
    }
    if (!fits)
        return fail(PMX_ERR_MEMORY,
                    "malloc: {} bytes do not fit the symmetric heap: {} of {} bytes used, largest free {}; raise "
                    "PMX_HEAP_SIZE",
                    n_bytes, rt.allocator->used_bytes(), rt.heap.n_bytes(), rt.allocator->largest_free_bytes());
    ptr_out = rt.heap.base() + off;
    return {};
}

Status release(Runtime& rt, void* ptr)
{
    uint64_t off = ptr ? static_cast<uint64_t>(static_cast<char*>(ptr) - rt.heap.base()) : UINT64_MAX;
    PMX_TRY(rt.collectives->same(off, "free: the offset"));
    if (!ptr) return {};
    if (off >= rt.heap.n_bytes() || !rt.allocator->free(off))
        return fail(PMX_ERR_ADDRESS, "free: {} is not from pmx_malloc, or was freed", ptr);
    return {};
}

}  // namespace

}  // namespace pmx

using namespace pmx;

extern "C" int pmx_aligned_alloc(size_t alignment, size_t n_bytes, void** ptr_sym_out)
try {
    Runtime* rt = runtime_or_report("pmx_malloc");
    if (!rt) return PMX_ERR_STATE;
    if (!ptr_sym_out) return pmx_error_report(PMX_ERR_ARGUMENT, "malloc: ptr_sym_out is NULL");
    return report(allocate(*rt, alignment, n_bytes, *ptr_sym_out));
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "malloc: out of memory for the side tables of the heap");
}

extern "C" int pmx_malloc(size_t n_bytes, void** ptr_sym_out)
{
    return pmx_aligned_alloc(OffsetAllocator::kGranuleBytes, n_bytes, ptr_sym_out);
}

extern "C" int pmx_calloc(size_t n_elems, size_t elem_bytes, void** ptr_sym_out)
{
    size_t n_bytes;
    /* Larger than any heap: refused as such, on all ranks. */
    if (__builtin_mul_overflow(n_elems, elem_bytes, &n_bytes)) n_bytes = SIZE_MAX;
    void* ptr;
    if (!ptr_sym_out) return pmx_malloc(n_bytes, ptr_sym_out);
    if (int err = pmx_malloc(n_bytes, &ptr)) return err;
    if (ptr) std::memset(ptr, 0, n_bytes);
    /* No rank may write into the memory before its owner has cleared it. */
    if (int err = pmx_barrier()) return err;
    *ptr_sym_out = ptr;
    return PMX_SUCCESS;
}

extern "C" int pmx_free(void* ptr_sym)
{
    Runtime* rt = runtime_or_report("pmx_free");
    if (!rt) return PMX_ERR_STATE;
    return report(release(*rt, ptr_sym));
}

extern "C" int pmx_ptr(const void* ptr_sym, int rank, void** ptr_out)
{
    Runtime* rt = runtime_or_report("pmx_ptr");
    if (!rt) return PMX_ERR_STATE;
    const pmx_device_ctx_t& device = rt->default_context->device;
    if (!ptr_out) return pmx_error_report(PMX_ERR_ARGUMENT, "ptr: ptr_out is NULL");
    if (rank < 0 || rank >= device.size)
        return report(fail(PMX_ERR_RANK, "ptr: rank is {}, allowed 0..{}", rank, device.size - 1));
    if (!detail::in_heap(device, ptr_sym, 1))
        return report(fail(PMX_ERR_ADDRESS, "ptr: {} is not in the symmetric heap", ptr_sym));
    *ptr_out = ptr(device, ptr_sym, rank);
    return PMX_SUCCESS;
}

extern "C" int pmx_heap_query(pmx_heap_info_t* heap_out)
{
    Runtime* rt = runtime_or_report("pmx_heap_query");
    if (!rt) return PMX_ERR_STATE;
    if (!heap_out || heap_out->size_bytes != sizeof *heap_out)
        return report(fail(PMX_ERR_ARGUMENT, "heap_query: heap_out->size_bytes must be {}", sizeof *heap_out));
    heap_out->base_sym = rt->heap.base();
    heap_out->heap_bytes = rt->heap.n_bytes();
    heap_out->used_bytes = rt->allocator->used_bytes();
    heap_out->largest_free_bytes = rt->allocator->largest_free_bytes();
    return PMX_SUCCESS;
}
