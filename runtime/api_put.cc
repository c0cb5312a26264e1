/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and gets whose memory is free again on return, strided ones, and single words. */
#include "runtime/api_checks.h"

namespace pmx {

namespace {

using Device = const pmx_device_ctx_t&;

/* Memory that the CPU copies from or to; n_bytes may be 0. */
Status check_memory(const char* what, const void* p, size_t n_bytes)
{
    Runtime& rt = *runtime();
    uint64_t gpu_off = rt.gpu ? static_cast<uint64_t>(static_cast<const char*>(p) - rt.gpu->heap()) : UINT64_MAX;
    if (n_bytes == 0 || (p && (!rt.gpu || gpu_off >= rt.params.gpu_heap_bytes))) return {};
    return fail(PMX_ERR_ADDRESS, "{} {} with {} bytes is {}", what, p, n_bytes, p ? "memory of a GPU" : "no memory");
}

/* n elements, a stride of elements apart. */
struct Strided {
    size_t elem_bytes, n, stride;

    Status check(const char* what, size_t& n_bytes_out) const
    {
        if (stride == 0) return fail(PMX_ERR_ARGUMENT, "{} is 0, must be 1 or more", what);
        size_t last;
        if (n == 0 || elem_bytes == 0)
            n_bytes_out = 0;
        else if (__builtin_mul_overflow(n - 1, stride, &last) || __builtin_add_overflow(last, 1, &last) ||
                 __builtin_mul_overflow(last, elem_bytes, &n_bytes_out))
            return fail(PMX_ERR_ADDRESS, "{} elements of {} bytes, {} apart, are more than an address space", n, elem_bytes,
                        stride);
        return {};
    }
    size_t off(size_t i) const { return i * stride * elem_bytes; }
};

/* What is in the queue to that rank now is complete. */
int complete_rank(Device ctx, int rank)
{
    if (detail::bases_of(ctx, rank).host) {
        detail::fence_release();
        return detail::fault_of(ctx, rank);
    }
    pmx_device_queue_t queue = detail::queue_of(ctx, rank);
    uint64_t upto = detail::load_relaxed(queue.head);
    int err = detail::wait_until(ctx, detail::kNoRank, 0, [&] { return detail::reached(queue.completed, nullptr, upto); });
    return err ? err : detail::fault_of(ctx, rank);
}

int put_off(Device ctx, uint64_t src_off, uint64_t dst_off, size_t n_bytes, int rank)
{
    pmx_command_t command = pmx_command_make(PMX_CMD_PUT, 0, static_cast<uint32_t>(rank), src_off, n_bytes, dst_off);
    return detail::push(ctx, rank, &command, 1);
}

int put_bytes(Device ctx, void* dst_sym, const void* src, size_t n_bytes, int rank)
{
    if (int err = detail::check(ctx, rank)) return err;
    if (void* direct = ptr(ctx, dst_sym, rank)) {
        if (n_bytes) std::memmove(direct, src, n_bytes);
        return PMX_SUCCESS;
    }
    if (n_bytes > Bounce::kSlotBytes && detail::in_heap(ctx, src, n_bytes)) {
        int err = put(thread, ctx, dst_sym, src, n_bytes, rank);
        return err ? err : complete_rank(ctx, rank);
    }
    for (size_t done = 0, n; done < n_bytes; done += n) {
        n = std::min(n_bytes - done, Bounce::kSlotBytes);
        Bounce::Slot slot;
        if (int err = runtime()->bounce->take(ctx, slot)) return err;
        std::memcpy(slot.bytes(), static_cast<const char*>(src) + done, n);
        int err = put_off(ctx, slot.heap_off(), detail::heap_off(ctx, dst_sym) + done, n, rank);
        slot.read_by(detail::queue_of(ctx, rank));
        if (err) return err;
    }
    return PMX_SUCCESS;
}

int get_bytes(Device ctx, void* dst, const void* src_sym, size_t n_bytes, int rank)
{
    if (int err = detail::check(ctx, rank)) return err;
    if (const void* direct = ptr(ctx, src_sym, rank)) {
        if (n_bytes) std::memmove(dst, direct, n_bytes);
        return PMX_SUCCESS;
    }
    if (detail::in_heap(ctx, dst, n_bytes)) {
        int err = get(thread, ctx, dst, src_sym, n_bytes, rank);
        return err ? err : complete_rank(ctx, rank);
    }
    for (size_t done = 0, n; done < n_bytes; done += n) {
        n = std::min(n_bytes - done, Bounce::kSlotBytes);
        Bounce::Slot slot;
        if (int err = runtime()->bounce->take(ctx, slot)) return err;
        pmx_command_t command = pmx_command_make(PMX_CMD_GET, 0, static_cast<uint32_t>(rank), slot.heap_off(), n,
                                                 detail::heap_off(ctx, src_sym) + done);
        int err = detail::push(ctx, rank, &command, 1);
        slot.read_by(detail::queue_of(ctx, rank));
        if (!err) err = complete_rank(ctx, rank);
        if (err) return err;
        std::memcpy(static_cast<char*>(dst) + done, slot.bytes(), n);
    }
    return PMX_SUCCESS;
}

/* Queues puts of elements that lie packed in a slot. Those of one word are one command. */
int put_packed(Device ctx, const Bounce::Slot& slot, uint64_t dst_off, const Strided& to, size_t n, int rank)
{
    if (to.stride == 1) return put_off(ctx, slot.heap_off(), dst_off, n * to.elem_bytes, rank);
    if (to.elem_bytes == sizeof(uint64_t) && dst_off % sizeof(uint64_t) == 0) {
        pmx_command_t run = pmx_command_make(PMX_CMD_SIGNAL_RUN, 0, static_cast<uint32_t>(rank), slot.heap_off(),
                                             pmx_command_run_make(n, to.stride * sizeof(uint64_t)), dst_off);
        return detail::push(ctx, rank, &run, 1);
    }
    for (size_t i = 0; i < n; i++)
        if (int err = put_off(ctx, slot.heap_off() + i * to.elem_bytes, dst_off + to.off(i), to.elem_bytes, rank)) return err;
    return PMX_SUCCESS;
}

int put_strided(Device ctx, void* dst_sym, const void* src, const Strided& to, const Strided& from, int rank)
{
    char* dst = static_cast<char*>(dst_sym);
    const char* in = static_cast<const char*>(src);
    if (int err = detail::check(ctx, rank)) return err;
    if (to.elem_bytes == 0) return PMX_SUCCESS;
    size_t per_slot = Bounce::kSlotBytes / to.elem_bytes;
    if (per_slot == 0 || ptr(ctx, dst_sym, rank)) {
        for (size_t i = 0; i < to.n; i++)
            if (int err = put_bytes(ctx, dst + to.off(i), in + from.off(i), to.elem_bytes, rank)) return err;
        return PMX_SUCCESS;
    }
    for (size_t done = 0, n; done < to.n; done += n) {
        n = std::min(to.n - done, per_slot);
        Bounce::Slot slot;
        if (int err = runtime()->bounce->take(ctx, slot)) return err;
        for (size_t i = 0; i < n; i++)
            std::memcpy(slot.bytes() + i * to.elem_bytes, in + from.off(done + i), to.elem_bytes);
        int err = put_packed(ctx, slot, detail::heap_off(ctx, dst + to.off(done)), to, n, rank);
        slot.read_by(detail::queue_of(ctx, rank));
        if (err) return err;
    }
    return PMX_SUCCESS;
}

int get_strided(Device ctx, void* dst, const void* src_sym, const Strided& to, const Strided& from, int rank)
{
    char* out = static_cast<char*>(dst);
    const char* src = static_cast<const char*>(src_sym);
    if (int err = detail::check(ctx, rank)) return err;
    if (to.elem_bytes == 0) return PMX_SUCCESS;
    size_t per_slot = Bounce::kSlotBytes / to.elem_bytes;
    if (per_slot == 0 || ptr(ctx, src_sym, rank)) {
        for (size_t i = 0; i < to.n; i++)
            if (int err = get_bytes(ctx, out + to.off(i), src + from.off(i), to.elem_bytes, rank)) return err;
        return PMX_SUCCESS;
    }
    for (size_t done = 0, n; done < to.n; done += n) {
        n = std::min(to.n - done, per_slot);
        Bounce::Slot slot;
        if (int err = runtime()->bounce->take(ctx, slot)) return err;
        size_t n_commands = from.stride == 1 ? 1 : n, n_bytes = from.stride == 1 ? n * to.elem_bytes : to.elem_bytes;
        int err = PMX_SUCCESS;
        for (size_t i = 0; i < n_commands && !err; i++) {
            pmx_command_t command =
                pmx_command_make(PMX_CMD_GET, 0, static_cast<uint32_t>(rank), slot.heap_off() + i * to.elem_bytes, n_bytes,
                                 detail::heap_off(ctx, src + from.off(done + i)));
            err = detail::push(ctx, rank, &command, 1);
        }
        slot.read_by(detail::queue_of(ctx, rank));
        if (!err) err = complete_rank(ctx, rank);
        if (err) return err;
        for (size_t i = 0; i < n; i++)
            std::memcpy(out + to.off(done + i), slot.bytes() + i * to.elem_bytes, to.elem_bytes);
    }
    return PMX_SUCCESS;
}

Status check_word(Device device, const char* what, const uint64_t* word)
{
    if (detail::good_signal(device, word)) return {};
    return fail(PMX_ERR_ADDRESS, "{} {} is not an 8-byte aligned word of the symmetric heap", what,
                static_cast<const void*>(word));
}

}  // namespace

}  // namespace pmx

