/* SPDX-License-Identifier: BSD-3-Clause */
/* network.h: agrees with the other ranks on a transport for the network path, and connects it. */
#pragma once

#include <memory>

#include "runtime/bootstrap.h"
#include "runtime/params.h"
#include "transport.h"

namespace pmx {

/* Collective. The same provider on all ranks: the first in the order of preference that works on each of
 * them. PMX_ERR_TRANSPORT: there is none, with the reason found on the lowest rank. */
Status network_open(Bootstrap& bootstrap, const Params& params, const TransportConfig& config,
                    std::unique_ptr<Transport>& transport_out);

}  // namespace pmx
