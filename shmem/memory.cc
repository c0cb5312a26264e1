/* SPDX-License-Identifier: BSD-3-Clause */
/* Allocation in the symmetric heap. pmx gives memory that is ready everywhere, and takes it back behind a barrier. */
#include <algorithm>
#include <cstring>

#include "shmem/api.h"

namespace pmx::shmem {

namespace {

/* What does not fit is the caller's to see; all else ends the job. */
void* given(const Call& call, int err, void* p, size_t n_bytes)
{
    if (err == PMX_ERR_MEMORY || (!err && !p)) return nullptr;
    must(call.name, err);
    job.allocations[p] = n_bytes;
    return p;
}

void take_back(const Call& call, void* p)
{
    must(call.name, pmx_quiet(PMX_CTX_DEFAULT));
    must(call.name, pmx_free(p), p);
    job.allocations.erase(p);
}

}  // namespace

namespace api {

void* malloc(Call call, size_t n_bytes)
{
    void* p = nullptr;
    int err = pmx_malloc(n_bytes, &p);
    return given(call, err, p, n_bytes);
}

void* malloc_with_hints(Call call, size_t n_bytes, long) { return malloc(call, n_bytes); }

void* calloc(Call call, size_t count, size_t elem_bytes)
{
    void* p = nullptr;
    int err = pmx_calloc(count, elem_bytes, &p);
    return given(call, err, p, count * elem_bytes);
}

void* align(Call call, size_t alignment, size_t n_bytes)
{
    if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0 || alignment > 4096) return nullptr;
    void* p = nullptr;
    int err = pmx_aligned_alloc(alignment, n_bytes, &p);
    return given(call, err, p, n_bytes);
}

void* realloc(Call call, void* p, size_t n_bytes)
{
    if (!p) return malloc(call, n_bytes);
    auto old = job.allocations.find(p);
    if (old == job.allocations.end()) end_job(call.name, "ptr is not from shmem_malloc, or was freed");
    if (n_bytes == 0) {
        take_back(call, p);
        return nullptr;
    }
    void* moved = malloc(call, n_bytes);
    if (!moved) return nullptr;
    /* What others have put into the old memory is there before anybody copies, and the copies before anybody puts. */
    must(call.name, pmx_barrier());
    std::memcpy(moved, p, std::min(old->second, n_bytes));
    take_back(call, p);
    return moved;
}

void free(Call call, void* p)
{
    if (p) take_back(call, p);
}

}  // namespace api

}  // namespace pmx::shmem
