/* SPDX-License-Identifier: BSD-3-Clause */
/* failures.h: the line of detail on an error of the device calls: which ranks have failed, and why. */
#pragma once

#include <string>

#include "pmx_device_ctx.h"
#include "status.h"

namespace pmx {

/* "rank 2 has failed: its process has ended", with all that have failed, the first four by name; "" when none has. */
std::string failed_ranks(const pmx_device_ctx_t& ctx);

/* The failure of what a device call answered with err: "what: rank 2 has failed: ..." or the text of the code. */
Status device_failure(const pmx_device_ctx_t& ctx, const char* what, int err);

}  // namespace pmx
