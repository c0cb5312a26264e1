/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_softnic_profile.h: what the software NIC knows of a fabric, and the table of the fabrics it can play. */
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "status.h"

namespace pmx {

/* A message leaves its NIC after gap_ns + n_bytes * ns_per_byte, crosses the network in latency_ns and what is drawn
 * for it, and passes the port of its target, which all senders share, at ns_per_byte. The completion comes back in
 * the time of another crossing and completion_ns. What is drawn is uniform between 0 and twice its mean. */
struct SoftNicProfile {
    const char* name;
    const char* source; /* of the numbers */

    /* The network. */
    double gap_ns;             /* between two messages of a NIC */
    double ns_per_byte;        /* of a NIC and of a port */
    double latency_ns;         /* of a crossing, at least */
    double jitter_ns;          /* mean of what is drawn for each crossing */
    double jitter_per_peer_ns; /* more of that mean for each further rank the NIC has sent to */
    unsigned n_paths;          /* parallel paths to each rank, one drawn for each message, 1.. */
    double path_ns;            /* each path is this much longer than the one before */
    double completion_ns;
    double lost_ns; /* until the sender learns that an operation was lost */

    /* The queue of the NIC. */
    unsigned queue_ops;     /* operations taken and not reported as complete, 1..kSoftNicMaxOps */
    uint64_t window_bytes;  /* taken and not sent yet; what is longer goes alone */
    uint64_t max_put_bytes; /* TransportCaps */

    /* What order it keeps: TransportCaps::orders_set and orders_add, fence, counted. Never orders_put. */
    bool ordered;
    bool fence;
    bool counted;

    /* The host, in virtual time only: what the proxy takes for one command out of its queue, one operation, one
     * chain of them (doorbell), one look at the completion queue, one completion, one counted arrival; and what the
     * kernel takes to queue a command. */
    double command_ns;
    double post_ns;
    double doorbell_ns;
    double poll_ns;
    double reap_ns;
    double arrival_ns;
    double issue_ns;
};

inline constexpr unsigned kSoftNicMaxOps = 1024;

std::span<const SoftNicProfile> softnic_profiles();
/* PMX_ERR_PARAM: there is none of that name; says which there are. */
Status softnic_profile(std::string_view name, SoftNicProfile& profile_out);

}  // namespace pmx
