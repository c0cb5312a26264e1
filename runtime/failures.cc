/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/failures.h"

#include "peer_state.h"
#include "pmx_atomic.h"

namespace pmx {

std::string failed_ranks(const pmx_device_ctx_t& ctx)
{
    constexpr int kNamed = 4;
    std::string text;
    int n = 0;
    for (int rank = 0; rank < ctx.size; rank++) {
        uint32_t word = detail::load_acquire(&ctx.peer_failed[rank]);
        if (word == 0 || n++ >= kNamed) continue;
        text += fmt::format("{}rank {} has failed: {}", n == 1 ? "" : "; ", rank,
                            peer_fault_text(static_cast<PeerFault>(word)));
    }
    if (n > kNamed) text += fmt::format("; and {} more", n - kNamed);
    return text;
}

Status device_failure(const pmx_device_ctx_t& ctx, const char* what, int err)
{
    std::string who = err == PMX_ERR_PEER_FAILED ? failed_ranks(ctx) : std::string();
    return fail(static_cast<pmx_err_t>(err), "{}: {}", what,
                who.empty() ? pmx_error_string(err) : who.c_str());
}

}  // namespace pmx
