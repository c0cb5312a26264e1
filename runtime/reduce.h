/* SPDX-License-Identifier: BSD-3-Clause */
/* reduce.h: what pmx_type_t and pmx_op_t mean. */
#pragma once

#include <cstddef>

#include "pmx.h"

namespace pmx {

/* Bytes of an element, 0: no such type. */
size_t type_bytes(int type);
/* Whether op is one for that type. */
bool reduce_allowed(int type, int op);
/* out[i] = a[i] op b[i]; out may be a or b. type and op: reduce_allowed. */
void reduce(pmx_type_t type, pmx_op_t op, void* out, const void* a, const void* b, size_t n_elems);

}  // namespace pmx
