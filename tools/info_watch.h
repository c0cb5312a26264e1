/* SPDX-License-Identifier: BSD-3-Clause */
/* info_watch.h: pmx_info --watch: the counters of a rank that runs, a line a second. */
#pragma once

#include <sys/types.h>

#include "status.h"

namespace pmx::tools {

/* Until the process ends, or n_lines were printed (0: no limit). json: an object a line. PMX_ERR_ARGUMENT: that process
 * cannot be watched. PMX_ERR_SYSTEM: the output cannot be written. */
Status info_watch(pid_t pid, unsigned n_lines, bool json);

}  // namespace pmx::tools
