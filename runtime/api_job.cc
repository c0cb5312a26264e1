/* SPDX-License-Identifier: BSD-3-Clause */
/* Other ways to begin, memory of the program, and failures that no call has waited for. */
#include "runtime/api_checks.h"
#include "runtime/bootstrap_uid.h"
#include "runtime/registrations.h"

using namespace pmx;

extern "C" int pmx_init_thread(pmx_thread_level_t required, int* provided_out)
{
    if (required < PMX_THREAD_SINGLE || required > PMX_THREAD_MULTIPLE)
        return report(fail(PMX_ERR_ARGUMENT, "init_thread: required is {}, allowed {}..{}", int{required},
                           int{PMX_THREAD_SINGLE}, int{PMX_THREAD_MULTIPLE}));
    if (int err = pmx_init()) return err;
    if (provided_out) *provided_out = PMX_THREAD_MULTIPLE;
    return PMX_SUCCESS;
}

extern "C" int pmx_uid_create(char* uid_out, size_t n_bytes)
{
    return at_boundary([&]() -> Status {
        if (!uid_out || n_bytes < PMX_UID_BYTES)
            return fail(PMX_ERR_ARGUMENT, "uid_create: there are {} bytes of room, must be {}",
                        uid_out ? n_bytes : 0, PMX_UID_BYTES);
        Params params;
        PMX_TRY(params_from_environment(params));
        Uid uid;
        PMX_TRY(uid_create(params.uid_address == "auto" ? own_address() : params.uid_address, uid));
        std::string text = uid.text();
        std::memcpy(uid_out, text.c_str(), text.size() + 1);
        return {};
    });
}

extern "C" int pmx_init_uid(const char* text, int rank, int size)
{
    return at_boundary([&]() -> Status {
        if (!text) return fail(PMX_ERR_ARGUMENT, "init_uid: uid is NULL");
        if (size < 1 || size > static_cast<int>(PMX_CMD_MAX_RANK))
            return fail(PMX_ERR_ARGUMENT, "init_uid: size is {}, allowed 1..{}", size, int{PMX_CMD_MAX_RANK});
        if (rank < 0 || rank >= size)
            return fail(PMX_ERR_RANK, "init_uid: rank is {}, allowed 0..{}", rank, size - 1);
        Uid uid;
        PMX_TRY(Uid::parse(text, uid));
        return runtime_init([&](std::unique_ptr<Bootstrap>& bootstrap_out) -> Status {
            Params params;
            PMX_TRY(params_from_environment(params));
            return bootstrap_open_uid(uid, rank, size, params.timeout_ns, bootstrap_out);
        });
    });
}

extern "C" int pmx_register(void* ptr, size_t n_bytes, void** ptr_sym_out)
{
    Runtime* rt = runtime_or_report("register");
    if (!rt) return PMX_ERR_STATE;
    return at_boundary([&]() -> Status {
        if (!ptr_sym_out) return fail(PMX_ERR_ARGUMENT, "register: ptr_sym_out is NULL");
        return rt->registrations->add(ptr, n_bytes, *ptr_sym_out);
    });
}

extern "C" int pmx_deregister(void* ptr)
{
    Runtime* rt = runtime_or_report("deregister");
    if (!rt) return PMX_ERR_STATE;
    return at_boundary([&] { return rt->registrations->remove(ptr); });
}

extern "C" int pmx_async_error(int* err_out, int* rank_out)
{
    Runtime* rt = runtime_or_report("async_error");
    if (!rt) return PMX_ERR_STATE;
    if (!err_out) return pmx_error_report(PMX_ERR_ARGUMENT, "async_error: err_out is NULL");
    const pmx_device_ctx_t& device = rt->default_context->device;
    int first = -1;
    if (detail::load_acquire(device.n_failed) != 0)
        for (int rank = device.size; rank-- > 0;)
            if (detail::load_acquire(&device.peer_failed[rank])) first = rank;
    *err_out = detail::load_acquire(device.fault);
    if (!*err_out && first >= 0) *err_out = PMX_ERR_PEER_FAILED;
    if (rank_out) *rank_out = first;
    return PMX_SUCCESS;
}

extern "C" int pmx_error_handler_set(pmx_error_handler_fn handler, void* arg)
{
    Runtime* rt = runtime_or_report("error_handler_set");
    if (!rt) return PMX_ERR_STATE;
    rt->watch.set_handler(handler, arg);
    return PMX_SUCCESS;
}
