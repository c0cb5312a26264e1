/* SPDX-License-Identifier: BSD-3-Clause */
/* job.h: what the layer knows of the job between shmem_init and shmem_finalize. */
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

#include "pmx_job.h"
#include "shmem.h"
#include "shmem/globals.h"

namespace pmx::shmem {

/* Which call this is, and on which context. */
struct Call {
    const char* name;
    shmem_ctx_t ctx;
};

/* Written by the thread that calls init and finalize, which no other call of the layer overlaps; allocations under the
 * lock of those that allocate. */
struct Job {
    bool up = false;
    bool over = false;     /* finalize is under way, or the end of the job */
    bool owns_pmx = false; /* shmem_init has called pmx_init */
    int pe = -1;
    int n_pes = -1;
    int thread_level = SHMEM_THREAD_SINGLE;
    char* heap = nullptr;
    size_t heap_bytes = 0;
    pmx_team_t world = PMX_TEAM_NONE;
    Globals globals;
    std::map<void*, size_t> allocations; /* what shmem_malloc and its kin have given, with their sizes */
};
extern Job job;

/* Ends the job with this reason; pmx's own line where it is null. */
[[noreturn]] void end_job(const char* call, const char* why);
/* Ends the job when err is not 0. */
void must_slow(const char* call, int err, const void* symmetric);
inline void must(const char* call, int err, const void* symmetric = nullptr)
{
    if (__builtin_expect(err != 0, 0)) must_slow(call, err, symmetric);
}

inline bool in_heap(const void* p)
{
    return static_cast<size_t>(static_cast<const char*>(p) - job.heap) < job.heap_bytes;
}

/* The address by which pmx knows the symmetric object p; p itself, where it is none, for pmx to refuse. */
template <typename T>
T* symmetric(T* p)
{
    if (__builtin_expect(in_heap(p), 1)) return p;
    T* found = static_cast<T*>(job.globals.symmetric(p));
    return found ? found : p;
}

/* The symmetric address of memory of this PE; p itself where it is not symmetric, or not all of it. */
template <typename T>
T* own(T* p, size_t n_bytes)
{
    T* sym = symmetric(p);
    size_t off = static_cast<size_t>(static_cast<const char*>(sym) - job.heap);
    return off < job.heap_bytes && n_bytes <= job.heap_bytes - off ? sym : p;
}

}  // namespace pmx::shmem
