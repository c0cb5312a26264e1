/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_probe.cc: which devices work here, found by doing, and the entry verbs_open(). */
#include "transport_verbs.h"
#include "transport_verbs_impl.h"
#include "transport_verbs_selftest.h"

namespace pmx {

namespace {

Status examine(const VerbsConfig& verbs, const std::string& name, VerbsDevice& device_out)
{
    VerbsDevice device;
    device.name = name;
    const Status tested = verbs_self_test(verbs, name, device.caps, device.why);
    device.usable = tested.ok();
    if (!tested.ok()) device.why = tested.detail();
    device_out = std::move(device);
    return tested;
}

/* The device that config names for this rank, or the first that works. */
Status choose(const VerbsConfig& verbs, int rank, VerbsDevice& device_out)
{
    const std::string asked = verbs_device_of(verbs, rank);
    if (asked != "auto") return examine(verbs, asked, device_out);
    std::string why;
    for (const std::string& name : verbs_device_names(why)) {
        if (examine(verbs, name, device_out).ok()) return {};
        why += (why.empty() ? "" : "; ") + device_out.why;
    }
    return fail(PMX_ERR_UNSUPPORTED, "PMX_TRANSPORT=verbs: no device works here: {}", why);
}

}  // namespace

std::vector<VerbsDevice> verbs_probe(const VerbsConfig& config)
{
    std::vector<VerbsDevice> devices;
    std::string why;
    for (const std::string& name : verbs_device_names(why))
        (void)examine(config, name, devices.emplace_back());
    if (devices.empty()) devices.push_back({"", {}, false, why});
    return devices;
}

Status verbs_open(const VerbsConfig& verbs, const TransportConfig& config,
                  std::unique_ptr<Transport>& transport_out)
{
    if (config.size < 1 || config.rank < 0 || config.rank >= config.size)
        return fail(PMX_ERR_RANK, "rank {} of {}: a rank is in 0..size-1", config.rank, config.size);
    if (!config.heap_base || config.heap_bytes == 0)
        return fail(PMX_ERR_ARGUMENT, "verbs: there is no heap to register");
    VerbsDevice device;
    PMX_TRY(choose(verbs, config.rank, device));
    std::unique_ptr<VerbsTransport> transport;
    PMX_TRY(VerbsTransport::open(verbs, device.name, config, transport));
    transport->withhold(device.caps);
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
