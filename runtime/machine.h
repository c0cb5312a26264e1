/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h: this machine as hwloc sees it, and the cores that this process may use. Immutable once loaded,
 * so any thread may ask. HWLOC_XMLFILE and HWLOC_SYNTHETIC replace the machine, as for every program with
 * hwloc. */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "status.h"

struct hwloc_topology;
struct hwloc_bitmap_s;

namespace pmx {

/* A device, and where it is: "near: NUMA node 1". */
struct NearDevice {
    std::string name;
    std::string why;
};

class Machine {
public:
    struct Core {
        int numa;     /* logical index of its NUMA node */
        bool allowed; /* at least one of its hardware threads may be used */
    };
    struct Place {
        std::string device; /* "": none was found */
        int numa = -1;      /* NUMA node of the device; -1: not known */
    };

    /* cpus: those that may be used, as a list such as "0-3,8"; nullptr: those of the calling thread.
     * PMX_ERR_SYSTEM: hwloc failed; PMX_ERR_ARGUMENT: cpus is no list, or leaves none. */
    static Status load(const char* cpus, std::unique_ptr<Machine>& machine_out);
    ~Machine();
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    int n_numa() const { return n_numa_; }
    /* By logical index. A machine that does not tell its cores has one for each hardware thread. */
    const std::vector<Core>& cores() const { return cores_; }
    int n_cores_allowed() const;
    /* The hardware threads that may be used, as a list, and whether a list has one of them. */
    std::string allowed_cpus() const;
    bool shares_cpu_with(const std::string& cpus) const;
    /* name: a PCI bus id or the name of a device of the operating system; "": the network device that is nearest to
     * the cores that may be used, else the first GPU. */
    Place place_of(const std::string& name) const;
    /* Devices of these names, the nearest first: to the device `home`, or with "" to the cores that may be used. Under
     * one PCI bridge with it; on its NUMA node; in its package; not known where; elsewhere. Equal ones in their order. */
    std::vector<NearDevice> by_distance(const std::vector<std::string>& names, const std::string& home) const;
    /* core: an allowed one, else PMX_ERR_ARGUMENT. PMX_ERR_SYSTEM: the system refused. */
    Status bind_this_thread(int core) const;

private:
    Machine() = default;
    Status open();
    Status find_allowed(const char* cpus);
    void list_cores();

    hwloc_topology* hwloc_ = nullptr;
    hwloc_bitmap_s* allowed_ = nullptr;
    int n_numa_ = 0;
    std::vector<Core> cores_;
};

}  // namespace pmx