using namespace pmx;

extern "C" int pmx_put(pmx_ctx_t ctx, void* dst_sym, const void* src, size_t n_bytes, int dst_rank)
{
    return call(
        "put", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "dst_rank", dst_rank));
            PMX_TRY(check_range(device, "dst_sym", dst_sym, n_bytes));
            return check_memory("src", src, n_bytes);
        },
        [=](Device device) { return put_bytes(device, dst_sym, src, n_bytes, dst_rank); });
}

extern "C" int pmx_get(pmx_ctx_t ctx, void* dst, const void* src_sym, size_t n_bytes, int src_rank)
{
    return call(
        "get", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "src_rank", src_rank));
            PMX_TRY(check_range(device, "src_sym", src_sym, n_bytes));
            return check_memory("dst", dst, n_bytes);
        },
        [=](Device device) { return get_bytes(device, dst, src_sym, n_bytes, src_rank); });
}

extern "C" int pmx_iput(pmx_ctx_t ctx, void* dst_sym, const void* src, size_t dst_stride, size_t src_stride,
                        size_t elem_bytes, size_t n_elems, int dst_rank)
{
    const Strided to = {elem_bytes, n_elems, dst_stride}, from = {elem_bytes, n_elems, src_stride};
    return call(
        "iput", ctx,
        [=](Device device) {
            size_t n_to = 0, n_from = 0;
            PMX_TRY(check_rank(device, "dst_rank", dst_rank));
            PMX_TRY(to.check("dst_stride", n_to));
            PMX_TRY(from.check("src_stride", n_from));
            PMX_TRY(check_range(device, "dst_sym", dst_sym, n_to));
            return check_memory("src", src, n_from);
        },
        [=](Device device) { return put_strided(device, dst_sym, src, to, from, dst_rank); });
}

