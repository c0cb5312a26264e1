/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/job.h"

#include <string>

namespace pmx::shmem {

Job job;

void end_job(const char* call, const char* why)
{
    std::string line = std::string(call) + ": " + (why ? why : pmx_last_error_detail());
    pmx_abort(1, line.c_str());
    __builtin_unreachable();
}

void must_slow(const char* call, int err, const void* p)
{
    std::string line = pmx_last_error_detail();
    if (line.empty()) line = pmx_error_string(err);
    if (err == PMX_ERR_ADDRESS && p && job.up && !in_heap(p) && !job.globals.symmetric(p))
        line += job.globals.has(p) ? "; global variables are not symmetric in this job: " + job.globals.why_not()
                                   : "; symmetric are what shmem_malloc gives and global variables of the executable";
    end_job(call, line.c_str());
}

}  // namespace pmx::shmem
