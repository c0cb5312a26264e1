/* SPDX-License-Identifier: BSD-3-Clause */
/* api_checks.h: what the C functions on a context ask of their arguments, each with a line of detail. */
#pragma once

#include <algorithm>
#include <cstring>

#include "runtime/errors.h"
#include "runtime/failures.h"
#include "runtime/runtime.h"

namespace pmx {

/* Finds the context, asks checks(device), a Status, then does go(device), a code. */
template <typename Checks, typename Go>
int call(const char* name, pmx_ctx_t handle, Checks checks, Go go)
{
    Runtime* rt = runtime_or_report(name);
    if (!rt) return PMX_ERR_STATE;
    pmx_ctx_t ctx = rt->find_context(handle);
    if (!ctx) return report(fail(PMX_ERR_ARGUMENT, "{}: ctx is not a context", name));
    Status status = checks(ctx->device);
    if (!status.ok()) return report(fail(status.code(), "{}: {}", name, status.detail()));
    int err = go(ctx->device);
    if (!err) return PMX_SUCCESS;
    return report(device_failure(ctx->device, name, err));
}

/* Where the call is to go through PMX_CHECK, else null. The addresses: a heap of GPU memory is not for it. */
inline Checked* checked_way(pmx_ctx_t handle, int dst_rank, std::initializer_list<const void*> addresses)
{
    Runtime& rt = *runtime();
    if (!rt.params.check || rt.direct(dst_rank)) return nullptr;
    pmx_ctx_t ctx = rt.find_context(handle);
    for (const void* p : addresses)
        if (detail::in_gpu_heap(ctx->device, p)) return nullptr;
    return ctx->checked;
}
inline uint64_t host_off(const pmx_device_ctx_t& ctx, const void* p)
{
    return static_cast<uint64_t>(static_cast<const char*>(p) - ctx.heap_base);
}

inline Status nothing(const pmx_device_ctx_t&) { return {}; }

inline Status check_rank(const pmx_device_ctx_t& ctx, const char* what, int rank)
{
    if (rank >= 0 && rank < ctx.size) return {};
    return fail(PMX_ERR_RANK, "{} is {}, allowed 0..{}", what, rank, ctx.size - 1);
}

inline Status check_range(const pmx_device_ctx_t& ctx, const char* what, const void* p, size_t n_bytes)
{
    if (detail::in_heap(ctx, p, n_bytes)) return {};
    return fail(PMX_ERR_ADDRESS, "{} {} with {} bytes is not in the symmetric heap", what, p, n_bytes);
}

inline Status check_signal(const pmx_device_ctx_t& ctx, const uint64_t* sig_sym)
{
    if (detail::good_signal(ctx, sig_sym)) return {};
    return fail(PMX_ERR_ADDRESS, "sig_sym {} is not an 8-byte aligned word of the symmetric heap",
                static_cast<const void*>(sig_sym));
}

inline Status check_choice(const char* what, int value, int last)
{
    if (value >= 0 && value <= last) return {};
    return fail(PMX_ERR_ARGUMENT, "{} is {}, allowed 0..{}", what, value, last);
}

inline Status check_put(const pmx_device_ctx_t& ctx, const void* dst_sym, const void* src_sym, size_t n_bytes, int dst_rank)
{
    PMX_TRY(check_rank(ctx, "dst_rank", dst_rank));
    PMX_TRY(check_range(ctx, "dst_sym", dst_sym, n_bytes));
    return check_range(ctx, "src_sym", src_sym, n_bytes);
}

/* As much of it as fits. */
template <size_t N>
void copy_text(char (&to)[N], const std::string& text)
{
    size_t n = std::min(text.size(), N - 1);
    std::memcpy(to, text.data(), n);
    to[n] = '\0';
}

}  // namespace pmx
