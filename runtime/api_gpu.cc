/* SPDX-License-Identifier: BSD-3-Clause */
/* The GPU of this rank: its heap, the view for kernels, and operations in the order of a stream. */
#include "device/stream.h"
#include "pmx_gpu.h"
#include "runtime/api_checks.h"
#include "runtime/heap.h"

namespace pmx {

namespace {

/* The runtime with a GPU, or nullptr with the reason in err_out. */
Runtime* with_gpu(const char* name, int& err_out)
{
    Runtime* rt = runtime_or_report(name);
    if (!rt)
        err_out = PMX_ERR_STATE;
    else if (!rt->gpu)
        err_out = report(fail(PMX_ERR_UNSUPPORTED, "{}: PMX_GPU is off; allowed cuda and soft", name));
    return rt && rt->gpu ? rt : nullptr;
}

/* Finds the view for kernels, asks checks(view), a Status, then does go(rt, view), which says what is wrong. */
template <typename Checks, typename Go>
int on_stream(const char* name, pmx_ctx_t handle, Checks checks, Go go)
{
    int err = 0;
    Runtime* rt = with_gpu(name, err);
    if (!rt) return err;
    pmx_ctx_t ctx = rt->find_context(handle);
    if (!ctx) return report(fail(PMX_ERR_ARGUMENT, "{}: ctx is not a context", name));
    if (rt->params.gpu != GpuChoice::cuda)
        return report(fail(PMX_ERR_UNSUPPORTED, "{}: PMX_GPU=soft has no streams; use cuda", name));
    Status status = checks(ctx->kernel.ctx);
    if (status.ok())
        if (const char* why = go(*rt, ctx->kernel.ctx)) status = fail(PMX_ERR_SYSTEM, "{}", why);
    return status.ok() ? PMX_SUCCESS : report(fail(status.code(), "{}: {}", name, status.detail()));
}

/* The tables of a view for kernels lie in memory of the GPU; these are the same on the host. */
void* kernel_ptr(const Runtime& rt, const pmx_device_ctx_t& view, const void* ptr_sym, int rank)
{
    pmx_device_ctx_t host = view;
    host.peer_base = rt.kernel_peer_base.data();
    host.gpu_peer_base = rt.gpu_peer_base.data();
    return ptr(host, ptr_sym, rank);
}

}  // namespace

}  // namespace pmx

using namespace pmx;
using View = const pmx_device_ctx_t&;

extern "C" int pmx_gpu_query(pmx_gpu_info_t* info_out)
{
    int err = 0;
    Runtime* rt = with_gpu("gpu_query", err);
    if (!rt) return err;
    if (!info_out || info_out->size_bytes != sizeof *info_out)
        return report(fail(PMX_ERR_ARGUMENT, "gpu_query: size_bytes must be {}", sizeof *info_out));
    const GpuFacts& facts = rt->gpu->facts();
    copy_text(info_out->kind, facts.kind);
    copy_text(info_out->name, facts.name);
    info_out->device = facts.device;
    info_out->n_ranks = rt->n_ranks_on_gpu;
    info_out->shares = facts.shares;
    info_out->n_direct_ranks = rt->size() - static_cast<int>(std::count(rt->kernel_peer_base.begin(),
                                                                        rt->kernel_peer_base.end(), nullptr));
    return PMX_SUCCESS;
}

extern "C" int pmx_gpu_malloc(size_t n_bytes, void** ptr_sym_out)
try {
    int err = 0;
    Runtime* rt = with_gpu("gpu_malloc", err);
    if (!rt) return err;
    if (!ptr_sym_out) return pmx_error_report(PMX_ERR_ARGUMENT, "gpu_malloc: ptr_sym_out is NULL");
    constexpr size_t lines = 256; /* what a warp stores at once then lies in whole lines of the GPU */
    return report(heap_allocate(*rt, gpu_heap(*rt), lines, n_bytes, *ptr_sym_out));
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "gpu_malloc: out of memory for the side tables of the heap");
}

