/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/network.h"

#include <algorithm>

#include "runtime/log.h"
#include "transport_ofi.h"
#include "transport_softnic.h"

namespace pmx {

namespace {

std::span<const std::byte> bytes_of(const std::string& text)
{
    return std::as_bytes(std::span(text.data(), text.size()));
}

/* The names of the providers that work here, a line each, best first; why: what is wrong with the rest. */
std::string usable_providers(const std::string& asked, std::string& why)
{
    std::string names;
    for (const OfiProvider& provider : ofi_probe(asked == "auto" ? "" : asked)) {
        if (provider.usable)
            names += provider.name + "\n";
        else
            why += fmt::format("{}{}: {}", why.empty() ? "" : "; ", provider.name, provider.why);
    }
    return names;
}

/* The first line of the first list that is a line of all the others; "" when there is none. */
std::string first_common_line(const std::vector<std::vector<std::byte>>& lists)
{
    std::vector<std::string> texts;
    for (const auto& list : lists)
        texts.push_back("\n" + std::string(reinterpret_cast<const char*>(list.data()), list.size()));
    for (size_t begin = 1, end; (end = texts[0].find('\n', begin)) != std::string::npos; begin = end + 1) {
        std::string line = "\n" + texts[0].substr(begin, end - begin + 1);
        if (std::all_of(texts.begin(), texts.end(),
                        [&](auto& text) { return text.find(line) != std::string::npos; }))
            return line.substr(1, line.size() - 2);
    }
    return "";
}

Status choose_provider(Bootstrap& bootstrap, const Params& params, std::string& provider_out)
{
    std::string why;
    std::string usable = usable_providers(params.ofi_provider, why);
    std::vector<std::vector<std::byte>> lists;
    PMX_TRY(bootstrap.allgather(bytes_of(usable), lists));
    provider_out = first_common_line(lists);
    Status found;
    if (provider_out.empty()) {
        if (usable.empty())
            found = fail(PMX_ERR_TRANSPORT, "PMX_OFI_PROVIDER={}: no libfabric provider works here: {}",
                         params.ofi_provider, why.empty() ? "libfabric offers none of that name" : why);
        else
            found = fail(PMX_ERR_TRANSPORT, "PMX_OFI_PROVIDER={}: no libfabric provider works on all ranks",
                         params.ofi_provider);
    }
    return bootstrap_agree(bootstrap, found, nullptr);
}

/* The software NIC, as the parameters describe it. */
Status open_softnic(const Params& params, const TransportConfig& config, const ShmSegment& heap,
                    std::unique_ptr<Transport>& transport_out)
{
    SoftNicConfig nic;
    PMX_TRY(softnic_profile(params.softnic_profile, nic.profile));
    PMX_TRY(softnic_parse_faults(params.softnic_faults, nic.faults));
    nic.seed = params.softnic_seed;
    nic.reorder = params.softnic_reorder;
    return softnic_open(nic, config, heap, transport_out);
}

}  // namespace

Status network_open(Bootstrap& bootstrap, const Params& params, const TransportConfig& config,
                    const ShmSegment& heap, std::unique_ptr<Transport>& transport_out)
{
    std::unique_ptr<Transport> transport;
    Status opened;
    if (params.transport == TransportChoice::softnic) {
        opened = open_softnic(params, config, heap, transport);
    } else {
        std::string provider;
        PMX_TRY(choose_provider(bootstrap, params, provider));
        opened = ofi_open(provider, config, transport);
    }
    PMX_TRY(bootstrap_agree(bootstrap, opened, nullptr));
    std::vector<std::vector<std::byte>> addresses;
    PMX_TRY(bootstrap.allgather(transport->address(), addresses));
    PMX_TRY(bootstrap_agree(bootstrap, transport->connect(addresses), nullptr));
    log_info("network path: {} {}", transport->caps().name, transport->caps().provider);
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
