/* SPDX-License-Identifier: BSD-3-Clause */
/* Prints what topology.h makes of a machine: topology_cases FILE.case. One thing on each line of the file:
 *   machine synthetic DESCRIPTION   hwloc's language for machines, without devices
 *   machine xml FILE                beside the case; what lstopo or hwloc_topology_export_xml writes
 *   rank HOST CPUS                  the next rank: 0, 1, ...; CPUS is a list, or "all"
 *   near DEVICE                     PCI bus id or name
 *   nics NAME...                    devices, of which each rank gets a line too: from the nearest, to "near" or its cores
 *   bind off
 * Prints a line for each rank on the host of rank 0. Exit 99: the file is wrong. */
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "runtime/machine.h"
#include "runtime/topology.h"

namespace {

struct Case {
    std::string machine_kind, machine;
    std::vector<std::string> hosts, cpus, nics;
    std::string near;
    bool bind = true;
};

bool read_line(const std::string& line, Case& c)
{
    std::istringstream words(line);
    std::string key, first;
    if (!(words >> key) || key[0] == '#') return true;
    if (!(words >> first)) return false;
    std::string rest;
    std::getline(words >> std::ws, rest);
    if (key == "machine") {
        c.machine_kind = first;
        c.machine = rest;
    } else if (key == "rank") {
        c.hosts.push_back(first);
        c.cpus.push_back(rest);
    } else if (key == "near") {
        c.near = first;
    } else if (key == "nics") {
        std::istringstream more(rest);
        for (c.nics = {first}; more >> first;) c.nics.push_back(first);
    } else if (key == "bind" && first == "off") {
        c.bind = false;
    } else {
        return false;
    }
    return true;
}

bool read_case(const char* path, Case& c)
{
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (read_line(line, c)) continue;
        fprintf(stderr, "%s: not understood: %s\n", path, line.c_str());
        return false;
    }
    if (c.machine_kind == "synthetic") {
        setenv("HWLOC_SYNTHETIC", c.machine.c_str(), 1);
    } else if (c.machine_kind == "xml") {
        const std::string folder = std::string(path).substr(0, std::string(path).rfind('/') + 1);
        setenv("HWLOC_XMLFILE", (folder + c.machine).c_str(), 1);
    } else {
        return false;
    }
    return !c.hosts.empty();
}

pmx::Status load_for(const Case& c, size_t rank, std::unique_ptr<pmx::Machine>& machine_out)
{
    const bool all = c.cpus[rank] == "all";
    return pmx::Machine::load(all ? nullptr : c.cpus[rank].c_str(), machine_out);
}

pmx::Status print_rank(const Case& c, size_t rank, const std::vector<std::vector<std::byte>>& identities)
{
    std::unique_ptr<pmx::Machine> machine;
    PMX_TRY(load_for(c, rank, machine));
    pmx::Topology t;
    PMX_TRY(pmx::topology_discover_on(*machine, c.bind, static_cast<int>(rank), identities, t, c.near));
    printf("rank %zu: %d of %d on its node, %d nodes; %d numa, %d cores, %d allowed; core %d numa %d: %s\n",
           rank, t.node_rank, t.node_size, t.n_nodes, t.n_numa, t.n_cores, t.n_cores_allowed, t.proxy_core,
           t.proxy_numa, t.proxy_why.c_str());
    for (const pmx::NearDevice& nic : machine->by_distance(c.nics, c.near))
        printf("    %s (%s)\n", nic.name.c_str(), nic.why.c_str());
    return {};
}

pmx::Status print_case(const Case& c)
{
    std::vector<std::vector<std::byte>> identities;
    for (size_t r = 0; r < c.hosts.size(); ++r) {
        std::unique_ptr<pmx::Machine> machine;
        PMX_TRY(load_for(c, r, machine));
        identities.push_back(pmx::node_identity_of(c.hosts[r], 1, machine->allowed_cpus()));
    }
    for (size_t r = 0; r < c.hosts.size(); ++r) {
        if (c.hosts[r] == c.hosts[0]) PMX_TRY(print_rank(c, r, identities));
    }
    return {};
}

}  // namespace

int main(int argc, char** argv)
{
    Case c;
    if (argc != 2 || !read_case(argv[1], c)) return 99;
    const pmx::Status status = print_case(c);
    if (status.ok()) return 0;
    printf("error %d: %s\n", status.code(), status.detail().c_str());
    return 0;
}
