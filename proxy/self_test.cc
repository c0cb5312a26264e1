/* SPDX-License-Identifier: BSD-3-Clause */
/* self_test.cc: each kind of operation, once. */
#include "self_test.h"

#include <pmx_atomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace pmx {

namespace {

/* Offsets in the scratch heap. */
constexpr uint64_t kSrc = 0, kDst = 4096, kBack = 8192, kSet = 12288, kAdd = 12296;
constexpr size_t kPutBytes = 1000;
constexpr uint64_t kSetValue = 0x0102030405060708, kAddFirst = 5, kAddValue = uint64_t(1) << 40;

/* Posts one operation and waits until it has completed. */
Status run_op(const SelfTestTarget& target, const Op& op, const char* what)
{
    Transport& transport = target.transport;
    const uint64_t deadline_ns = detail::now_ns() + kSelfTestNs;
    bool posted = false;
    for (unsigned spins = 0;; spins++) {
        if (!posted) {
            const int n = transport.post(target.rank, {&op, 1});
            if (n < 0) return fail(pmx_err_t(n), "{} to itself is refused", what);
            posted = n == 1;
        }
        Completion done{};
        const int n = transport.poll({&done, 1});
        if (n < 0) return fail(pmx_err_t(n), "its completion queue failed");
        if (n == 1 && done.err) return fail(done.err, "{} to itself failed", what);
        if (n == 1) return {};
        if (detail::now_ns() > deadline_ns)
            return fail(PMX_ERR_TIMEOUT, "{} to itself did not complete in {} ms", what, kSelfTestNs / 1000000);
        detail::relax(spins);
    }
}

}  // namespace

SelfTestHeap::SelfTestHeap()
{
    fd_ = memfd_create("pmx-self-test", MFD_CLOEXEC);
    if (fd_ < 0 || ftruncate(fd_, kBytes)) return;
    void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (at != MAP_FAILED) base_ = static_cast<unsigned char*>(at);
}

SelfTestHeap::~SelfTestHeap()
{
    if (base_) munmap(base_, kBytes);
    if (fd_ >= 0) close(fd_);
}

uint64_t SelfTestHeap::word(uint64_t off) const
{
    return detail::load_acquire(reinterpret_cast<const uint64_t*>(base_ + off));
}
unsigned char SelfTestHeap::byte(uint64_t off) const { return detail::load_acquire(base_ + off); }
void SelfTestHeap::set_word(uint64_t off, uint64_t value) const
{
    detail::store_release(reinterpret_cast<uint64_t*>(base_ + off), value);
}

Status self_test_operations(const SelfTestTarget& target)
{
    const SelfTestHeap& heap = target.heap;
    unsigned char* base = heap.base();
    for (size_t i = 0; i < kPutBytes; i++) base[kSrc + i] = static_cast<unsigned char>(i * 7 + 1);
    heap.set_word(kAdd, kAddFirst);
    PMX_TRY(run_op(target, {OpKind::put, 0, base + kSrc, kDst, kPutBytes, 0, 1}, "a put"));
    PMX_TRY(run_op(target, {OpKind::signal_set, 0, nullptr, kSet, 0, kSetValue, 2}, "a signal"));
    PMX_TRY(run_op(target, {OpKind::signal_add, 0, nullptr, kAdd, 0, kAddValue, 3}, "an add"));
    PMX_TRY(run_op(target, {OpKind::get, 0, base + kBack, kSrc, kPutBytes, 0, 4}, "a get"));
    const bool right = std::memcmp(base + kSrc, base + kDst, kPutBytes) == 0 &&
                       std::memcmp(base + kSrc, base + kBack, kPutBytes) == 0 &&
                       heap.word(kSet) == kSetValue && heap.word(kAdd) == kAddFirst + kAddValue;
    if (right) return {};
    return fail(PMX_ERR_TRANSPORT, "data written to itself came out wrong");
}

}  // namespace pmx
