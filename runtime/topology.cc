/* SPDX-License-Identifier: BSD-3-Clause */
/* topology.cc: nodes of the job and the core of the proxy. */
#include "runtime/topology.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <set>
#include <string_view>

#include "runtime/machine.h"

namespace pmx {
namespace {

/* ---- Who is where ---- */

struct Identity {
    std::string_view node; /* host name and network namespace */
    std::string cpus;
};

/* "host namespace cpus", each without blanks. */
bool parse_identity(const std::vector<std::byte>& blob, Identity& identity_out)
{
    const std::string_view text(reinterpret_cast<const char*>(blob.data()), blob.size());
    const size_t blank = text.rfind(' ');
    if (blank == std::string_view::npos) return false;
    identity_out = {text.substr(0, blank), std::string(text.substr(blank + 1))};
    return true;
}

void find_node(const std::vector<Identity>& all, int rank, Topology& topology)
{
    std::set<std::string_view> nodes;
    for (size_t r = 0; r < all.size(); ++r) {
        nodes.insert(all[r].node);
        if (all[r].node != all[rank].node) continue;
        if (static_cast<int>(r) < rank) ++topology.node_rank;
        topology.ranks_on_node.push_back(static_cast<int>(r));
    }
    topology.node_size = static_cast<int>(topology.ranks_on_node.size());
    topology.n_nodes = static_cast<int>(nodes.size());
}

/* ---- The core of the proxy ---- */

/* The ranks of this node that compete for cores with this one: how many, and how many of them come before it.
 */
struct Competition {
    int n_ranks = 0;
    int index = 0;
};

Competition competition_of(const Machine& machine, const std::vector<Identity>& all, int rank,
                           const Topology& topology)
{
    Competition competition;
    for (const int r : topology.ranks_on_node) {
        if (r != rank && !machine.shares_cpu_with(all[r].cpus)) continue;
        ++competition.n_ranks;
        if (r < rank) ++competition.index;
    }
    return competition;
}

/* NUMA nodes with an allowed core. */
std::vector<int> usable_numa(const Machine& machine)
{
    std::set<int> nodes;
    for (const Machine::Core& core : machine.cores()) {
        if (core.allowed) nodes.insert(core.numa);
    }
    return {nodes.begin(), nodes.end()};
}

/* The last allowed core that is not taken, on the NUMA node home if it has one; -1: none. */
int last_free_core(const Machine& machine, int home, const std::vector<bool>& taken)
{
    int elsewhere = -1;
    const auto& cores = machine.cores();
    for (int i = static_cast<int>(cores.size()) - 1; i >= 0; --i) {
        if (!cores[i].allowed || taken[i]) continue;
        if (cores[i].numa == home) return i;
        if (elsewhere < 0) elsewhere = i;
    }
    return elsewhere;
}

/* Plays the choices of the ranks before this one, which come to the same. */
int choose_core(const Machine& machine, const Machine::Place& place, const Competition& competition)
{
    const std::vector<int> homes = usable_numa(machine);
    std::vector<bool> taken(machine.cores().size());
    int core = -1;
    for (int i = 0; i <= competition.index; ++i) {
        const size_t spread = size_t(i) * homes.size() / competition.n_ranks;
        core = last_free_core(machine, place.numa >= 0 ? place.numa : homes[spread], taken);
        if (core < 0) break;
        taken[core] = true;
    }
    return core;
}

std::string why_this_core(const Machine::Place& place, const std::string& near, int numa)
{
    const std::string device = place.device.substr(0, 24);
    if (place.device.empty() && !near.empty()) return fmt::format("no device {}: spread", near.substr(0, 24));
    if (place.device.empty()) return "no network device and no GPU found: spread";
    if (place.numa < 0) return fmt::format("the NUMA node of {} is not known: spread", device);
    if (place.numa == numa) return fmt::format("near {} (NUMA node {})", device, numa);
    return fmt::format("no core left near {} (NUMA node {})", device, place.numa);
}

void place_proxy(const Machine& machine, const Competition& competition, const std::string& near,
                 Topology& topology)
{
    if (!topology.cores_for_proxies) {
        topology.proxy_why = fmt::format("not bound: {} allowed cores for {} ranks, needs 2 for each",
                                         topology.n_cores_allowed, competition.n_ranks);
        return;
    }
    const Machine::Place place = machine.place_of(near);
    topology.proxy_core = choose_core(machine, place, competition);
    if (topology.proxy_core < 0) {
        topology.proxy_why = "not bound: the ranks before this one take all allowed cores";
        return;
    }
    topology.proxy_numa = machine.cores()[topology.proxy_core].numa;
    topology.proxy_why = why_this_core(place, near, topology.proxy_numa);
}

/* ---- This machine, as it was when node_identity() looked at it ---- */

std::mutex machine_mutex;
std::shared_ptr<const Machine> machine_here;

Status look_again(std::shared_ptr<const Machine>& machine_out)
{
    std::unique_ptr<Machine> fresh;
    PMX_TRY(Machine::load(nullptr, fresh));
    const std::lock_guard lock(machine_mutex);
    machine_here = std::move(fresh);
    machine_out = machine_here;
    return {};
}

std::shared_ptr<const Machine> last_look()
{
    const std::lock_guard lock(machine_mutex);
    return machine_here;
}

uint64_t network_namespace_inode()
{
    struct stat info {};
    return stat("/proc/self/ns/net", &info) == 0 ? info.st_ino : 0;
}

}  // namespace

std::vector<std::byte> node_identity_of(const std::string& host, uint64_t network_namespace,
                                        const std::string& cpus)
{
    const std::string text = fmt::format("{} {} {}", host, network_namespace, cpus);
    const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
    return {bytes, bytes + text.size()};
}

/* A machine that hwloc cannot describe fails in topology_discover(), with a reason. */
std::vector<std::byte> node_identity()
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
    std::shared_ptr<const Machine> machine;
    const std::string cpus = look_again(machine).ok() ? machine->allowed_cpus() : std::string();
    return node_identity_of(host, network_namespace_inode(), cpus);
}

