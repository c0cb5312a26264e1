/* SPDX-License-Identifier: BSD-3-Clause */
#include "order.h"

namespace pmx {

const char* order_name(pmx_order_t order)
{
    switch (order) {
    case PMX_ORDER_AUTO: return "auto";
    case PMX_ORDER_STALL_ALL: return "stall-all";
    case PMX_ORDER_STALL_RANK: return "stall-rank";
    case PMX_ORDER_DEFERRED: return "deferred";
    case PMX_ORDER_ORDERED: return "ordered";
    }
    return "unknown";
}

const char* signals_name(int signals)
{
    return signals == PMX_SIGNALS_COUPLED ? "coupled" : "grouped";
}

Status resolve_order(pmx_order_t asked, const TransportCaps& caps, pmx_order_t& order_out)
{
    switch (asked) {
    case PMX_ORDER_AUTO:
        order_out = caps.orders_set ? PMX_ORDER_ORDERED : PMX_ORDER_DEFERRED;
        return {};
    case PMX_ORDER_ORDERED:
        if (!caps.orders_set)
            return fail(PMX_ERR_UNSUPPORTED,
                        "order mode ordered: {} {} was not granted write-after-write order; use deferred, stall-rank or "
                        "stall-all",
                        caps.name, caps.provider);
        [[fallthrough]];
    case PMX_ORDER_STALL_ALL:
    case PMX_ORDER_STALL_RANK:
    case PMX_ORDER_DEFERRED:
        order_out = asked;
        return {};
    }
    return fail(PMX_ERR_ARGUMENT, "order mode {}: no such mode, allowed 0..4", static_cast<int>(asked));
}

}  // namespace pmx
