/* SPDX-License-Identifier: BSD-3-Clause */
/* Who and where this rank is. */
#include <algorithm>

#include "order.h"
#include "runtime/api_checks.h"

using namespace pmx;

namespace {

template <typename Get>
int query_int(const char* call, int* out, Get get)
{
    Runtime* rt = runtime_or_report(call);
    if (!rt) return PMX_ERR_STATE;
    if (!out) return report(fail(PMX_ERR_ARGUMENT, "{}: the out-argument is NULL", call));
    *out = get(*rt);
    return PMX_SUCCESS;
}

}  // namespace

extern "C" int pmx_rank(int* rank_out)
{
    return query_int("rank", rank_out, [](Runtime& rt) { return rt.rank(); });
}

extern "C" int pmx_size(int* size_out)
{
    return query_int("size", size_out, [](Runtime& rt) { return rt.size(); });
}

extern "C" int pmx_node_rank(int* node_rank_out)
{
    return query_int("node_rank", node_rank_out, [](Runtime& rt) { return rt.topology.node_rank; });
}

extern "C" int pmx_node_size(int* node_size_out)
{
    return query_int("node_size", node_size_out, [](Runtime& rt) { return rt.topology.node_size; });
}

extern "C" int pmx_topology_query(pmx_topology_t* topology_out)
{
    Runtime* rt = runtime_or_report("topology_query");
    if (!rt) return PMX_ERR_STATE;
    if (!topology_out || topology_out->size_bytes != sizeof *topology_out)
        return report(fail(PMX_ERR_ARGUMENT, "topology_query: size_bytes must be {}", sizeof *topology_out));
    const Topology& topology = rt->topology;
    topology_out->n_numa = topology.n_numa;
    topology_out->n_cores = topology.n_cores;
    topology_out->n_cores_allowed = topology.n_cores_allowed;
    topology_out->proxy_core = topology.proxy_core;
    topology_out->proxy_numa = topology.proxy_numa;
    topology_out->n_nodes = topology.n_nodes;
    copy_text(topology_out->proxy_why, topology.proxy_why);
    return PMX_SUCCESS;
}

extern "C" int pmx_transport_query(pmx_transport_info_t* info_out)
{
    Runtime* rt = runtime_or_report("transport_query");
    if (!rt) return PMX_ERR_STATE;
    if (!info_out || info_out->size_bytes != sizeof *info_out)
        return report(fail(PMX_ERR_ARGUMENT, "transport_query: size_bytes must be {}", sizeof *info_out));
    int n_network = static_cast<int>(std::count(rt->peer_base.begin(), rt->peer_base.end(), nullptr));
    info_out->n_network_ranks = n_network;
    info_out->n_direct_ranks = rt->size() - n_network;
    std::string network = rt->transport ? rt->transport->caps().name : "";
    std::string transport = rt->size() == 1 ? "self" : info_out->n_direct_ranks > 1 ? "shm" : "";
    if (!network.empty()) transport += (transport.empty() ? "" : "+") + network;
    copy_text(info_out->transport, transport);
    copy_text(info_out->provider, rt->transport ? rt->transport->caps().provider : "");
    copy_text(info_out->order, rt->transport ? order_name(rt->default_context->engine.order) : "none");
    copy_text(info_out->signals, signals_name(rt->default_context->engine.signals));
    return PMX_SUCCESS;
}
