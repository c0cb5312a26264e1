/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/network.h"

#include <algorithm>
#include <cstring>

#include "runtime/log.h"
#include "runtime/machine.h"
#include "runtime/topology.h"
#include "transport_ofi.h"
#include "transport_softnic.h"
#include "transport_verbs.h"

namespace pmx {

namespace {

std::span<const std::byte> bytes_of(const std::string& text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

/* The names to try, a line each, best first. */
std::string candidates(const std::string& asked)
{
    if (asked != "auto") return asked + "\n";
    std::string names;
    for (const std::string& name : ofi_offered()) names += name + "\n";
    return names;
}

/* The lines of the first list that are lines of all the others, in its order. */
std::vector<std::string> common_lines(const std::vector<std::vector<std::byte>>& lists)
{
    std::vector<std::string> texts;
    for (const auto& list : lists)
        texts.push_back("\n" + std::string(reinterpret_cast<const char*>(list.data()), list.size()));
    std::vector<std::string> lines;
    for (size_t begin = 1, end; (end = texts[0].find('\n', begin)) != std::string::npos; begin = end + 1) {
        std::string line = "\n" + texts[0].substr(begin, end - begin + 1);
        if (std::all_of(texts.begin(), texts.end(),
                        [&](auto& text) { return text.find(line) != std::string::npos; }))
            lines.push_back(line.substr(1, line.size() - 2));
    }
    return lines;
}

/* Ranks try one provider after the other, and take the first that works for all of them. */
Status choose_provider(Bootstrap& bootstrap, const Params& params, std::string& provider_out)
{
    std::vector<std::vector<std::byte>> all;
    PMX_TRY(bootstrap.allgather(bytes_of(candidates(params.ofi_provider)), all));
    std::string why;
    for (const std::string& name : common_lines(all)) {
        const OfiProvider provider = ofi_probe(name);
        const std::byte works = std::byte(provider.usable);
        PMX_TRY(bootstrap.allgather(std::span(&works, 1), all));
        if (std::all_of(all.begin(), all.end(), [](auto& one) { return one.at(0) == std::byte(1); })) {
            provider_out = name;
            return {};
        }
        why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", name,
                           provider.usable ? "does not work on another rank" : provider.why);
    }
    Status none = fail(PMX_ERR_TRANSPORT, "PMX_OFI_PROVIDER={}: no libfabric provider works on all ranks: {}",
                       params.ofi_provider, why.empty() ? "none is offered on all" : why);
    return bootstrap_agree(bootstrap, none, nullptr);
}

constexpr bool TransportCaps::*kPromises[] = {&TransportCaps::orders_set, &TransportCaps::orders_add,
                                              &TransportCaps::orders_put, &TransportCaps::fence,
                                              &TransportCaps::counted, &TransportCaps::gpu};

/* Each rank tried its transport for itself; what one could not promise holds for none. */
Status agree_on_promises(Bootstrap& bootstrap, Transport& transport)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < std::size(kPromises); i++) bits |= uint32_t{transport.caps().*kPromises[i]} << i;
    std::vector<std::vector<std::byte>> all;
    PMX_TRY(bootstrap.allgather(std::as_bytes(std::span(&bits, 1)), all));
    for (const auto& one : all) {
        uint32_t theirs = 0;
        if (one.size() == sizeof theirs) std::memcpy(&theirs, one.data(), sizeof theirs);
        bits &= theirs;
    }
    TransportCaps kept = transport.caps();
    for (size_t i = 0; i < std::size(kPromises); i++) kept.*kPromises[i] = bits >> i & 1;
    transport.withhold(kept);
    return {};
}

/* The software NIC, as the parameters describe it. */
Status open_softnic(const Params& params, const TransportConfig& config, const ShmSegment& heap,
                    std::unique_ptr<Transport>& transport_out)
{
    SoftNicConfig nic;
    PMX_TRY(softnic_profile(params.softnic_profile, nic.profile));
    PMX_TRY(softnic_parse_faults(params.softnic_faults, nic.faults));
    if (params.softnic_switch != "none") PMX_TRY(softnic_open_switch(params.softnic_switch, nic.faults.on));
    nic.seed = params.softnic_seed;
    nic.reorder = params.softnic_reorder;
    return softnic_open(nic, config, heap, transport_out);
}

}  // namespace

VerbsConfig verbs_config(const Params& params, const std::string& near)
{
    VerbsConfig verbs;
    verbs.device = params.verbs_device;
    verbs.port = params.verbs_port;
    verbs.gid = params.verbs_gid;
    verbs.n_qps = params.verbs_n_qps;
    verbs.relaxed = params.verbs_relaxed;
    verbs.add = params.verbs_add;
    verbs.ack_timeout_ns = params.verbs_ack_timeout_ns;
    verbs.retries = params.verbs_retries;
    verbs.rnr_delay_ns = params.verbs_rnr_delay_ns;
    std::string why;
    std::vector<NearDevice> sorted;
    if (verbs.device != "auto" || !topology_by_distance(verbs_device_names(why), near, sorted).ok()) return verbs;
    for (NearDevice& device : sorted) verbs.candidates.push_back({std::move(device.name), std::move(device.why)});
    return verbs;
}

Status network_open(Bootstrap& bootstrap, const Params& params, const TransportConfig& config,
                    const ShmSegment& heap, const std::string& near, const std::function<Status(std::unique_ptr<Transport>&)>& wrap,
                    std::unique_ptr<Transport>& transport_out)
{
    std::unique_ptr<Transport> transport;
    Status opened;
    if (params.transport == TransportChoice::softnic) {
        opened = open_softnic(params, config, heap, transport);
    } else if (params.transport == TransportChoice::verbs) {
        opened = verbs_open(verbs_config(params, near), config, transport);
    } else {
        std::string provider;
        PMX_TRY(choose_provider(bootstrap, params, provider));
        opened = ofi_open(provider, config, transport);
    }
    PMX_TRY(bootstrap_agree(bootstrap, opened, nullptr));
    PMX_TRY(agree_on_promises(bootstrap, *transport));
    PMX_TRY(bootstrap_agree(bootstrap, wrap(transport), nullptr));
    std::vector<std::vector<std::byte>> addresses;
    PMX_TRY(bootstrap.allgather(transport->address(), addresses));
    PMX_TRY(bootstrap_agree(bootstrap, transport->connect(addresses), nullptr));
    log_info("network path: {} {}", transport->caps().name, transport->caps().provider);
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
