/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_options.h: the command line of pmx_sim. */
#pragma once

#include "sim_result.h"

namespace pmx::tools {

struct SimOptions {
    SimTask task;
    bool json = false;
    bool table = false;
    bool paper = false;
    bool profiles = false;
};

/* text_out: what --help or --version print; "" when there is something to run. PMX_ERR_ARGUMENT: one line that names
 * the value and what is allowed. */
Status parse_sim_options(int argc, char** argv, SimOptions& options_out, std::string& text_out);

}  // namespace pmx::tools
