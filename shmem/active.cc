/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/active.h"

#include <string>

namespace pmx::shmem {

ActiveSet::ActiveSet(Call call, int start, int log_stride, int size, long* psync)
    : call_(call), start_(start), log_stride_(log_stride), size_(size), me_(-1),
      sync_(reinterpret_cast<uint64_t*>(symmetric(psync)))
{
    const bool sane = start >= 0 && size >= 1 && log_stride >= 0 && log_stride < 31;
    const long last = sane ? start + (static_cast<long>(size - 1) << log_stride) : job.n_pes;
    const long from_start = job.pe - start, stride = sane ? 1l << log_stride : 1;
    if (last < job.n_pes && from_start >= 0 && from_start % stride == 0 && job.pe <= last)
        me_ = static_cast<int>(from_start / stride);
    static_assert(kWords <= SHMEM_SYNC_SIZE && sizeof(long) == sizeof(uint64_t));
    if (!in_heap(sync_)) must(call.name, pmx_error_report(PMX_ERR_ADDRESS, "pSync is not in symmetric memory"), psync);
    if (me_ >= 0) return;
    std::string line = "the active set has PE_start " + std::to_string(start) + ", logPE_stride " + std::to_string(log_stride) +
                       ", PE_size " + std::to_string(size) + ": must have PE " + std::to_string(job.pe) + ", and no other than 0.." +
                       std::to_string(job.n_pes - 1);
    end_job(call.name, line.c_str());
}

void ActiveSet::set(size_t member, Word word, uint64_t value) const
{
    must(call_.name, pmx_signal_set(PMX_CTX_DEFAULT, sync_ + word, value, pe(member)));
}

uint64_t ActiveSet::take(Word word, uint64_t value) const
{
    uint64_t seen = 0;
    must(call_.name, pmx_signal_wait(PMX_CTX_DEFAULT, sync_ + word, PMX_CMP_GE, value, PMX_RANK_ANY, 0, &seen));
    __atomic_store_n(sync_ + word, 0, __ATOMIC_RELEASE);
    return seen;
}

void ActiveSet::meet() const
{
    if (size_ == 1) return;
    if (me_ != 0) {
        must(call_.name, pmx_signal_add(PMX_CTX_DEFAULT, sync_ + kArrivals, 1, pe(0)));
        take(kGo, 1);
        return;
    }
    take(kArrivals, size() - 1);
    for (size_t i = 1; i < size(); i++) set(i, kGo, 1);
}

void ActiveSet::complete() const
{
    for (size_t i = 0; i < size(); i++) must(call_.name, pmx_quiet_rank(PMX_CTX_DEFAULT, pe(i)));
    meet();
}

void ActiveSet::put(size_t member, void* dest, const void* source, size_t n_bytes) const
{
    api::putmem({call_.name, SHMEM_CTX_DEFAULT}, dest, source, n_bytes, pe(member));
}

void ActiveSet::get(size_t member, void* dest, const void* source, size_t n_bytes) const
{
    api::getmem({call_.name, SHMEM_CTX_DEFAULT}, dest, source, n_bytes, pe(member));
}

void ActiveSet::iput(size_t member, void* dest, const void* source, Strides strides, size_t elem_bytes, size_t n_elems) const
{
    iput_bytes({call_.name, SHMEM_CTX_DEFAULT}, dest, source, strides, elem_bytes, n_elems, pe(member));
}

void ActiveSet::broadcast(size_t root, void* dest, const void* source, size_t n_bytes) const
{
    if (root >= size()) end_job(call_.name, "PE_root is not in the active set");
    if (me() != root)
        take(kData, 1);
    else
        for (size_t i = 0; i < size(); i++)
            if (i != root)
                must(call_.name,
                     pmx_put_signal(PMX_CTX_DEFAULT, symmetric(dest), own(source, n_bytes), n_bytes, sync_ + kData, 1,
                                    PMX_SIGNAL_SET, pe(i)),
                     dest);
    meet();
}

size_t ActiveSet::bytes_before(size_t n_bytes) const
{
    /* 1 more than the sum, since a word of 0 says nothing. */
    const uint64_t before = me_ == 0 ? 1 : take(kBefore, 1);
    if (me() + 1 < size()) set(me() + 1, kBefore, before + n_bytes);
    return before - 1;
}

namespace api {

void barrier(Call call, int start, int log_stride, int size, long* psync)
{
    const ActiveSet set(call, start, log_stride, size, psync);
    must(call.name, pmx_quiet(PMX_CTX_DEFAULT));
    set.meet();
}

void sync(Call call, int start, int log_stride, int size, long* psync)
{
    ActiveSet(call, start, log_stride, size, psync).meet();
}

}  // namespace api

}  // namespace pmx::shmem
