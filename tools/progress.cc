/* SPDX-License-Identifier: BSD-3-Clause */
/* progress.cc: at most two lines a second, on a terminal one line in all. */
#include "progress.h"

#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>

namespace pmx::tools {

using namespace std::chrono_literals;

Progress::Progress(std::string label, int rank)
    : label_(std::move(label)),
      speaks_(rank == 0),
      terminal_(isatty(STDERR_FILENO) == 1),
      next_(Clock::now() + 1s)
{
}

Progress::~Progress()
{
    if (terminal_ && last_percent_ >= 0) fmt::print(stderr, "\n");
}

void Progress::operator()(int n_done, int n_all)
{
    if (!speaks_ || n_all <= 0) return;
    const int percent = static_cast<int>(100LL * n_done / n_all);
    const bool last = n_done == n_all && last_percent_ >= 0;
    if (percent == last_percent_ || (!last && Clock::now() < next_)) return;
    last_percent_ = percent;
    next_ = Clock::now() + (terminal_ ? 200ms : 1000ms);
    fmt::print(stderr, "{}{}: {} %{}", terminal_ ? "\r" : "", label_, percent, terminal_ ? "" : "\n");
    std::fflush(stderr);
}

}  // namespace pmx::tools
