/* SPDX-License-Identifier: BSD-3-Clause */
/* The symmetric heap: pmx_malloc and its kin. */
#include <cstring>

#include "runtime/errors.h"
#include "runtime/heap.h"

namespace pmx {

Status heap_allocate(Runtime& rt, const Heap& heap, size_t alignment, size_t n_bytes, void*& ptr_out)
{
    if (alignment == 0 || alignment > OffsetAllocator::kMaxAlignment || (alignment & (alignment - 1)) != 0) {
        /* The others must not be left waiting; their value cannot equal this one. */
        (void)rt.collectives->same(UINT64_MAX, "aligned_alloc");
        return fail(PMX_ERR_ARGUMENT, "aligned_alloc: alignment is {}, must be a power of two in 1..{}", alignment,
                    OffsetAllocator::kMaxAlignment);
    }
    /* Sizes are compared before anything changes, so that the allocators of all ranks stay alike. */
    PMX_TRY(rt.collectives->same(n_bytes, fmt::format("{}: the size", heap.call).c_str()));
    if (n_bytes == 0) {
        ptr_out = nullptr;
        return {};
    }
    uint64_t off = UINT64_MAX;
    bool fits = heap.allocator.allocate(n_bytes, alignment, off);
    Status same = rt.collectives->same(fits ? off : UINT64_MAX, fmt::format("{}: the offset", heap.call).c_str());
    if (!same.ok()) {
        if (fits) heap.allocator.free(off);
        return same;
    }
    if (!fits)
        return fail(PMX_ERR_MEMORY,
                    "{}: {} bytes do not fit the symmetric heap: {} of {} bytes used, largest free {}; raise {}",
                    heap.call, n_bytes, heap.allocator.used_bytes(), heap.n_bytes, heap.allocator.largest_free_bytes(),
                    heap.param);
    ptr_out = heap.base + off;
    return {};
}

Status heap_query(const char* call, const Heap& heap, pmx_heap_info_t* heap_out)
{
    if (!heap_out || heap_out->size_bytes != sizeof *heap_out)
        return fail(PMX_ERR_ARGUMENT, "{}: heap_out->size_bytes must be {}", call, sizeof *heap_out);
    heap_out->base_sym = heap.base;
    heap_out->heap_bytes = heap.n_bytes;
    heap_out->used_bytes = heap.allocator.used_bytes();
    heap_out->largest_free_bytes = heap.allocator.largest_free_bytes();
    return {};
}

namespace {

/* What ranks compare, so that an address of one heap never equals one of the other. */
uint64_t symmetric_off(const Heap& heap, const void* ptr, uint64_t first_off)
{
    return first_off + static_cast<uint64_t>(static_cast<const char*>(ptr) - heap.base);
}

Status release(Runtime& rt, void* ptr)
{
    bool gpu = ptr && rt.gpu && gpu_heap(rt).has(ptr);
    Heap heap = gpu ? gpu_heap(rt) : host_heap(rt);
    constexpr uint64_t nothing = UINT64_MAX, foreign = UINT64_MAX - 1; /* no offset of a heap */
    uint64_t off = ptr ? foreign : nothing;
    if (ptr && heap.has(ptr)) off = symmetric_off(heap, ptr, gpu ? PMX_CMD_GPU_HEAP : 0);
    PMX_TRY(rt.collectives->same(off, "free: the offset"));
    if (!ptr) return {};
    if (!heap.has(ptr) || !heap.allocator.free(symmetric_off(heap, ptr, 0)))
        return fail(PMX_ERR_ADDRESS, "free: {} is not from pmx_malloc, or was freed", ptr);
    return {};
}

}  // namespace

}  // namespace pmx

using namespace pmx;

static int allocate(const char* call, size_t alignment, size_t n_bytes, void** ptr_sym_out)
{
    return at_boundary([&]() -> Status {
        Runtime* rt = runtime();
        if (!rt) return fail(PMX_ERR_STATE, "{}: pmx is not initialised", call);
        if (!ptr_sym_out) return fail(PMX_ERR_ARGUMENT, "{}: ptr_sym_out is NULL", call);
        Heap heap = host_heap(*rt);
        heap.call = call;
        return heap_allocate(*rt, heap, alignment, n_bytes, *ptr_sym_out);
    });
}

extern "C" int pmx_aligned_alloc(size_t alignment, size_t n_bytes, void** ptr_sym_out)
{
    return allocate("aligned_alloc", alignment, n_bytes, ptr_sym_out);
}

extern "C" int pmx_malloc(size_t n_bytes, void** ptr_sym_out)
{
    return allocate("malloc", OffsetAllocator::kGranuleBytes, n_bytes, ptr_sym_out);
}

extern "C" int pmx_calloc(size_t n_elems, size_t elem_bytes, void** ptr_sym_out)
{
    size_t n_bytes;
    /* Larger than any heap: refused as such, on all ranks. */
    if (__builtin_mul_overflow(n_elems, elem_bytes, &n_bytes)) n_bytes = SIZE_MAX;
    void* ptr;
    constexpr size_t alignment = OffsetAllocator::kGranuleBytes;
    if (int err = allocate("calloc", alignment, n_bytes, ptr_sym_out ? &ptr : nullptr)) return err;
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
    return report(heap_query("heap_query", host_heap(*rt), heap_out));
}
