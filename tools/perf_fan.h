/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_fan.h: all ranks send to all others at once. */
#pragma once

#include "perf_ops.h"

namespace pmx::tools {

int perf_fan(PerfRun& run, PerfPath& path, PerfSamples& samples);

}  // namespace pmx::tools
