/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi.h: puts and signals over libfabric RDM endpoints. */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transport.h"

namespace pmx {

struct OfiProvider {
    std::string name;   /* "tcp;ofi_rxm" */
    TransportCaps caps; /* what was granted, and kept in a self-test */
    bool usable;
    std::string why; /* why not usable, or what was found out (such as "atomics by messages: ...") */
};

/* Names of what libfabric offers here that pmx could use, best first (the order of preference is one table). */
std::vector<std::string> ofi_offered();

/* Opens, tries and closes a provider, the first time that this process asks: some 50 ms. */
OfiProvider ofi_probe(const std::string& name);

/* An endpoint of this provider with the heap registered. Probes the provider first, unless that was done. */
Status ofi_open(const std::string& provider, const TransportConfig& config,
                std::unique_ptr<Transport>& transport_out);

}  // namespace pmx
