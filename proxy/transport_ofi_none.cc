/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_none.cc: stands in for the libfabric transport in a build without libfabric. */
#include "transport_ofi.h"

namespace pmx {

std::vector<std::string> ofi_offered() { return {}; }

OfiProvider ofi_probe(const std::string& name) { return {name, {}, false, "this build has no libfabric"}; }

Status ofi_open(const std::string& provider, const TransportConfig&, std::unique_ptr<Transport>&)
{
    return fail(PMX_ERR_UNSUPPORTED, "libfabric provider {}: this build has no libfabric", provider);
}

}  // namespace pmx
