/* SPDX-License-Identifier: BSD-3-Clause */
/* schedule.h: block 0 of a kernel: turns the signals that arrive into tasks, and knows when all is done. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moe/kernel.h"

namespace pmx::moe {

class Scheduler {
  public:
    explicit Scheduler(const Shape& shape);
    /* The body of block 0. Returns when the kernel is to end; then Kernel::error says how it went. */
    void run(Kernel& kernel);
    /* After run: one line on what had not come, for a failure. */
    std::string describe(const Kernel& kernel) const;

  private:
    /* A tile of this rank that another rank (or this) computes. */
    struct Awaited {
        int32_t dst;
        uint32_t slot;
        uint32_t first_row; /* in dispatch_send */
        uint32_t n_rows;
    };
    struct Source {
        int32_t src;
        int32_t local_expert;
    };

    void begin(Kernel& kernel);
    void check_faults(Kernel& kernel, uint64_t last_move_ns) const;
    void await(const Kernel& kernel, int dst);
    bool poll_arrivals(Kernel& kernel);
    bool poll_results(Kernel& kernel);
    bool finished(const Kernel& kernel) const;
    /* Jobs, tiles, shared chunks and groups done so far: grows while processors move. */
    uint64_t progress(const Kernel& kernel) const;
    void add_tiles(Kernel& kernel, const Source& source, uint64_t word);
    void count_rows(Kernel& kernel, const Awaited& result);
    void group_is_back(Kernel& kernel, uint32_t group);
    bool release_held(Kernel& kernel);

    std::vector<Source> sources_;  /* whose signal has not come, remote ones first */
    std::vector<Awaited> awaited_; /* whose result has not come, remote ones first */
    std::vector<uint32_t> missing_; /* [token group] rows that have not come back */
    std::vector<uint32_t> held_;    /* token groups that wait for the shared expert only */
    uint32_t n_tiles_ = 0;
    uint32_t n_shared_ = 0;
    uint32_t n_groups_ = 0;
};

}  // namespace pmx::moe
