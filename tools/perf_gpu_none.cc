/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_gpu_none.cc: in builds without nvcc. */
#include "perf_machine.h"

namespace pmx::tools {

std::unique_ptr<PerfMachine> perf_gpu_machine() { return nullptr; }

}  // namespace pmx::tools