Status topology_discover_on(const Machine& machine, bool proxy_bind, int rank,
                            const std::vector<std::vector<std::byte>>& identities, Topology& topology_out,
                            const std::string& near)
{
    if (rank < 0 || rank >= static_cast<int>(identities.size())) {
        return fail(PMX_ERR_INTERNAL, "rank {} of {} identities", rank, identities.size());
    }
    std::vector<Identity> all(identities.size());
    for (size_t r = 0; r < all.size(); ++r) {
        if (!parse_identity(identities[r], all[r])) {
            return fail(PMX_ERR_INTERNAL, "rank {} sent a malformed identity", r);
        }
    }
    Topology topology;
    topology.n_numa = machine.n_numa();
    topology.n_cores = static_cast<int>(machine.cores().size());
    topology.n_cores_allowed = machine.n_cores_allowed();
    find_node(all, rank, topology);
    const Competition competition = competition_of(machine, all, rank, topology);
    topology.cores_for_proxies = topology.n_cores_allowed >= 2 * competition.n_ranks;
    if (proxy_bind)
        place_proxy(machine, competition, near, topology);
    else
        topology.proxy_why = "not bound: PMX_PROXY_BIND is off";
    topology_out = std::move(topology);
    return {};
}

Status topology_discover(bool proxy_bind, int rank, const std::vector<std::vector<std::byte>>& identities,
                         Topology& topology_out, const std::string& near)
{
    std::shared_ptr<const Machine> machine = last_look();
    if (machine == nullptr) PMX_TRY(look_again(machine));
    return topology_discover_on(*machine, proxy_bind, rank, identities, topology_out, near);
}

Status topology_by_distance(const std::vector<std::string>& names, const std::string& home,
                            std::vector<NearDevice>& sorted_out)
{
    std::shared_ptr<const Machine> machine = last_look();
    if (machine == nullptr) PMX_TRY(look_again(machine));
    sorted_out = machine->by_distance(names, home);
    return {};
}

Status bind_this_thread(int core)
{
    std::shared_ptr<const Machine> machine = last_look();
    if (machine == nullptr) PMX_TRY(look_again(machine));
    return machine->bind_this_thread(core);
}

}  // namespace pmx
