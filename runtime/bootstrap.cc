/* SPDX-License-Identifier: BSD-3-Clause */
/* bootstrap.cc: what is the same over MPI and without it. */
#include "runtime/bootstrap.h"

#include <cstring>

namespace pmx {

/* A blob is the code and then the detail. */
static std::vector<std::byte> pack(const Status& status)
{
    const int32_t code = status.code();
    std::vector<std::byte> blob(sizeof code + status.detail().size());
    memcpy(blob.data(), &code, sizeof code);
    memcpy(blob.data() + sizeof code, status.detail().data(), status.detail().size());
    return blob;
}

Status bootstrap_agree(Bootstrap& bootstrap, const Status& mine, int* failed_rank_out)
{
    std::vector<std::vector<std::byte>> all;
    PMX_TRY(bootstrap.allgather(pack(mine), all));
    int failed_rank = -1;
    Status agreed;
    for (size_t r = 0; r < all.size() && failed_rank < 0; ++r) {
        int32_t code = PMX_ERR_INTERNAL;
        if (all[r].size() < sizeof code) {
            return fail(PMX_ERR_INTERNAL, "rank {} sent {} bytes to agree on", r, all[r].size());
        }
        memcpy(&code, all[r].data(), sizeof code);
        if (code == PMX_SUCCESS) continue;
        const char* detail = reinterpret_cast<const char*>(all[r].data()) + sizeof code;
        agreed = Status(static_cast<pmx_err_t>(code), std::string(detail, all[r].size() - sizeof code));
        failed_rank = static_cast<int>(r);
    }
    if (failed_rank_out != nullptr) *failed_rank_out = failed_rank;
    return agreed;
}

}  // namespace pmx
