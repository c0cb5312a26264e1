/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_selftest.cc: each kind of operation, once. */
#include "transport_ofi_selftest.h"

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
Status run_op(OfiAlone& alone, const Op& op, const char* what)
{
    OfiTransport& transport = *alone.transport;
    const std::string& provider = transport.caps().provider;
    const uint64_t deadline_ns = detail::now_ns() + kOfiSelfTestNs;
    bool posted = false;
    for (unsigned spins = 0;; spins++) {
        if (!posted) {
            const int n = transport.post(alone.rank, {&op, 1});
            if (n < 0)
                return fail(pmx_err_t(n), "libfabric provider {}: {} to itself is refused", provider, what);
            posted = n == 1;
        }
        Completion done{};
        const int n = transport.poll({&done, 1});
        if (n < 0) return fail(pmx_err_t(n), "libfabric provider {}: its completion queue failed", provider);
        if (n == 1 && done.err)
            return fail(done.err, "libfabric provider {}: {} to itself failed", provider, what);
        if (n == 1) return {};
        if (detail::now_ns() > deadline_ns)
            return fail(PMX_ERR_TIMEOUT, "libfabric provider {}: {} to itself did not complete in {} ms",
                        provider, what, kOfiSelfTestNs / 1000000);
        detail::relax(spins);
    }
}

}  // namespace

OfiScratch::OfiScratch()
{
    fd_ = memfd_create("pmx-probe", MFD_CLOEXEC);
    if (fd_ < 0 || ftruncate(fd_, kBytes)) return;
    void* at = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (at != MAP_FAILED) base_ = static_cast<unsigned char*>(at);
}

OfiScratch::~OfiScratch()
{
    if (base_) munmap(base_, kBytes);
    if (fd_ >= 0) close(fd_);
}

uint64_t OfiScratch::word(uint64_t off) const
{
    return detail::load_acquire(reinterpret_cast<const uint64_t*>(base_ + off));
}
unsigned char OfiScratch::byte(uint64_t off) const { return detail::load_acquire(base_ + off); }
void OfiScratch::set_word(uint64_t off, uint64_t value) const
{
    detail::store_release(reinterpret_cast<uint64_t*>(base_ + off), value);
}

Status OfiAlone::open(const OfiRow& row, bool native_add, const OfiScratch& scratch)
{
    TransportConfig config;
    config.heap_base = scratch.base();
    config.heap_bytes = OfiScratch::kBytes;
    config.timeout_ns = kOfiSelfTestNs;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    if (!transport->caps().counted || !transport->source_by_address()) {
        const std::vector<std::byte> own = transport->address();
        return transport->connect({&own, 1});
    }
    neighbour = std::move(transport);
    config.rank = rank = 1;
    config.size = 2;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    const std::vector<std::byte> both[] = {neighbour->address(), transport->address()};
    PMX_TRY(transport->connect(both));
    transport->fail_peer(0); /* what is said to come from there is a stray */
    return {};
}

Status ofi_try_operations(OfiAlone& alone, const OfiScratch& scratch)
{
    unsigned char* base = scratch.base();
    for (size_t i = 0; i < kPutBytes; i++) base[kSrc + i] = static_cast<unsigned char>(i * 7 + 1);
    scratch.set_word(kAdd, kAddFirst);
    PMX_TRY(run_op(alone, {OpKind::put, 0, base + kSrc, kDst, kPutBytes, 0, 1}, "a put"));
    PMX_TRY(run_op(alone, {OpKind::signal_set, 0, nullptr, kSet, 0, kSetValue, 2}, "a signal"));
    PMX_TRY(run_op(alone, {OpKind::signal_add, 0, nullptr, kAdd, 0, kAddValue, 3}, "an add"));
    PMX_TRY(run_op(alone, {OpKind::get, 0, base + kBack, kSrc, kPutBytes, 0, 4}, "a get"));
    const bool right = std::memcmp(base + kSrc, base + kDst, kPutBytes) == 0 &&
                       std::memcmp(base + kSrc, base + kBack, kPutBytes) == 0 &&
                       scratch.word(kSet) == kSetValue && scratch.word(kAdd) == kAddFirst + kAddValue;
    if (right) return {};
    return fail(PMX_ERR_TRANSPORT, "libfabric provider {}: data written to itself came out wrong",
                alone.transport->caps().provider);
}

}  // namespace pmx
