/* SPDX-License-Identifier: BSD-3-Clause */
/* self_test.h: what a transport is made to do to itself before pmx believes it. Its one rank reaches itself, over the
 * network as it would reach others. A failure says what was wrong, not whose fault it was: the caller names that. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "transport.h"

namespace pmx {

/* An operation of a self-test ends within this, or has failed. */
inline constexpr uint64_t kSelfTestNs = 2'000'000'000;

/* A heap for one rank: shared memory like that of the symmetric heap. */
class SelfTestHeap {
public:
    static constexpr size_t kBytes = 1 << 20;
    SelfTestHeap();
    ~SelfTestHeap();
    SelfTestHeap(const SelfTestHeap&) = delete;
    SelfTestHeap& operator=(const SelfTestHeap&) = delete;

    unsigned char* base() const { return base_; } /* nullptr: there is no memory */
    /* Written by the network, maybe in a thread of its own: acquire, as who waits for a signal does. */
    uint64_t word(uint64_t off) const;
    unsigned char byte(uint64_t off) const;
    void set_word(uint64_t off, uint64_t value) const;

private:
    int fd_ = -1;
    unsigned char* base_ = nullptr;
};

/* A connected transport with this heap, in which it is `rank`. */
struct SelfTestTarget {
    Transport& transport;
    int rank;
    const SelfTestHeap& heap;
    std::function<Status()> after_poll; /* asked after each poll, when it is there */
};

/* A put, a SET, an ADD and a get, and a look at what they wrote. */
Status self_test_operations(const SelfTestTarget& target);

/* A promise of TransportCaps, with the operation that must stay behind a put if it is kept. */
struct SelfTestPromise {
    const char* name;
    bool TransportCaps::*cap;
    OpKind second; /* OpKind::put: one of a byte */
    uint8_t flags; /* of the second; kOpCounted: of the put, too */
};
std::span<const SelfTestPromise> self_test_promises();

/* Some hundred pairs of a put of an odd size and its second, posted in batches, with a look at the data
 * whenever the second shows. A failure names the first pair that was out of order; the transport is of no use
 * then, as operations may be under way. Takes about 10 ms, and one batch at least. */
Status self_test_promise(const SelfTestTarget& target, const SelfTestPromise& promise);

}  // namespace pmx
