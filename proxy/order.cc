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
    case PMX_ORDER_FENCE: return "fence";
    case PMX_ORDER_ORDERED: return "ordered";
    case PMX_ORDER_COUNTED: return "counted";
    }
    return order == kOrderNone ? "none" : "unknown";
}

const char* signals_name(int signals)
{
    return signals == PMX_SIGNALS_COUPLED ? "coupled" : "grouped";
}

namespace {

/* What a mode needs and this transport lacks; nullptr: nothing. */
const char* lacks(pmx_order_t order, const TransportCaps& caps)
{
    switch (order) {
    case PMX_ORDER_FENCE: return caps.fence ? nullptr : "a fence flag";
    case PMX_ORDER_ORDERED: return caps.orders_set ? nullptr : "write-after-write order";
    case PMX_ORDER_COUNTED: return caps.counted ? nullptr : "remote completion data";
    default: return nullptr;
    }
}

}  // namespace

Status resolve_order(pmx_order_t asked, const TransportCaps& caps, pmx_order_t& order_out)
{
    if (asked < PMX_ORDER_AUTO || asked > PMX_ORDER_COUNTED)
        return fail(PMX_ERR_ARGUMENT, "order mode {}: no such mode, allowed 0..{}", static_cast<int>(asked),
                    static_cast<int>(PMX_ORDER_COUNTED));
    if (asked == PMX_ORDER_AUTO) {
        for (pmx_order_t best : {PMX_ORDER_ORDERED, PMX_ORDER_COUNTED, PMX_ORDER_FENCE, PMX_ORDER_DEFERRED}) {
            if (lacks(best, caps)) continue;
            order_out = best;
            return {};
        }
    }
    if (const char* what = lacks(asked, caps))
        return fail(PMX_ERR_UNSUPPORTED, "order mode {}: {} {} was not granted {}; use auto, or deferred", order_name(asked),
                    caps.name, caps.provider, what);
    order_out = asked;
    return {};
}

}  // namespace pmx
