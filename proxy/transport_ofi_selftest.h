/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_selftest.h: an endpoint for the self-test of its provider. */
#pragma once

#include <memory>

#include "self_test.h"
#include "transport_ofi_impl.h"

namespace pmx {

/* An endpoint that reaches itself, as `rank`. Where the provider has to tell the source of what arrives, it
 * has a neighbour with an address but no traffic: a provider that names any rank as the source does not name
 * the right one by chance. */
struct OfiAlone {
    std::unique_ptr<OfiTransport> transport;
    std::unique_ptr<OfiTransport> neighbour;
    int rank = 0;

    Status open(const OfiRow& row, bool native_add, const SelfTestHeap& heap);
    SelfTestTarget target(const SelfTestHeap& heap) const;
};

}  // namespace pmx
