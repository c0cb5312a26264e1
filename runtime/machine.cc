/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.cc: the only file that calls hwloc. */
#include "runtime/machine.h"

#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pmx {
namespace {

/* Components that start the run-time systems of GPUs or look for displays: slow, and not needed, since PCI
 * tells where a GPU is. */
constexpr const char* kUnwanted[] = {"opencl", "cuda", "nvml", "rsmi", "levelzero", "gl"};

struct BitmapFree {
    void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, BitmapFree>;

Status hwloc_failure(const char* call) { return fail(PMX_ERR_SYSTEM, "{}: {}", call, strerror(errno)); }

/* nullptr: not a list. */
Bitmap parse_list(const char* cpus)
{
    Bitmap bitmap(hwloc_bitmap_alloc());
    if (bitmap == nullptr || hwloc_bitmap_list_sscanf(bitmap.get(), cpus) != 0) return nullptr;
    return bitmap;
}

hwloc_obj_type_t core_type(hwloc_topology_t hwloc)
{
    return hwloc_get_nbobjs_by_type(hwloc, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE : HWLOC_OBJ_PU;
}

hwloc_obj_t first_os_device(hwloc_topology_t hwloc, hwloc_obj_osdev_type_t type)
{
    hwloc_obj_t device = nullptr;
    while ((device = hwloc_get_next_osdev(hwloc, device)) != nullptr) {
        if (device->attr->osdev.type == type) return device;
    }
    return nullptr;
}

hwloc_obj_t first_gpu_on_pci(hwloc_topology_t hwloc)
{
    constexpr unsigned kDisplayClass = 0x03, kNvidia = 0x10de, kAmd = 0x1002;
    hwloc_obj_t device = nullptr;
    while ((device = hwloc_get_next_pcidev(hwloc, device)) != nullptr) {
        const auto& pci = device->attr->pcidev;
        const bool known = pci.vendor_id == kNvidia || pci.vendor_id == kAmd;
        if (pci.class_id >> 8 == kDisplayClass && known) return device;
    }
    return nullptr;
}

hwloc_obj_t named_device(hwloc_topology_t hwloc, const std::string& name)
{
    if (hwloc_obj_t device = hwloc_get_pcidev_by_busidstring(hwloc, name.c_str())) return device;
    hwloc_obj_t device = nullptr;
    while ((device = hwloc_get_next_osdev(hwloc, device)) != nullptr) {
        if (device->name != nullptr && name == device->name) return device;
    }
    return nullptr;
}

/* -1: none, or more than one. */
int only_numa_of(hwloc_topology_t hwloc, hwloc_const_nodeset_t nodes)
{
    if (nodes == nullptr || hwloc_bitmap_weight(nodes) != 1) return -1;
    const hwloc_obj_t node = hwloc_get_numanode_obj_by_os_index(hwloc, hwloc_bitmap_first(nodes));
    return node != nullptr ? static_cast<int>(node->logical_index) : -1;
}

/* ---- How far a device is from where a rank works: its GPU, or the cores that it may use ---- */

struct Home {
    hwloc_obj_t device; /* nullptr: only cores */
    hwloc_const_cpuset_t cpus;
};

Home home_of(hwloc_topology_t hwloc, hwloc_obj_t device, hwloc_const_cpuset_t allowed)
{
    const hwloc_obj_t owner = device ? hwloc_get_non_io_ancestor_obj(hwloc, device) : nullptr;
    return {device, owner ? owner->cpuset : allowed};
}

enum class Distance { bridge, numa, package, unknown, far };

/* But for the bridge from the processor, under which everything may be. */
bool share_bridge(hwloc_obj_t a, hwloc_obj_t b)
{
    for (hwloc_obj_t above = a; above && hwloc_obj_type_is_io(above->type); above = above->parent) {
        if (above->type == HWLOC_OBJ_BRIDGE && above->attr->bridge.upstream_type != HWLOC_OBJ_BRIDGE_PCI) continue;
        for (hwloc_obj_t other = b; other; other = other->parent)
            if (other == above) return true;
    }
    return false;
}

Distance distance_of(hwloc_topology_t hwloc, hwloc_obj_t device, const Home& home)
{
    if (device == nullptr) return Distance::unknown;
    if (home.device && share_bridge(device, home.device)) return Distance::bridge;
    const hwloc_obj_t owner = hwloc_get_non_io_ancestor_obj(hwloc, device);
    if (only_numa_of(hwloc, owner->nodeset) < 0 && hwloc_get_nbobjs_by_type(hwloc, HWLOC_OBJ_NUMANODE) > 1)
        return Distance::unknown;
    if (hwloc_bitmap_intersects(owner->cpuset, home.cpus)) return Distance::numa;
    const hwloc_obj_t package = owner->type == HWLOC_OBJ_PACKAGE
                                    ? owner
                                    : hwloc_get_ancestor_obj_by_type(hwloc, HWLOC_OBJ_PACKAGE, owner);
    return package && hwloc_bitmap_intersects(package->cpuset, home.cpus) ? Distance::package : Distance::far;
}

std::string distance_in_words(hwloc_topology_t hwloc, hwloc_obj_t device, Distance distance)
{
    if (distance == Distance::bridge) return "near: under one PCI bridge with the GPU";
    if (distance == Distance::unknown) return "its NUMA node is not known";
    const int numa = only_numa_of(hwloc, hwloc_get_non_io_ancestor_obj(hwloc, device)->nodeset);
    const char* where = distance == Distance::numa ? "near" : distance == Distance::package ? "same package" : "far";
    return fmt::format("{}: NUMA node {}", where, numa);
}

hwloc_obj_t nearest_os_device(hwloc_topology_t hwloc, hwloc_obj_osdev_type_t type, const Home& home)
{
    hwloc_obj_t nearest = nullptr, device = nullptr;
    while ((device = hwloc_get_next_osdev(hwloc, device)) != nullptr) {
        if (device->attr->osdev.type != type) continue;
        if (!nearest || distance_of(hwloc, device, home) < distance_of(hwloc, nearest, home)) nearest = device;
    }
    return nearest;
}

hwloc_obj_t preferred_device(hwloc_topology_t hwloc, const Home& home)
{
    for (const auto type : {HWLOC_OBJ_OSDEV_OPENFABRICS, HWLOC_OBJ_OSDEV_NETWORK}) {
        if (hwloc_obj_t device = nearest_os_device(hwloc, type, home)) return device;
    }
    for (const auto type : {HWLOC_OBJ_OSDEV_GPU, HWLOC_OBJ_OSDEV_COPROC}) {
        if (hwloc_obj_t device = first_os_device(hwloc, type)) return device;
    }
    return first_gpu_on_pci(hwloc);
}

std::string name_of(hwloc_obj_t device)
{
    if (device->type == HWLOC_OBJ_OS_DEVICE && device->name != nullptr) return device->name;
    const auto& pci = device->attr->pcidev;
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", pci.domain, pci.bus, pci.dev, pci.func);
}

/* A core may have several, such as DRAM and HBM: the first then. */
int first_numa_of(hwloc_topology_t hwloc, hwloc_obj_t core)
{
    const int os_index = hwloc_bitmap_first(core->nodeset);
    const hwloc_obj_t node = os_index < 0 ? nullptr : hwloc_get_numanode_obj_by_os_index(hwloc, os_index);
    return node != nullptr ? static_cast<int>(node->logical_index) : 0;
}

}  // namespace

Status Machine::load(const char* cpus, std::unique_ptr<Machine>& machine_out)
{
    std::unique_ptr<Machine> machine(new Machine);
    PMX_TRY(machine->open());
    PMX_TRY(machine->find_allowed(cpus));
    machine->list_cores();
    machine_out = std::move(machine);
    return {};
}

Machine::~Machine()
{
    hwloc_bitmap_free(allowed_);
    if (hwloc_ != nullptr) hwloc_topology_destroy(hwloc_);
}

Status Machine::open()
{
    if (hwloc_topology_init(&hwloc_) != 0) return hwloc_failure("hwloc_topology_init");
    for (const char* name : kUnwanted) {
        (void)hwloc_topology_set_components(hwloc_, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, name);
    }
    /* Cores of others count as cores of the machine: logical indices then mean the same to all ranks. */
    if (hwloc_topology_set_flags(hwloc_, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) != 0) {
        return hwloc_failure("hwloc_topology_set_flags");
    }
    (void)hwloc_topology_set_io_types_filter(hwloc_, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
    if (hwloc_topology_load(hwloc_) != 0) return hwloc_failure("hwloc_topology_load");
    n_numa_ = hwloc_get_nbobjs_by_type(hwloc_, HWLOC_OBJ_NUMANODE);
    return {};
}

Status Machine::find_allowed(const char* cpus)
{
    allowed_ = hwloc_bitmap_dup(hwloc_topology_get_allowed_cpuset(hwloc_));
    Bitmap mine(hwloc_bitmap_alloc());
    if (allowed_ == nullptr || mine == nullptr) return fail(PMX_ERR_MEMORY, "no memory for a set of cores");
    if (cpus != nullptr) {
        mine = parse_list(cpus);
        if (mine == nullptr) return fail(PMX_ERR_ARGUMENT, "\"{}\" is no list of cpus such as 0-3,8", cpus);
    } else if (hwloc_get_cpubind(hwloc_, mine.get(), HWLOC_CPUBIND_THREAD) != 0) {
        hwloc_bitmap_fill(mine.get()); /* this system does not tell */
    }
    hwloc_bitmap_and(allowed_, allowed_, mine.get());
    if (hwloc_bitmap_iszero(allowed_)) {
        return fail(PMX_ERR_ARGUMENT, "no cpu of this machine may be used ({})",
                    cpus != nullptr ? cpus : "affinity");
    }
    return {};
}

void Machine::list_cores()
{
    const hwloc_obj_type_t type = core_type(hwloc_);
    for (hwloc_obj_t core = nullptr; (core = hwloc_get_next_obj_by_type(hwloc_, type, core)) != nullptr;) {
        cores_.push_back({first_numa_of(hwloc_, core), hwloc_bitmap_intersects(core->cpuset, allowed_) != 0});
    }
}

int Machine::n_cores_allowed() const
{
    return static_cast<int>(
        std::count_if(cores_.begin(), cores_.end(), [](const Core& c) { return c.allowed; }));
}

std::string Machine::allowed_cpus() const
{
    char* text = nullptr;
    if (hwloc_bitmap_list_asprintf(&text, allowed_) < 0) throw std::bad_alloc();
    const std::string list(text);
    free(text);
    return list;
}

bool Machine::shares_cpu_with(const std::string& cpus) const
{
    const Bitmap theirs = parse_list(cpus.c_str());
    return theirs != nullptr && hwloc_bitmap_intersects(theirs.get(), allowed_);
}

Machine::Place Machine::place_of(const std::string& name) const
{
    const hwloc_obj_t device =
        name.empty() ? preferred_device(hwloc_, {nullptr, allowed_}) : named_device(hwloc_, name);
    if (device == nullptr) return {};
    const hwloc_obj_t owner = hwloc_get_non_io_ancestor_obj(hwloc_, device);
    return {name_of(device), owner != nullptr ? only_numa_of(hwloc_, owner->nodeset) : -1};
}

std::vector<NearDevice> Machine::by_distance(const std::vector<std::string>& names,
                                             const std::string& home) const
{
    const Home from = home_of(hwloc_, home.empty() ? nullptr : named_device(hwloc_, home), allowed_);
    std::vector<std::pair<Distance, NearDevice>> found;
    for (const std::string& name : names) {
        const hwloc_obj_t device = named_device(hwloc_, name);
        const Distance distance = distance_of(hwloc_, device, from);
        found.push_back({distance, {name, distance_in_words(hwloc_, device, distance)}});
    }
    std::stable_sort(found.begin(), found.end(), [](auto& a, auto& b) { return a.first < b.first; });
    std::vector<NearDevice> sorted;
    for (auto& one : found) sorted.push_back(std::move(one.second));
    return sorted;
}

Status Machine::bind_this_thread(int core) const
{
    if (core < 0 || core >= static_cast<int>(cores_.size()) || !cores_[core].allowed) {
        return fail(PMX_ERR_ARGUMENT, "core {} is not one of the {} allowed ones of 0..{}", core,
                    n_cores_allowed(), static_cast<int>(cores_.size()) - 1);
    }
    const Bitmap cpus(hwloc_bitmap_dup(hwloc_get_obj_by_type(hwloc_, core_type(hwloc_), core)->cpuset));
    if (cpus == nullptr) return fail(PMX_ERR_MEMORY, "no memory for a set of cores");
    hwloc_bitmap_and(cpus.get(), cpus.get(), allowed_);
    if (hwloc_set_cpubind(hwloc_, cpus.get(), HWLOC_CPUBIND_THREAD) != 0) {
        return fail(PMX_ERR_SYSTEM, "cannot bind to core {}: {}", core, strerror(errno));
    }
    return {};
}

}  // namespace pmx
