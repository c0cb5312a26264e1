/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_probe.cc: which providers work here and what they keep, found by doing: each is opened and
 * talks to itself. Also the entry ofi_open(). */
#include <pmx_atomic.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "transport_ofi.h"
#include "transport_ofi_impl.h"
#include "transport_ofi_selftest.h"

namespace pmx {

namespace {

/* What the self-test of a provider found. */
struct Finding {
    Status status;
    bool native_add = false;
    OfiProvider provider;
};

/* libfabric 1.17 may crash when a region is closed under an operation, so these get some time to end. */
void settle(OfiAlone& alone)
{
    constexpr uint64_t kSettleNs = 50'000'000;
    for (const uint64_t end_ns = detail::now_ns() + kSettleNs; detail::now_ns() < end_ns;) {
        std::array<Completion, 32> done;
        if (alone.transport->poll(done) < 0) return;
    }
}

/* Tries what was promised. A promise that is broken is taken back; the rest is tried on an endpoint of its
 * own, as the old one may have operations under way. */
Status try_promises(const OfiRow& row, const SelfTestHeap& heap, OfiAlone& alone, Finding& finding)
{
    TransportCaps& caps = finding.provider.caps;
    for (const SelfTestPromise& promise : self_test_promises()) {
        if (!(caps.*promise.cap)) continue;
        if (!alone.transport) {
            PMX_TRY(alone.open(row, finding.native_add, heap));
            alone.transport->withhold(caps);
        }
        const Status kept = self_test_promise(alone.target(heap), promise);
        if (kept.ok()) continue;
        caps.*promise.cap = false;
        finding.provider.why += fmt::format("; not {}: {}", promise.name, kept.detail());
        settle(alone);
        alone = {};
    }
    return {};
}

Status try_provider(const OfiRow& row, bool native_add, Finding& finding)
{
    const SelfTestHeap heap;
    if (!heap.base()) return fail(PMX_ERR_SYSTEM, "no memory for the probe: {}", std::strerror(errno));
    OfiAlone alone;
    PMX_TRY(alone.open(row, native_add, heap));
    const OfiTransport& transport = *alone.transport;
    finding.provider.caps = transport.caps();
    finding.native_add = transport.add_native();
    finding.provider.why = transport.set_by_write() ? "signals by writes" : "signals by messages";
    if (transport.set_by_write())
        finding.provider.why += transport.add_native() ? ", adds by native atomics" : ", adds by messages";
    if (transport.avoids_fence()) finding.provider.why += "; FI_FENCE is unused: it may hang here";
    if (const Status works = self_test_operations(alone.target(heap)); !works.ok())
        return fail(works.code(), "libfabric provider {}: {}", row.name, works.detail());
    return try_promises(row, heap, alone, finding);
}

Finding examine_anew(const OfiRow& row)
{
    Finding finding;
    finding.provider.name = row.name;
    finding.status = try_provider(row, true, finding);
    if (!finding.status.ok() && finding.native_add) {
        const std::string why_not = finding.status.detail();
        finding.status = try_provider(row, false, finding);
        finding.provider.why += " (native: " + why_not + ")";
    }
    finding.provider.usable = finding.status.ok();
    if (!finding.status.ok()) finding.provider.why = finding.status.detail();
    return finding;
}

/* Once for each provider and process: who probes and then opens does not pay twice. */
Finding examine(const OfiRow& row)
{
    static std::mutex mutex;
    static std::vector<Finding> known;
    const std::lock_guard lock(mutex);
    for (const Finding& finding : known)
        if (finding.provider.name == row.name) return finding;
    known.push_back(examine_anew(row));
    return known.back();
}

/* Names of all that has RDM endpoints here, by fi_getinfo. */
std::vector<std::string> offered()
{
    std::vector<std::string> names;
    Info hints(fi_allocinfo());
    if (!hints) return names;
    hints->caps = FI_MSG | FI_RMA;
    hints->mode = ~uint64_t(0);
    hints->ep_attr->type = FI_EP_RDM;
    hints->domain_attr->mr_mode = ~0 & ~(FI_MR_BASIC | FI_MR_SCALABLE);
    fi_info* list = nullptr;
    if (fi_getinfo(FI_VERSION(1, 17), nullptr, nullptr, 0, hints.get(), &list)) return names;
    Info owner(list);
    for (fi_info* info = list; info; info = info->next) {
        std::string name = info->fabric_attr->prov_name;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    return names;
}

}  // namespace

std::vector<std::string> ofi_offered()
{
    ofi_set_environment();
    const std::vector<std::string> found = offered();
    std::vector<std::string> names;
    auto has = [](const std::vector<std::string>& in, const std::string& name) {
        return std::find(in.begin(), in.end(), name) != in.end();
    };
    for (const OfiRow& row : ofi_table())
        if (has(found, row.name)) names.push_back(row.name);
    for (const std::string& name : found)
        if (!has(names, name)) names.push_back(name);
    return names;
}

OfiProvider ofi_probe(const std::string& name)
{
    ofi_set_environment();
    return examine(ofi_row(name)).provider;
}

Status ofi_open(const std::string& provider, const TransportConfig& config,
                std::unique_ptr<Transport>& transport_out)
{
    ofi_set_environment();
    if (config.size < 1 || config.rank < 0 || config.rank >= config.size)
        return fail(PMX_ERR_RANK, "rank {} of {}: a rank is in 0..size-1", config.rank, config.size);
    if (!config.heap_base || config.heap_bytes == 0)
        return fail(PMX_ERR_ARGUMENT, "libfabric provider {}: there is no heap to register", provider);
    const OfiRow row = ofi_row(provider);
    const Finding finding = examine(row);
    PMX_TRY(finding.status);
    std::unique_ptr<OfiTransport> transport;
    PMX_TRY(OfiTransport::open(row, finding.native_add, config, transport));
    transport->withhold(finding.provider.caps);
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
