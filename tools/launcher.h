/* SPDX-License-Identifier: BSD-3-Clause */
/* launcher.h: what a tool knows and does before pmx is up, and when it is not. */
#pragma once

#include <signal.h>

#include <string>

#include "status.h"

namespace pmx::tools {

/* Exit statuses of the tools. */
inline constexpr int kExitOk = 0;
inline constexpr int kExitWrong = 1;   /* a result is wrong */
inline constexpr int kExitInput = 2;   /* bad input: option, variable, file, shape */
inline constexpr int kExitRuntime = 3; /* a rank, the network or the system failed */

/* Bad input is: the arguments of a call, and what does not fit into memory. */
int exit_status(const Status& failure);

/* The failure that a pmx call has just reported to this thread; ok for 0. */
Status from_pmx(int err);

/* As the launcher (Open MPI, PMIx, PMI, Slurm) says it in the environment; 0 and 1 without one. */
int launcher_rank();
int launcher_size();

/* "tool: line" to stderr, in one write, so that lines of several ranks do not mix. */
void print_error(const char* tool, const std::string& line);

/* Keeps SIGTERM waiting while in scope. mpirun ends all ranks by SIGTERM, and a second later by SIGKILL,
 * when the first of them exits with an error: the rank that has something to say gets to say it. */
class HoldSigterm {
public:
    HoldSigterm();
    ~HoldSigterm();
    HoldSigterm(const HoldSigterm&) = delete;
    HoldSigterm& operator=(const HoldSigterm&) = delete;

private:
    struct sigaction before_;
};

}  // namespace pmx::tools
