/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_selftest.h: what an endpoint is made to do to itself before pmx believes its provider. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "transport_ofi_impl.h"

namespace pmx {

/* An operation of a self-test ends within this, or has failed. */
inline constexpr uint64_t kOfiSelfTestNs = 1'000'000'000;

/* A heap for one rank: shared memory like that of the symmetric heap. */
class OfiScratch {
public:
    static constexpr size_t kBytes = 1 << 20;
    OfiScratch();
    ~OfiScratch();
    OfiScratch(const OfiScratch&) = delete;
    OfiScratch& operator=(const OfiScratch&) = delete;

    unsigned char* base() const { return base_; } /* nullptr: there is no memory */
    /* Written by the provider, maybe in a thread of its own: acquire, as who waits for a signal does. */
    uint64_t word(uint64_t off) const;
    unsigned char byte(uint64_t off) const;
    void set_word(uint64_t off, uint64_t value) const;

private:
    int fd_ = -1;
    unsigned char* base_ = nullptr;
};

/* An endpoint that reaches itself, as `rank`. Where the provider has to tell the source of what arrives, it
 * has a neighbour with an address but no traffic: a provider that names any rank as the source does not name
 * the right one by chance. */
struct OfiAlone {
    std::unique_ptr<OfiTransport> transport;
    std::unique_ptr<OfiTransport> neighbour;
    int rank = 0;

    Status open(const OfiRow& row, bool native_add, const OfiScratch& scratch);
};

/* A put, a SET, an ADD and a get, and a look at what they wrote. */
Status ofi_try_operations(OfiAlone& alone, const OfiScratch& scratch);

/* A promise of TransportCaps, with the operation that must stay behind a put if it is kept. */
struct OfiPromise {
    const char* name;
    bool TransportCaps::*cap;
    OpKind second; /* OpKind::put: one of a byte */
    uint8_t flags; /* of the second; kOpCounted: of the put, too */
};
std::span<const OfiPromise> ofi_promises();

/* Some hundred pairs of a put of an odd size and its second, posted in batches, with a look at the data
 * whenever the second shows. A failure names the first pair that was out of order; the endpoint is of no use
 * then, as operations may be under way. Takes about 10 ms, and one batch at least. */
Status ofi_try_promise(OfiAlone& alone, const OfiScratch& scratch, const OfiPromise& promise);

}  // namespace pmx
