/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.h: which ranks share a node, and the core on which the proxy thread of this rank runs. */
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "status.h"

namespace pmx {

class Machine;
struct NearDevice;

struct Topology {
    int n_numa = 0; /* of this machine */
    int n_cores = 0;
    int n_cores_allowed = 0;
    int n_nodes = 1; /* of the job */
    int node_rank = 0;
    int node_size = 1;
    std::vector<int> ranks_on_node; /* of this node, growing, this rank included */
    int proxy_core = -1;            /* logical index; -1: do not bind */
    int proxy_numa = -1;
    std::string proxy_why; /* at most 95 bytes */
    bool cores_for_proxies = false; /* this rank and those that share a cpu with it have two allowed cores each, or more */
};

/* What the other ranks must know of this one for topology_discover(): host name, network namespace, and the
 * cpus that the calling thread may use. Looks at the machine afresh. Never the boot id, which containers of
 * one machine share. */
std::vector<std::byte> node_identity();
std::vector<std::byte> node_identity_of(const std::string& host, uint64_t network_namespace,
                                        const std::string& cpus);

/* identities[r]: the node_identity() of rank r. near: PCI bus id or name of the device that the proxy
 * serves; "": the nearest network device, else the first GPU. The proxy gets a core of its own:
 *   - none when proxy_bind is false, or when this rank and those that share a cpu with it have fewer than
 *     two allowed cores each;
 *   - of the NUMA node of the device; with no device or an unknown place, ranks are spread over the nodes;
 *   - the last allowed core there, the next rank the one before it, and so on: programs use the first.
 * PMX_ERR_SYSTEM: hwloc failed. PMX_ERR_INTERNAL: malformed identities. */
Status topology_discover(bool proxy_bind, int rank, const std::vector<std::vector<std::byte>>& identities,
                         Topology& topology_out, const std::string& near = "");
/* The same on a given machine. */
Status topology_discover_on(const Machine& machine, bool proxy_bind, int rank,
                            const std::vector<std::vector<std::byte>>& identities, Topology& topology_out,
                            const std::string& near = "");

/* Devices of these names, the nearest first: to the device `home`, or with "" to the cores of this rank. As
 * Machine::by_distance(), on this machine. */
Status topology_by_distance(const std::vector<std::string>& names, const std::string& home,
                            std::vector<NearDevice>& sorted_out);

/* core: a logical index, allowed at the time of the last node_identity(), else PMX_ERR_ARGUMENT.
 * PMX_ERR_SYSTEM: the system refused. */
Status bind_this_thread(int core);

}  // namespace pmx
