/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_none.cc: stands in for the libfabric transport in a build without libfabric. */
#include "transport_ofi.h"

namespace pmx {

std::vector<OfiProvider> ofi_probe(const std::string& only)
{
    if (only.empty()) return {};
    OfiProvider provider;
    provider.name = only;
    provider.usable = false;
    provider.why = "this build has no libfabric";
    return {provider};
}

Status ofi_open(const std::string& provider, const TransportConfig&, std::unique_ptr<Transport>&)
{
    return fail(PMX_ERR_UNSUPPORTED, "libfabric provider {}: this build has no libfabric", provider);
}

}  // namespace pmx
