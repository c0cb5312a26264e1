/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_none.cc: stands in for the verbs transport in a build without libibverbs. */
#include "transport_verbs.h"

namespace pmx {

std::vector<std::string> verbs_device_names(std::string& why_out)
{
    why_out = "built without libibverbs";
    return {};
}

std::vector<VerbsDevice> verbs_probe(const VerbsConfig&)
{
    VerbsDevice none;
    none.usable = false;
    none.why = "built without libibverbs";
    return {none};
}

Status verbs_open(const VerbsConfig&, const TransportConfig&, std::unique_ptr<Transport>&)
{
    return fail(PMX_ERR_UNSUPPORTED, "PMX_TRANSPORT=verbs: this build has no libibverbs");
}

}  // namespace pmx
