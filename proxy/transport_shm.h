/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_shm.h: the way to ranks of the same node: their heaps are mapped, and blocks store into them
 * directly. No proxy, no commands.
 *
 * A segment is an anonymous file (memfd): it has no name, so nothing is left behind however a rank ends,
 * and no limit of /dev/shm holds for it. A peer opens it through /proc/PID/fd/FD. */
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "status.h"

namespace pmx {

/* A mapping of a segment, the own or that of a peer. */
class ShmSegment {
  public:
    ShmSegment() = default;
    ~ShmSegment();
    ShmSegment(ShmSegment&& other) noexcept;
    ShmSegment& operator=(ShmSegment&& other) noexcept;

    /* n_bytes of zeroed memory, page aligned; pages are taken when they are first touched. */
    static Status create(size_t n_bytes, ShmSegment& segment_out);
    /* What a peer needs to attach. */
    std::vector<std::byte> address() const;
    /* The segment behind an address() of another process of this node. PMX_ERR_SYSTEM: not reachable (such
     * as another process namespace), or what is there is not that segment. */
    static Status attach(std::span<const std::byte> address, ShmSegment& segment_out);

    /* Maps n_bytes of an own segment from off on once more, at `at`, in place of what is there; all whole pages. */
    Status map_again(size_t off, size_t n_bytes, void* at) const;

    char* base() const { return static_cast<char*>(base_); }
    size_t n_bytes() const { return n_bytes_; }
    pid_t pid() const { return pid_; } /* of the process that created it */

  private:
    void* base_ = nullptr;
    size_t n_bytes_ = 0;      /* as asked */
    size_t mapped_bytes_ = 0; /* with the page behind, which holds the nonce */
    uint64_t nonce_ = 0;
    pid_t pid_ = 0;
    int fd_ = -1; /* of the creator */
};

}  // namespace pmx
