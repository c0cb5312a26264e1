/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.h: says on stderr how far a long step has come. */
#pragma once

#include <chrono>
#include <string>

namespace pmx::tools {

/* Silent on all ranks but 0, and for the first second. */
class Progress {
public:
    Progress(std::string label, int rank);
    ~Progress();
    void operator()(int n_done, int n_all);

private:
    using Clock = std::chrono::steady_clock;
    std::string label_;
    bool speaks_;
    bool terminal_; /* one line that is written over, else a line each time */
    int last_percent_ = -1;
    Clock::time_point next_;
};

}  // namespace pmx::tools
