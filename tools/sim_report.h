/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_report.h: results as JSON and as tables. */
#pragma once

#include <span>

#include "sim_result.h"

namespace pmx::tools {

/* One line. one_node_us: of a MoE layer, the same layer on one node. */
std::string sim_json(const SimResult& result, double one_node_us);
/* A table, and below it what is batching and what is ordering, as far as the rows tell. */
std::string sim_table(std::span<const SimResult> rows, double one_node_us);
/* The fabrics. */
std::string sim_profiles();

/* What must hold: no stall but in the baselines, and the order points of the formula. */
Status sim_check(const SimResult& result);

}  // namespace pmx::tools
