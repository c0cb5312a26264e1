/* SPDX-License-Identifier: BSD-3-Clause */
/* atomics.h: the side of a rank that asks for atomic operations (atomic_server.h). Any thread. */
#pragma once

#include <array>
#include <atomic>

#include "atomic_server.h"

namespace pmx {

class Atomics {
  public:
    explicit Atomics(AtomicArea area) : area_(area) {}

    /* The operation on a word of rank, which only the proxy reaches; waits for the answer. ctx: a context of the user. */
    int ask(const pmx_device_ctx_t& ctx, int rank, const AtomicRequest& request, uint64_t& before_out);

  private:
    /* A lane whose answer did not come in time stays taken until it does: what it asked for may still be read. */
    struct Lane {
        std::atomic<bool> taken{false};
        std::atomic<bool> late{false};
        uint64_t number = 0; /* by who has taken it */
    };
    bool take(unsigned lane);

    AtomicArea area_;
    std::array<Lane, AtomicArea::kLanes> lanes_;
};

}  // namespace pmx
