/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_device.h: an opened device with the port and the GID that were chosen on it. */
#pragma once

#include <infiniband/verbs.h>

#include <memory>
#include <string>
#include <vector>

#include "transport_verbs.h"

namespace pmx {

struct VerbsClose {
    void operator()(ibv_context* context) const { ibv_close_device(context); }
};

struct VerbsPort {
    std::unique_ptr<ibv_context, VerbsClose> context;
    std::string name;
    ibv_device_attr device{};
    ibv_port_attr port{};
    unsigned number = 1;
    int gid_index = 0;
    union ibv_gid gid {
    };
    bool ethernet = false;
    bool native_add = false; /* adds by atomics of the NIC */

    std::string describe() const; /* "port 1, RoCE v2, GID 1 (::ffff:10.0.0.1), adds by messages" */
};

/* The entry of config.device for this rank; "auto" when it is that. */
std::string verbs_device_of(const VerbsConfig& config, int rank);

/* PMX_ERR_UNSUPPORTED: the device is not there, or cannot be used, and why. */
Status verbs_open_port(const std::string& device, const VerbsConfig& config, VerbsPort& port_out);

/* Times as a queue pair has them: local ACK timeout 1..31 (4.096 us * 2^n), RNR timer 1..31 and 0 (655 ms).
 */
uint8_t verbs_ack_timeout(uint64_t ns);
uint8_t verbs_rnr_timer(uint64_t ns);

}  // namespace pmx
