/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_raw_none.cc: the path without pmx, in a build without libfabric. */
#include "perf_path.h"

namespace pmx::tools {

Status open_raw_path(Gather&, const char*, void*, const PerfLayout&, uint64_t&, std::unique_ptr<PerfPath>&)
{
    return Status(PMX_ERR_UNSUPPORTED, "--raw: this build of pmx has no libfabric");
}

}  // namespace pmx::tools
