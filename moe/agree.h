/* SPDX-License-Identifier: BSD-3-Clause */
/* agree.h: a collective creation goes on only when it can go on everywhere. */
#pragma once

#include "pmx_moe.h"

namespace pmx::moe {

/* Collective, on all ranks whatever their own_err is. Returns 0 on all ranks when all passed the same
 * config and own_err 0; else own_err, or PMX_ERR_MISMATCH with a line that names what differs, or the
 * code of the rank that failed. The detail line of own_err stays in place. config may be NULL. */
int agree(const pmx_moe_config_t* config, int own_err);

}  // namespace pmx::moe
