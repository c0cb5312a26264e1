/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_selftest.cc: an endpoint that reaches itself. */
#include "transport_ofi_selftest.h"

namespace pmx {

Status OfiAlone::open(const OfiRow& row, bool native_add, const SelfTestHeap& heap)
{
    TransportConfig config;
    config.heap_base = heap.base();
    config.heap_bytes = SelfTestHeap::kBytes;
    config.timeout_ns = kSelfTestNs;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    if (!transport->caps().counted || !transport->source_by_address()) {
        const std::vector<std::byte> own = transport->address();
        return transport->connect({&own, 1});
    }
    neighbour = std::move(transport);
    config.rank = rank = 1;
    config.size = 2;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    const std::vector<std::byte> both[] = {neighbour->address(), transport->address()};
    PMX_TRY(transport->connect(both));
    transport->fail_peer(0); /* what is said to come from there is a stray */
    return {};
}

SelfTestTarget OfiAlone::target(const SelfTestHeap& heap) const
{
    return {*transport, rank, heap, [this]() -> Status {
                if (transport->n_strays() == 0) return {};
                return fail(PMX_ERR_UNSUPPORTED, "arrivals do not tell their source");
            }};
}

}  // namespace pmx
