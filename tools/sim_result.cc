/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_result.h"

#include <algorithm>
#include <cmath>

namespace pmx::tools {

double percentile(std::vector<double>& values, double p)
{
    if (values.empty()) return 0;
    std::sort(values.begin(), values.end());
    double place = std::ceil(p / 100 * static_cast<double>(values.size()));
    return values[static_cast<size_t>(std::clamp(place, 1.0, static_cast<double>(values.size()))) - 1];
}

Status sim_run(const SimTask& task, SimResult& result_out)
{
    return task.op == "moe" ? sim_moe(task, result_out) : sim_fan(task, result_out);
}

}  // namespace pmx::tools
