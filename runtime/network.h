/* SPDX-License-Identifier: BSD-3-Clause */
/* network.h: agrees with the other ranks on a transport for the network path, and connects it. */
#pragma once

#include <functional>
#include <memory>

#include "runtime/bootstrap.h"
#include "runtime/params.h"
#include "transport.h"
#include "transport_shm.h"

namespace pmx {

/* The parameters of the verbs transport. near: the device that its card shall be near to, as in topology.h. */
VerbsConfig verbs_config(const Params& params, const std::string& near = "");

/* Collective. The software NIC or verbs, if it was asked for; else the same libfabric provider on all ranks: the first
 * in the order of preference that works on each of them. PMX_ERR_TRANSPORT: there is none, with the reason found on
 * the lowest rank. heap: that of config; it outlives the transport. near: as in verbs_config(). wrap: puts another around the transport before
 * anybody connects to it. */
Status network_open(Bootstrap& bootstrap, const Params& params, const TransportConfig& config,
                    const ShmSegment& heap, const std::string& near, const std::function<Status(std::unique_ptr<Transport>&)>& wrap,
                    std::unique_ptr<Transport>& transport_out);

}  // namespace pmx
