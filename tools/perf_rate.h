/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_rate.h: what the proxy costs for each command when the network costs nothing. One process. */
#pragma once

#include <vector>

#include "perf_options.h"
#include "perf_report.h"

namespace pmx::tools {

/* A row for each number of destinations, commands queued in advance; with options.producers a second one of
 * each, where so many threads queue while the engine runs. */
Status perf_rate(const PerfOptions& options, std::vector<PerfRow>& rows_out);

}  // namespace pmx::tools
