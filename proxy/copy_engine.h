/* SPDX-License-Identifier: BSD-3-Clause */
/* copy_engine.h: copies between memory of the host and memory that the CPU cannot touch. */
#pragma once

#include <cstdint>

#include "status.h"

namespace pmx {

/* Used by one thread. Copies of one engine take place one after the other, in the order in which they begin. */
class CopyEngine {
  public:
    virtual ~CopyEngine() = default;
    /* Begins a copy; never waits. src stays unchanged and dst untouched until it has finished. */
    virtual Status copy(void* dst, const void* src, uint64_t n_bytes) = 0;
    /* How many of the copies begun have finished, counted from the first; what they wrote is then visible to kernels
     * and to the CPU. Never waits. Fails when the engine is broken: then nothing more finishes. */
    virtual Status n_finished(uint64_t& n_out) = 0;
};

}  // namespace pmx
