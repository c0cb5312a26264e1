/* SPDX-License-Identifier: BSD-3-Clause */
/* Contexts, their device view and their counters; what they are at. */
#include <cerrno>
#include <cstring>

#include "runtime/dump.h"
#include "runtime/errors.h"
#include "runtime/log.h"
#include "runtime/runtime.h"

using namespace pmx;

namespace {

/* The context behind a handle, or nullptr with the reason in err_out. */
pmx_ctx_t context_of(const char* call, pmx_ctx_t handle, int& err_out)
{
    Runtime* rt = runtime_or_report(call);
    pmx_ctx_t ctx = rt ? rt->find_context(handle) : nullptr;
    if (!ctx) err_out = rt ? report(fail(PMX_ERR_ARGUMENT, "{}: ctx is not a context", call)) : int{PMX_ERR_STATE};
    return ctx;
}

template <typename Struct>
Status check_struct(const char* call, const Struct* out)
{
    if (!out) return fail(PMX_ERR_ARGUMENT, "{}: the out-argument is NULL", call);
    if (out->size_bytes == sizeof *out) return {};
    return fail(PMX_ERR_ARGUMENT, "{}: size_bytes is {}, must be {}", call, out->size_bytes, sizeof *out);
}

}  // namespace

extern "C" int pmx_ctx_create(const pmx_ctx_attr_t* attr, pmx_ctx_t* ctx_out)
try {
    Runtime* rt = runtime_or_report("pmx_ctx_create");
    if (!rt) return PMX_ERR_STATE;
    if (!ctx_out) return pmx_error_report(PMX_ERR_ARGUMENT, "ctx_create: ctx_out is NULL");
    return report(rt->create_context(attr, *ctx_out));
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "ctx_create: out of memory");
}

extern "C" int pmx_ctx_free(pmx_ctx_t ctx)
{
    Runtime* rt = runtime_or_report("pmx_ctx_free");
    if (!rt) return PMX_ERR_STATE;
    return report(rt->free_context(ctx));
}

extern "C" int pmx_ctx_query(pmx_ctx_t handle, pmx_ctx_attr_t* attr_out)
{
    int err = 0;
    pmx_ctx_t ctx = context_of("ctx_query", handle, err);
    if (!ctx) return err;
    Status status = check_struct("ctx_query", attr_out);
    if (!status.ok()) return report(status);
    attr_out->order = ctx->engine.order;
    attr_out->signals = ctx->engine.signals;
    attr_out->n_queues = ctx->device.n_queues;
    return PMX_SUCCESS;
}

extern "C" int pmx_device_handle(pmx_ctx_t handle, pmx_device_ctx_t* device_out)
{
    int err = 0;
    pmx_ctx_t ctx = context_of("device_handle", handle, err);
    if (!ctx) return err;
    Status status = check_struct("device_handle", device_out);
    if (!status.ok()) return report(status);
    *device_out = ctx->device;
    return PMX_SUCCESS;
}

extern "C" int pmx_counters_get(pmx_ctx_t handle, pmx_counters_t* counters_out)
{
    int err = 0;
    pmx_ctx_t ctx = context_of("counters_get", handle, err);
    if (!ctx) return err;
    Status status = check_struct("counters_get", counters_out);
    if (!status.ok()) return report(status);
    ctx->engine.counters.read(*counters_out);
    if (ctx->kernel_engine) ctx->kernel_engine->counters.add_to(*counters_out);
    return PMX_SUCCESS;
}

extern "C" int pmx_counters_reset(pmx_ctx_t handle)
{
    int err = 0;
    pmx_ctx_t ctx = context_of("counters_reset", handle, err);
    if (!ctx) return err;
    ctx->engine.counters.reset();
    if (ctx->kernel_engine) ctx->kernel_engine->counters.reset();
    return PMX_SUCCESS;
}

extern "C" int pmx_dump(int fd)
{
    return at_boundary([&]() -> Status {
        Runtime* rt = runtime();
        if (!rt) return fail(PMX_ERR_STATE, "dump: pmx is not initialised");
        if (fd < 0) return fail(PMX_ERR_ARGUMENT, "dump: fd is {}, must be a file descriptor", fd);
        if (log_lines(dump_text(*rt), fd)) return {};
        return fail(PMX_ERR_SYSTEM, "dump: write to file descriptor {}: {}", fd, std::strerror(errno));
    });
}
