/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h: the time by which an engine lives; a simulation brings its own. */
#pragma once

#include <cstdint>

#include "pmx_atomic.h"

namespace pmx {

class Clock {
  public:
    virtual ~Clock() = default;
    virtual uint64_t now_ns() const = 0; /* never goes back */
};

class MonotonicClock final : public Clock {
  public:
    uint64_t now_ns() const override { return detail::now_ns(); }
};

}  // namespace pmx
