/* SPDX-License-Identifier: BSD-3-Clause */
/* Put, get, signal, fence, quiet and barrier for host callers: the device calls at thread scope, with a line of
 * detail on what is wrong. */
#include "runtime/api_checks.h"
#include "runtime/dump.h"

namespace pmx {

namespace {

int signal_call(const char* name, pmx_ctx_t ctx, uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank)
{
    return call(
        name, ctx,
        [=](const pmx_device_ctx_t& device) {
            PMX_TRY(check_rank(device, "dst_rank", dst_rank));
            return check_signal(device, sig_sym);
        },
        [=](const pmx_device_ctx_t& device) { return signal(thread, device, sig_sym, value, op, dst_rank); });
}

/* A wait that has lasted for PMX_TIMEOUT is no part of a program: it leaves a record. */
int timed_out(const char* name, const std::string& what, bool record)
{
    Status status = fail(PMX_ERR_TIMEOUT, "{}: {}", name, what);
    if (Runtime* rt = record ? runtime() : nullptr) record_timeout(*rt, status.detail());
    return report(status);
}

}  // namespace

}  // namespace pmx

using namespace pmx;
using Device = const pmx_device_ctx_t&;

extern "C" int pmx_put_nbi(pmx_ctx_t ctx, void* dst_sym, const void* src_sym, size_t n_bytes, int dst_rank)
{
    return call(
        "put_nbi", ctx, [=](Device device) { return check_put(device, dst_sym, src_sym, n_bytes, dst_rank); },
        [=](Device device) { return put(thread, device, dst_sym, src_sym, n_bytes, dst_rank); });
}

extern "C" int pmx_get_nbi(pmx_ctx_t ctx, void* dst_sym, const void* src_sym, size_t n_bytes, int src_rank)
{
    return call(
        "get_nbi", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "src_rank", src_rank));
            PMX_TRY(check_range(device, "dst_sym", dst_sym, n_bytes));
            return check_range(device, "src_sym", src_sym, n_bytes);
        },
        [=](Device device) { return get(thread, device, dst_sym, src_sym, n_bytes, src_rank); });
}

extern "C" int pmx_put_signal_nbi(pmx_ctx_t ctx, void* dst_sym, const void* src_sym, size_t n_bytes,
                                  uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank)
{
    return call(
        "put_signal_nbi", ctx,
        [=](Device device) {
            PMX_TRY(check_put(device, dst_sym, src_sym, n_bytes, dst_rank));
            PMX_TRY(check_signal(device, sig_sym));
            return check_choice("op", op, PMX_SIGNAL_ADD);
        },
        [=](Device device) {
            if (Checked* checked = checked_way(ctx, dst_rank, {dst_sym, src_sym, sig_sym}))
                return checked->send(device, {host_off(device, dst_sym), src_sym, n_bytes, host_off(device, sig_sym), value, op},
                                     true, dst_rank);
            return put_signal(thread, device, dst_sym, src_sym, n_bytes, sig_sym, value, op, dst_rank);
        });
}

extern "C" int pmx_signal_set(pmx_ctx_t ctx, uint64_t* sig_sym, uint64_t value, int dst_rank)
{
    return signal_call("signal_set", ctx, sig_sym, value, PMX_SIGNAL_SET, dst_rank);
}

extern "C" int pmx_signal_add(pmx_ctx_t ctx, uint64_t* sig_sym, uint64_t value, int dst_rank)
{
    return signal_call("signal_add", ctx, sig_sym, value, PMX_SIGNAL_ADD, dst_rank);
}

extern "C" int pmx_signal_wait(pmx_ctx_t ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value, int from_rank,
                               uint64_t timeout_ns, uint64_t* value_out)
{
    int err = call(
        "signal_wait", ctx,
        [=](Device device) {
            if (from_rank != PMX_RANK_ANY) PMX_TRY(check_rank(device, "from_rank", from_rank));
            PMX_TRY(check_signal(device, sig_sym));
            return check_choice("cmp", cmp, PMX_CMP_LE);
        },
        [=](Device device) {
            return signal_wait(thread, device, sig_sym, cmp, value, from_rank, timeout_ns, value_out);
        });
    if (err != PMX_ERR_TIMEOUT) return err;
    return timed_out("signal_wait", wait_text(runtime()->default_context->device, sig_sym, cmp, value, from_rank),
                     timeout_ns == 0);
}

extern "C" int pmx_signal_test(pmx_ctx_t ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value, int* hit_out)
{
    return call(
        "signal_test", ctx,
        [=](Device device) {
            if (!hit_out) return fail(PMX_ERR_ARGUMENT, "hit_out is NULL");
            PMX_TRY(check_signal(device, sig_sym));
            return check_choice("cmp", cmp, PMX_CMP_LE);
        },
        [=](Device) {
            *hit_out = signal_test(sig_sym, cmp, value);
            return 0;
        });
}

extern "C" int pmx_fence_rank(pmx_ctx_t ctx, int dst_rank)
{
    return call(
        "fence_rank", ctx, [=](Device device) { return check_rank(device, "dst_rank", dst_rank); },
        [=](Device device) {
            return runtime()->find_context(ctx)->complete_checked(dst_rank, fence(thread, device, dst_rank));
        });
}

extern "C" int pmx_fence(pmx_ctx_t ctx)
{
    return call("fence", ctx, nothing, [=](Device device) {
        for (int rank = 0; rank < device.size; rank++)
            if (int err = fence(thread, device, rank)) return err;
        return runtime()->find_context(ctx)->complete_checked(PMX_RANK_ANY, PMX_SUCCESS);
    });
}

extern "C" int pmx_quiet(pmx_ctx_t ctx)
{
    int err = call("quiet", ctx, nothing, [=](Device device) {
        return runtime()->find_context(ctx)->complete_checked(PMX_RANK_ANY, quiet(thread, device));
    });
    return err == PMX_ERR_TIMEOUT ? timed_out("quiet", "operations are not complete", true) : err;
}

extern "C" int pmx_barrier(void)
{
    Runtime* rt = runtime_or_report("pmx_barrier");
    if (!rt) return PMX_ERR_STATE;
    if (int err = pmx_quiet(PMX_CTX_DEFAULT)) return err;
    return report(rt->collectives->barrier());
}
