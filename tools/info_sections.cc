/* SPDX-License-Identifier: BSD-3-Clause */
/* info_sections.cc: asks the build, the transports, hwloc by way of pmx, and the parameters. */
#include "info_sections.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "config.h"
#include "launcher.h"
#include "order.h"
#include "runtime/network.h"
#include "runtime/params.h"
#include "transport_ofi.h"
#include "transport_verbs.h"

namespace pmx::tools {

using nlohmann::ordered_json;

namespace {

/* A part that configure has found or not. */
#if defined(HAVE_MPI)
constexpr bool kMpi = true;
#else
constexpr bool kMpi = false;
#endif
#if defined(HAVE_LIBFABRIC)
constexpr bool kLibfabric = true;
#else
constexpr bool kLibfabric = false;
#endif
#if defined(HAVE_VERBS)
constexpr bool kVerbs = true;
#else
constexpr bool kVerbs = false;
#endif
#if defined(HAVE_OPENBLAS)
constexpr bool kOpenblas = true;
#else
constexpr bool kOpenblas = false;
#endif
#if defined(PMX_DEBUG)
constexpr bool kDebug = true;
#else
constexpr bool kDebug = false;
#endif

constexpr const char* sanitizers()
{
#if defined(__SANITIZE_ADDRESS__)
    return "address";
#elif defined(__SANITIZE_THREAD__)
    return "thread";
#else
    return "none";
#endif
}

std::string promises(const TransportCaps& caps)
{
    std::string text;
    const auto add = [&](bool kept, const char* what) {
        if (kept) text += (text.empty() ? "" : ", ") + std::string(what);
    };
    add(caps.orders_set, "put before signal set");
    add(caps.orders_add, "put before signal add");
    add(caps.orders_put, "put before put");
    add(caps.fence, "fence");
    add(caps.counted, "counted arrivals");
    return text.empty() ? "completions only" : text;
}

/* The mode that PMX_ORDER=auto leads to. */
std::string auto_order(const TransportCaps& caps)
{
    pmx_order_t order = PMX_ORDER_AUTO;
    const Status status = resolve_order(PMX_ORDER_AUTO, caps, order);
    return status.ok() ? order_name(order) : status.detail();
}

/* An OfiProvider or a VerbsDevice. */
template <typename Found>
ordered_json transport_row(const char* transport, const Found& found)
{
    return {{"transport", transport},
            {"provider", found.name},
            {"usable", found.usable},
            {"order", found.usable ? auto_order(found.caps) : "-"},
            {"promises", found.usable ? promises(found.caps) : "-"},
            {"why", found.why}};
}

/* As the parameters are; bad ones are told by who needs them. */
VerbsConfig verbs_asked()
{
    Params params;
    return params_from_environment(params).ok() ? verbs_config(params) : VerbsConfig();
}

std::string cell(const ordered_json& value)
{
    if (value.is_string()) return value.get<std::string>();
    if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
    return value.dump();
}

}  // namespace

ordered_json info_build()
{
    const std::string options = PMX_CONFIGURE_ARGS;
    return {{"version", PACKAGE_VERSION},
            {"abi_version", PMX_ABI_VERSION},
            {"configure", options.empty() ? "(no options)" : options},
            {"compiler", "C++ " __VERSION__},
            {"mpi", kMpi},
            {"libfabric", kLibfabric},
            {"verbs", kVerbs},
            {"openblas", kOpenblas},
            {"debug", kDebug},
            {"sanitizer", sanitizers()}};
}

ordered_json info_transports()
{
    ordered_json rows = ordered_json::array();
    rows.push_back({{"transport", "shm"},
                    {"provider", ""},
                    {"usable", true},
                    {"order", "none"},
                    {"promises", "plain stores, no proxy"},
                    {"why", "ranks of one node"}});
    for (const std::string& name : ofi_offered()) rows.push_back(transport_row("ofi", ofi_probe(name)));
    if (!kLibfabric)
        rows.push_back({{"transport", "ofi"},
                        {"provider", ""},
                        {"usable", false},
                        {"order", "-"},
                        {"promises", "-"},
                        {"why", "built without libfabric"}});
    for (const VerbsDevice& device : verbs_probe(verbs_asked())) rows.push_back(transport_row("verbs", device));
    return rows;
}

Status info_topology(ordered_json& section_out)
{
    /* The heap is not used here: a small one starts faster. A bad value of the user is still told. */
    if (!std::getenv("PMX_HEAP_SIZE")) PMX_TRY(from_pmx(pmx_param_set("HEAP_SIZE", "1m")));
    PMX_TRY(from_pmx(pmx_init()));
    pmx_topology_t topology = {};
    topology.size_bytes = sizeof topology;
    pmx_transport_info_t transport = {};
    transport.size_bytes = sizeof transport;
    int size = 0;
    Status status = from_pmx(pmx_topology_query(&topology));
    if (status.ok()) status = from_pmx(pmx_transport_query(&transport));
    if (status.ok()) status = from_pmx(pmx_size(&size));
    const Status down = from_pmx(pmx_finalize());
    PMX_TRY(status);
    PMX_TRY(down);
    section_out = {{"numa_nodes", topology.n_numa},
                   {"cores", topology.n_cores},
                   {"cores_allowed", topology.n_cores_allowed},
                   {"proxy_core", topology.proxy_core},
                   {"proxy_numa", topology.proxy_numa},
                   {"proxy_why", topology.proxy_why},
                   {"nodes", topology.n_nodes},
                   {"ranks", size},
                   {"transport", transport.transport},
                   {"provider", transport.provider}};
    return {};
}

Status info_params(ordered_json& section_out)
{
    Params params; /* all variables must be right, also those that do not exist */
    PMX_TRY(params_from_environment(params));
    ordered_json rows = ordered_json::array();
    pmx_param_info_t info = {};
    info.size_bytes = sizeof info;
    for (int index = 0; pmx_param_list(index, &info) == PMX_SUCCESS; index++) {
        char value[256];
        PMX_TRY(from_pmx(pmx_param_get(info.name, value, sizeof value)));
        rows.push_back({{"name", std::string("PMX_") + info.name},
                        {"type", info.type},
                        {"default", info.default_text},
                        {"range", info.range},
                        {"value", value},
                        {"help", info.help}});
    }
    section_out = std::move(rows);
    return {};
}

std::string info_text(const ordered_json& section)
{
    std::vector<std::vector<std::string>> lines;
    if (section.is_object()) {
        for (const auto& [key, value] : section.items()) lines.push_back({key, cell(value)});
    } else if (!section.empty()) {
        lines.emplace_back();
        for (const auto& [key, value] : section.front().items()) lines.back().push_back(key);
        for (const ordered_json& row : section) {
            lines.emplace_back();
            for (const ordered_json& value : row) lines.back().push_back(cell(value));
        }
    }
    std::vector<size_t> widths(lines.empty() ? 0 : lines.front().size());
    for (const auto& line : lines)
        for (size_t i = 0; i < line.size(); i++) widths[i] = std::max(widths[i], line[i].size());
    std::string text;
    for (const auto& line : lines) {
        std::string row;
        for (size_t i = 0; i < line.size(); i++) row += fmt::format("  {:<{}}", line[i], widths[i]);
        row.erase(row.find_last_not_of(' ') + 1);
        text += row + "\n";
    }
    return text;
}

}  // namespace pmx::tools
