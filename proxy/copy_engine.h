/* SPDX-License-Identifier: BSD-3-Clause */
/* copy_engine.h: copies between memory of the host and memory that the CPU cannot touch. */
#pragma once

#include <cstdint>

#include "status.h"

namespace pmx {

/* Used by one thread. Copies between two fences take place in any order, and at the same time. */
class CopyEngine {
  public:
    virtual ~CopyEngine() = default;
    /* Begins a copy, at the latest with the next flush(), fence() or n_finished(), so that many can begin together; never
     * waits. src stays unchanged and dst untouched until it has finished. */
    virtual Status copy(void* dst, const void* src, uint64_t n_bytes) = 0;
    /* What is copied from here on comes behind what was copied before, also as kernels see it. Never waits. */
    virtual Status fence() = 0;
    /* Begins what has been asked for. */
    virtual Status flush() = 0;
    /* How many of the copies begun have finished, counted from the first: all up to that one; what they wrote is then
     * visible to kernels and to the CPU. Never waits. Fails when the engine is broken: then nothing more finishes. */
    virtual Status n_finished(uint64_t& n_out) = 0;
};

}  // namespace pmx
