/* SPDX-License-Identifier: BSD-3-Clause */
/* active.h: collectives over active sets, for old programs. Simple, not fast: the first PE of the set collects arrivals. All but
 * sync leave a set only when all of it have their data, so pSync may be used again at once. */
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>

#include "shmem/rma.h"

namespace pmx::shmem {

class ActiveSet {
  public:
    /* Ends the job where the set has PEs that are not there, or has not this one. */
    ActiveSet(Call call, int start, int log_stride, int size, long* psync);

    size_t size() const { return static_cast<size_t>(size_); }
    size_t me() const { return static_cast<size_t>(me_); }
    const Call& call() const { return call_; }
    /* Returns when all have called it; puts need not have arrived. */
    void meet() const;
    /* What this PE has put to the set has arrived there, and so has what the others have put. */
    void complete() const;

    void put(size_t member, void* dest, const void* source, size_t n_bytes) const;
    void get(size_t member, void* dest, const void* source, size_t n_bytes) const;
    void iput(size_t member, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems) const;
    /* From root to the others. */
    void broadcast(size_t root, void* dest, const void* source, size_t n_bytes) const;
    /* The sum of n_bytes of the members before this one. */
    size_t bytes_before(size_t n_bytes) const;

  private:
    enum Word { kArrivals, kGo, kData, kBefore, kWords };

    int pe(size_t member) const { return start_ + static_cast<int>(member << log_stride_); }
    void set(size_t member, Word word, uint64_t value) const;
    /* Waits until the own word is value or more, and sets it back to 0, which is SHMEM_SYNC_VALUE. */
    uint64_t take(Word word, uint64_t value) const;

    Call call_;
    int start_, log_stride_, size_, me_;
    uint64_t* sync_; /* kWords of them, symmetric */
};

/* dest of all becomes what combine(sum, next) makes of the sources of all, in their order. */
template <typename T, typename Combine>
void reduce_over(const ActiveSet& set, T* dest, const T* source, int n_reduce, Combine combine)
{
    const size_t n = n_reduce > 0 ? static_cast<size_t>(n_reduce) : 0;
    std::unique_ptr<T[]> sum(new T[n]), next(new T[n]);
    set.meet();
    set.get(0, sum.get(), source, n * sizeof(T));
    for (size_t i = 1; i < set.size(); i++) {
        set.get(i, next.get(), source, n * sizeof(T));
        for (size_t k = 0; k < n; k++) sum[k] = static_cast<T>(combine(sum[k], next[k]));
    }
    set.meet(); /* all have read: dest may be source */
    std::copy(sum.get(), sum.get() + n, dest);
}

namespace api {

void barrier(Call call, int start, int log_stride, int size, long* psync);
void sync(Call call, int start, int log_stride, int size, long* psync);

template <typename T>
void broadcast(Call call, void* dest, const void* source, size_t n, int root, int start, int log_stride, int size, long* psync)
{
    ActiveSet(call, start, log_stride, size, psync).broadcast(static_cast<size_t>(root), dest, source, times(n, sizeof(T)));
}

template <typename T>
void collect(Call call, void* dest, const void* source, size_t n, int start, int log_stride, int size, long* psync)
{
    const ActiveSet set(call, start, log_stride, size, psync);
    const size_t n_bytes = times(n, sizeof(T)), before = set.bytes_before(n_bytes);
    for (size_t i = 0; i < set.size(); i++) set.put(i, static_cast<char*>(dest) + before, source, n_bytes);
    set.complete();
}

template <typename T>
void fcollect(Call call, void* dest, const void* source, size_t n, int start, int log_stride, int size, long* psync)
{
    const ActiveSet set(call, start, log_stride, size, psync);
    const size_t n_bytes = times(n, sizeof(T));
    for (size_t i = 0; i < set.size(); i++) set.put(i, static_cast<char*>(dest) + set.me() * n_bytes, source, n_bytes);
    set.complete();
}

template <typename T>
void alltoall(Call call, void* dest, const void* source, size_t n, int start, int log_stride, int size, long* psync)
{
    const ActiveSet set(call, start, log_stride, size, psync);
    const size_t n_bytes = times(n, sizeof(T));
    for (size_t i = 0; i < set.size(); i++)
        set.put(i, static_cast<char*>(dest) + set.me() * n_bytes, static_cast<const char*>(source) + i * n_bytes, n_bytes);
    set.complete();
}

template <typename T>
void alltoalls(Call call, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t src, size_t n, int start, int log_stride,
               int size, long* psync)
{
    const ActiveSet set(call, start, log_stride, size, psync);
    check_strides(call, {dst, src});
    const size_t to = set.me() * n * static_cast<size_t>(dst) * sizeof(T), from = n * static_cast<size_t>(src) * sizeof(T);
    for (size_t i = 0; i < set.size(); i++)
        set.iput(i, static_cast<char*>(dest) + to, static_cast<const char*>(source) + i * from, {dst, src}, sizeof(T), n);
    set.complete();
}

#define PMX_SHMEM_TO_ALL(NAME, COMBINED)                                                                            \
    template <typename T>                                                                                           \
    void NAME(Call call, T* dest, const T* source, int n, int start, int log_stride, int size, T*, long* psync)     \
    {                                                                                                               \
        const ActiveSet set(call, start, log_stride, size, psync);                                                  \
        reduce_over(set, dest, source, n, [](const T& a, const T& b) { return COMBINED; });                         \
    }
PMX_SHMEM_TO_ALL(and_to_all, a & b)
PMX_SHMEM_TO_ALL(or_to_all, a | b)
PMX_SHMEM_TO_ALL(xor_to_all, a ^ b)
PMX_SHMEM_TO_ALL(max_to_all, a > b ? a : b)
PMX_SHMEM_TO_ALL(min_to_all, a < b ? a : b)
PMX_SHMEM_TO_ALL(sum_to_all, a + b)
PMX_SHMEM_TO_ALL(prod_to_all, a * b)
#undef PMX_SHMEM_TO_ALL

}  // namespace api

}  // namespace pmx::shmem
