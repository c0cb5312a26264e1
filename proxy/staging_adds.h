/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_adds.h: ADDs to words in GPU memory, which the CPU cannot touch: read by a copy, added, written by
 * a copy. They go in rounds, so that many words share the time of two copies. A word is in one round at a
 * time, and its sum is written before the next round reads. */
#pragma once

#include <array>

#include "staging_core.h"

namespace pmx {

class StagingAdds {
  public:
    explicit StagingAdds(StagingCore& core) : core_(core) {}

    /* Takes an ADD into the next round, whose number (from 1) it writes. False: not now. */
    bool offer(char* word, uint64_t value, uint64_t& round_out);
    /* Whether the word is read or written now: a SET of it must wait, since the sum would cover it. */
    bool busy(const char* word) const { return phase_ != Phase::gather && find(word) != n_; }
    /* A SET of any word, by this copy to GPU memory: sums that are read later include it. */
    void behind(uint64_t copy_in) { last_set_ = copy_in; }
    bool done(uint64_t round) const { return round <= n_rounds_; }
    /* Goes on as far as the copies allow. */
    void progress();

  private:
    enum class Phase : uint8_t { gather, read, write };
    struct Add {
        char* word;
        uint64_t value;
    };

    unsigned find(const char* word) const;
    uint64_t* cell(unsigned i) const { return core_.word_at(core_.area.cells()) + i; }

    StagingCore& core_;
    Phase phase_ = Phase::gather;
    unsigned n_ = 0;
    std::array<Add, StagingArea::kCells> adds_;
    uint64_t n_rounds_ = 0; /* done */
    uint64_t last_set_ = 0;
    uint64_t copy_ = 0; /* the last one of the phase */
};

}  // namespace pmx