extern "C" int pmx_iget(pmx_ctx_t ctx, void* dst, const void* src_sym, size_t dst_stride, size_t src_stride,
                        size_t elem_bytes, size_t n_elems, int src_rank)
{
    const Strided to = {elem_bytes, n_elems, dst_stride}, from = {elem_bytes, n_elems, src_stride};
    return call(
        "iget", ctx,
        [=](Device device) {
            size_t n_to = 0, n_from = 0;
            PMX_TRY(check_rank(device, "src_rank", src_rank));
            PMX_TRY(to.check("dst_stride", n_to));
            PMX_TRY(from.check("src_stride", n_from));
            PMX_TRY(check_range(device, "src_sym", src_sym, n_from));
            return check_memory("dst", dst, n_to);
        },
        [=](Device device) { return get_strided(device, dst, src_sym, to, from, src_rank); });
}

extern "C" int pmx_put_value_64(pmx_ctx_t ctx, uint64_t* dst_sym, uint64_t value, int dst_rank)
{
    return call(
        "put_value_64", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "dst_rank", dst_rank));
            return check_word(device, "dst_sym", dst_sym);
        },
        [=](Device device) { return put_value(device, dst_sym, value, dst_rank); });
}

extern "C" int pmx_get_value_64(pmx_ctx_t ctx, const uint64_t* src_sym, int src_rank, uint64_t* value_out)
{
    return call(
        "get_value_64", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "src_rank", src_rank));
            if (!value_out) return fail(PMX_ERR_ARGUMENT, "value_out is NULL");
            return check_word(device, "src_sym", src_sym);
        },
        [=](Device device) {
            int err = get_value(device, value_out, src_sym, src_rank);
            return err == PMX_ERR_UNSUPPORTED ? get_bytes(device, value_out, src_sym, sizeof *value_out, src_rank) : err;
        });
}

extern "C" int pmx_put_signal(pmx_ctx_t ctx, void* dst_sym, const void* src, size_t n_bytes, uint64_t* sig_sym,
                              uint64_t value, pmx_sigop_t op, int dst_rank)
{
    return call(
        "put_signal", ctx,
        [=](Device device) {
            PMX_TRY(check_rank(device, "dst_rank", dst_rank));
            PMX_TRY(check_range(device, "dst_sym", dst_sym, n_bytes));
            PMX_TRY(check_memory("src", src, n_bytes));
            PMX_TRY(check_signal(device, sig_sym));
            return check_choice("op", op, PMX_SIGNAL_ADD);
        },
        [=](Device device) {
            if (int err = put_bytes(device, dst_sym, src, n_bytes, dst_rank)) return err;
            if (Checked* checked = checked_way(ctx, dst_rank, {dst_sym, src, sig_sym}))
                return checked->send(
                    device, {host_off(device, dst_sym), src, n_bytes, host_off(device, sig_sym), value, op}, false, dst_rank);
            /* With nothing to put, the signal alone has the order point behind all puts so far. */
            return put_signal(thread, device, dst_sym, device.heap_base, 0, sig_sym, value, op, dst_rank);
        });
}

extern "C" int pmx_quiet_rank(pmx_ctx_t ctx, int dst_rank)
{
    return call(
        "quiet_rank", ctx, [=](Device device) { return check_rank(device, "dst_rank", dst_rank); },
        [=](Device device) {
            return runtime()->find_context(ctx)->complete_checked(dst_rank, complete_rank(device, dst_rank));
        });
}