extern "C" int pmx_gpu_heap_query(pmx_heap_info_t* heap_out)
{
    int err = 0;
    Runtime* rt = with_gpu("gpu_heap_query", err);
    if (!rt) return err;
    return report(heap_query("gpu_heap_query", gpu_heap(*rt), heap_out));
}

extern "C" int pmx_gpu_ptr(const void* ptr_sym, int rank, void** ptr_out)
{
    int err = 0;
    Runtime* rt = with_gpu("gpu_ptr", err);
    if (!rt) return err;
    const pmx_device_ctx_t& view = rt->default_context->kernel.ctx;
    Status status = check_rank(view, "rank", rank);
    if (status.ok()) status = check_range(view, "ptr_sym", ptr_sym, 1);
    if (status.ok() && !ptr_out) status = fail(PMX_ERR_ARGUMENT, "ptr_out is NULL");
    if (!status.ok()) return report(fail(status.code(), "gpu_ptr: {}", status.detail()));
    *ptr_out = kernel_ptr(*rt, view, ptr_sym, rank);
    return PMX_SUCCESS;
}

extern "C" int pmx_gpu_handle(pmx_ctx_t handle, pmx_device_ctx_t* device_out)
{
    int err = 0;
    Runtime* rt = with_gpu("gpu_handle", err);
    if (!rt) return err;
    pmx_ctx_t ctx = rt->find_context(handle);
    if (!ctx) return report(fail(PMX_ERR_ARGUMENT, "gpu_handle: ctx is not a context"));
    if (!device_out || device_out->size_bytes != sizeof *device_out)
        return report(fail(PMX_ERR_ARGUMENT, "gpu_handle: size_bytes must be {}", sizeof *device_out));
    *device_out = ctx->kernel.ctx;
    return PMX_SUCCESS;
}

extern "C" int pmx_put_signal_on_stream(pmx_ctx_t ctx, void* dst_sym, const void* src_sym, size_t n_bytes,
                                        uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank,
                                        int32_t* status, CUstream_st* stream)
{
    return on_stream(
        "put_signal_on_stream", ctx,
        [=](View view) {
            PMX_TRY(check_put(view, dst_sym, src_sym, n_bytes, dst_rank));
            PMX_TRY(check_signal(view, sig_sym));
            return check_choice("op", op, PMX_SIGNAL_ADD);
        },
        [=](Runtime& rt, View view) {
            return stream_put_signal(view, dst_sym, src_sym, n_bytes, kernel_ptr(rt, view, dst_sym, dst_rank), sig_sym,
                                     value, op, dst_rank, status, stream);
        });
}

extern "C" int pmx_signal_wait_on_stream(pmx_ctx_t ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value,
                                         int from_rank, uint64_t timeout_ns, int32_t* status, CUstream_st* stream)
{
    return on_stream(
        "signal_wait_on_stream", ctx,
        [=](View view) {
            if (from_rank != PMX_RANK_ANY) PMX_TRY(check_rank(view, "from_rank", from_rank));
            PMX_TRY(check_signal(view, sig_sym));
            return check_choice("cmp", cmp, PMX_CMP_LE);
        },
        [=](Runtime&, View view) {
            return stream_signal_wait(view, sig_sym, cmp, value, from_rank, timeout_ns, status, stream);
        });
}

extern "C" int pmx_quiet_on_stream(pmx_ctx_t ctx, int32_t* status, CUstream_st* stream)
{
    return on_stream("quiet_on_stream", ctx, nothing,
                     [=](Runtime&, View view) { return stream_quiet(view, status, stream); });
}

extern "C" int pmx_barrier_on_stream(int32_t* status, CUstream_st* stream)
{
    return on_stream("barrier_on_stream", PMX_CTX_DEFAULT, nothing, [=](Runtime& rt, View view) {
        auto* cells_sym = reinterpret_cast<BarrierCells*>(view.gpu_base + rt.gpu_barrier_off);
        return stream_barrier(view, cells_sym, status, stream);
    });
}
