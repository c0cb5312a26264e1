/* SPDX-License-Identifier: BSD-3-Clause */
/* order.h: the order modes: their names, and which of them a transport can keep. */
#pragma once

#include "pmx.h"
#include "transport.h"

namespace pmx {

/* For tests of the tests: posts everything at once and orders nothing. Never a parameter. 7 is the largest value that the enum can hold. */
inline constexpr pmx_order_t kOrderNone = static_cast<pmx_order_t>(7);

/* The two baselines, which wait at an order point. */
inline bool stalls(pmx_order_t order) { return order == PMX_ORDER_STALL_ALL || order == PMX_ORDER_STALL_RANK; }

/* "stall-all", ...; "auto" for PMX_ORDER_AUTO. */
const char* order_name(pmx_order_t order);
const char* signals_name(int signals);

/* The mode to use when `asked` was asked for: auto gives the best that caps allow, any other mode itself
 * or PMX_ERR_UNSUPPORTED with the reason. */
Status resolve_order(pmx_order_t asked, const TransportCaps& caps, pmx_order_t& order_out);

}  // namespace pmx
