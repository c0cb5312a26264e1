/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_paper.h: the published figures of proxies that wait for order (arXiv 2605.00686, as notes on it give them:
 * NVSHMEM on Slingshot, 4 ranks a node) beside what pmx_sim finds for the same on its profile slingshot11. */
#pragma once

#include "sim_result.h"

namespace pmx::tools {

/* seed and iterations are taken from `task`. As a table, or a line of JSON for each figure. */
Status sim_paper(const SimTask& task, bool json, std::string& text_out);

}  // namespace pmx::tools
