/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device.h: put, signal, wait and groups for the blocks of a kernel. Header only.
 *
 * A block is a group of threads that can meet at a barrier. nvcc compiles this header for the kernels of a
 * GPU, g++ for host threads that play blocks (pmx_launch). The first argument of a call is its scope:
 *   pmx::thread   the calling thread alone makes the call; lanes of a warp that make it at the same time
 *                 reserve their places in the queue together
 *   pmx::warp     all threads of the warp make the call together, with the same arguments
 *   pmx::block    all threads of the block make the call together, with the same arguments
 * A call of several threads holds their barrier before it publishes, so what any of them wrote before is
 * covered.
 *
 * Calls return 0 or a PMX_ERR_* code: PMX_ERR_ADDRESS (not in the heap, or a misaligned signal) and
 * PMX_ERR_RANK in all threads of the scope, nothing being queued; PMX_ERR_PEER_FAILED, PMX_ERR_TIMEOUT or
 * the code of a job that is coming down at least in thread 0 of the scope, which is the one that queues.
 * On a GPU the fault words are far: only calls that wait look at them.
 *
 * Memory ordering. put_signal releases what the scope wrote before; signal_wait and a hit of signal_test
 * acquire what the sender released. Puts without a signal are ordered by fence and completed by quiet. */
#ifndef PMX_DEVICE_H
#define PMX_DEVICE_H

#include "pmx.h"
#include "pmx_atomic.h"
#include "pmx_command.h"
#include "pmx_device_copy.h"
#include "pmx_device_ctx.h"
#include "pmx_device_push.h"
#include "pmx_device_scope.h"

namespace pmx {

namespace detail {

PMX_HOST_DEVICE inline void apply_signal(uint64_t* word, uint64_t value, pmx_sigop_t op)
{
    if (op == PMX_SIGNAL_ADD)
        fetch_add_release(word, value);
    else
        store_release(word, value);
}
/* The same at dst_rank. in_gpu: the word lies in the heap of GPU memory. */
PMX_HOST_DEVICE inline void apply_signal_at(const Ctx& ctx, int dst_rank, bool in_gpu, uint64_t* word, uint64_t value,
                                            pmx_sigop_t op)
{
#ifdef __CUDA_ARCH__
    if (in_gpu && dst_rank < PMX_DEVICE_NEAR_RANKS && (ctx.near_one_gpu >> dst_rank & 1) != 0) {
        if (op == PMX_SIGNAL_ADD)
            ptx::add_release_gpu(word, value);
        else
            ptx::store_release_gpu(word, value);
        return;
    }
#else
    (void)ctx, (void)dst_rank, (void)in_gpu;
#endif
    apply_signal(word, value, op);
}

/* Where the ADDs of other ranks to words in GPU memory come from their owner's proxy, all of them do: it is no atomic
 * operation of the GPU. */
PMX_HOST_DEVICE inline bool by_proxy(const Ctx& ctx, const uint64_t* sig_sym, pmx_sigop_t op)
{
    return op == PMX_SIGNAL_ADD && ctx.n_queues != 0 && in_gpu_heap(ctx, sig_sym);
}

#ifdef __CUDACC__
/* put_signal where the three objects lie in the heap of GPU memory and this kernel stores into that of dst_rank: what is
 * usual between GPUs of a node. False: it is not so, and nothing is done. A microsecond is few instructions: the loads
 * begin when the source has been checked, the rest of the checks is done while they are under way, and warps of a block
 * that have nothing to copy check nothing. Heaps begin at multiples of 16. */
template <typename Scope>
__device__ inline bool put_signal_near(Scope scope, const Ctx& ctx, void* dst_sym, const void* src_sym, uint64_t n_bytes,
                                       uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank)
{
    const unsigned index = scope.index(), count = scope.count();
    const bool lines = (((unsigned)(uintptr_t)dst_sym | (unsigned)(uintptr_t)src_sym) & 15) == 0;
    const bool idle = Scope::kWide && lines && index >= 32 && (uint64_t)index * 16 >= n_bytes;
    char* peer = nullptr;
    bool near = true;
    scope.sync();
    if (!idle) {
        const uint64_t last = ctx.gpu_bytes - n_bytes;
        near = (n_bytes <= ctx.gpu_bytes) & ((uint64_t)((const char*)src_sym - ctx.gpu_base) <= last);
        const auto allow = [&]() -> char* {
            if ((unsigned)dst_rank < PMX_DEVICE_NEAR_RANKS)
                peer = ctx.near_gpu_peer_base[dst_rank];
            else if ((unsigned)dst_rank < (unsigned)ctx.size && ctx.gpu_bytes != 0)
                peer = ctx.gpu_peer_base[dst_rank];
            const uint64_t dst_off = (uint64_t)((char*)dst_sym - ctx.gpu_base);
            const bool all = (peer != nullptr) & (dst_off <= last) & (((uintptr_t)sig_sym & 7) == 0) &
                             ((uint64_t)((char*)sig_sym - ctx.gpu_base) <= ctx.gpu_bytes - 8) &
                             ((op != PMX_SIGNAL_ADD) | (ctx.n_queues == 0));
            return all ? peer + dst_off : nullptr;
        };
        if (near)
            near = copy_asking<Scope::kWide>(lines, (const char*)src_sym, n_bytes, index, count, allow);
    }
    if (!scope.agree(near)) return false;
    if (index == 0)
        apply_signal_at(ctx, dst_rank, true, (uint64_t*)(peer + ((char*)sig_sym - ctx.gpu_base)), value, op);
    return true;
}
#endif

}  // namespace detail

/* Where this process maps ptr_sym of rank, or NULL when only the proxy reaches it. */
PMX_HOST_DEVICE inline void* ptr(const Ctx& ctx, const void* ptr_sym, int rank)
{
    detail::Bases bases = detail::bases_of(ctx, rank);
    return bases.host ? detail::moved(ctx, bases, ptr_sym) : nullptr;
}

/* n_bytes (0..) from src_sym in the own heap to dst_sym on dst_rank. src_sym must stay unchanged until
 * quiet, or until the receiver has answered. */
template <typename Scope>
PMX_HOST_DEVICE inline int put(Scope scope, const Ctx& ctx, void* dst_sym, const void* src_sym,
                               uint64_t n_bytes, int dst_rank)
{
    if (int err = detail::check(ctx, dst_rank)) return err;
    if (!detail::in_heap(ctx, dst_sym, n_bytes) || !detail::in_heap(ctx, src_sym, n_bytes))
        return PMX_ERR_ADDRESS;
    if (void* direct = ptr(ctx, dst_sym, dst_rank)) {
        detail::copy(scope, direct, src_sym, n_bytes);
        return PMX_SUCCESS;
    }
    scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    pmx_command_t command = detail::put_command(ctx, dst_sym, src_sym, n_bytes, dst_rank);
    return detail::push(ctx, dst_rank, &command, 1);
}

/* n_bytes (0..) from src_sym on src_rank to dst_sym in the own heap; they are there after quiet. */
template <typename Scope>
PMX_HOST_DEVICE inline int get(Scope scope, const Ctx& ctx, void* dst_sym, const void* src_sym,
                               uint64_t n_bytes, int src_rank)
{
    if (int err = detail::check(ctx, src_rank)) return err;
    if (!detail::in_heap(ctx, dst_sym, n_bytes) || !detail::in_heap(ctx, src_sym, n_bytes))
        return PMX_ERR_ADDRESS;
    if (const void* direct = ptr(ctx, src_sym, src_rank)) {
        detail::copy(scope, dst_sym, direct, n_bytes);
        return PMX_SUCCESS;
    }
    scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    pmx_command_t command =
        pmx_command_make(PMX_CMD_GET, 0, (uint32_t)src_rank, detail::heap_off(ctx, dst_sym), n_bytes,
                         detail::heap_off(ctx, src_sym));
    return detail::push(ctx, src_rank, &command, 1);
}

/* put, then a signal that is never seen before its data. */
template <typename Scope>
PMX_HOST_DEVICE inline int put_signal(Scope scope, const Ctx& ctx, void* dst_sym, const void* src_sym,
                                      uint64_t n_bytes, uint64_t* sig_sym, uint64_t value, pmx_sigop_t op,
                                      int dst_rank)
{
#ifdef __CUDA_ARCH__
    if (detail::put_signal_near(scope, ctx, dst_sym, src_sym, n_bytes, sig_sym, value, op, dst_rank)) return PMX_SUCCESS;
#endif
    if (int err = detail::check(ctx, dst_rank)) return err;
    if (!detail::in_heap(ctx, dst_sym, n_bytes) || !detail::in_heap(ctx, src_sym, n_bytes) ||
        !detail::good_signal(ctx, sig_sym))
        return PMX_ERR_ADDRESS;
    detail::Bases bases = detail::bases_of(ctx, dst_rank);
    bool direct = bases.host;
    uint64_t* sig_direct = (uint64_t*)detail::moved(ctx, bases, sig_sym);
    if (direct)
        detail::copy_briefly(scope, detail::moved(ctx, bases, dst_sym), src_sym, n_bytes);
    else
        scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    if (direct && !detail::by_proxy(ctx, sig_sym, op)) {
        detail::apply_signal_at(ctx, dst_rank, detail::in_gpu_heap(ctx, sig_sym), sig_direct, value, op);
        return PMX_SUCCESS;
    }
    pmx_command_t pair[2] = {
        detail::put_command(ctx, dst_sym, src_sym, n_bytes, dst_rank),
        detail::signal_command(detail::heap_off(ctx, sig_sym), value, op, PMX_CMD_ORDER, dst_rank)};
    return direct ? detail::push(ctx, dst_rank, pair + 1, 1) : detail::push(ctx, dst_rank, pair, 2);
}

/* A signal alone: not ordered after earlier puts. */
template <typename Scope>
PMX_HOST_DEVICE inline int signal(Scope scope, const Ctx& ctx, uint64_t* sig_sym, uint64_t value,
                                  pmx_sigop_t op, int dst_rank)
{
    if (int err = detail::check(ctx, dst_rank)) return err;
    if (!detail::good_signal(ctx, sig_sym)) return PMX_ERR_ADDRESS;
    scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    void* direct = ptr(ctx, sig_sym, dst_rank);
    if (direct && !detail::by_proxy(ctx, sig_sym, op)) {
        detail::apply_signal_at(ctx, dst_rank, detail::in_gpu_heap(ctx, sig_sym), (uint64_t*)direct, value, op);
        return PMX_SUCCESS;
    }
    pmx_command_t command = detail::signal_command(detail::heap_off(ctx, sig_sym), value, op, 0, dst_rank);
    return detail::push(ctx, dst_rank, &command, 1);
}
template <typename Scope>
PMX_HOST_DEVICE inline int signal_set(Scope scope, const Ctx& ctx, uint64_t* sig_sym, uint64_t value,
                                      int dst_rank)
{
    return signal(scope, ctx, sig_sym, value, PMX_SIGNAL_SET, dst_rank);
}
template <typename Scope>
PMX_HOST_DEVICE inline int signal_add(Scope scope, const Ctx& ctx, uint64_t* sig_sym, uint64_t value,
                                      int dst_rank)
{
    return signal(scope, ctx, sig_sym, value, PMX_SIGNAL_ADD, dst_rank);
}

/* What this context sends to dst_rank from here on becomes visible there after what it sent before.
 * Waits for nothing. */
template <typename Scope>
PMX_HOST_DEVICE inline int fence(Scope scope, const Ctx& ctx, int dst_rank)
{
    if (int err = detail::check(ctx, dst_rank)) return err;
    scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    if (detail::bases_of(ctx, dst_rank).host) {
        detail::fence_release();
        return PMX_SUCCESS;
    }
    pmx_command_t command = pmx_command_make(PMX_CMD_FENCE, 0, (uint32_t)dst_rank, 0, 0, 0);
    return detail::push(ctx, dst_rank, &command, 1);
}

/* Returns when everything this context has queued is complete at its targets. PMX_ERR_PEER_FAILED: a rank
 * has failed; the rest is complete. */
template <typename Scope>
PMX_HOST_DEVICE inline int quiet(Scope scope, const Ctx& ctx)
{
    scope.sync();
    int err = scope.index() == 0 ? detail::complete_all(ctx) : PMX_SUCCESS;
    scope.sync();
    return err;
}

PMX_HOST_DEVICE inline bool compare(uint64_t seen, pmx_cmp_t cmp, uint64_t value)
{
    switch (cmp) {
        case PMX_CMP_EQ:
            return seen == value;
        case PMX_CMP_NE:
            return seen != value;
        case PMX_CMP_GT:
            return seen > value;
        case PMX_CMP_GE:
            return seen >= value;
        case PMX_CMP_LT:
            return seen < value;
        case PMX_CMP_LE:
            return seen <= value;
    }
    return false;
}

/* Whether the own word compares as asked now; acquires. value_out (may be NULL): the value seen. */
PMX_HOST_DEVICE inline bool signal_test(const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value,
                                        uint64_t* value_out = nullptr)
{
    uint64_t seen = detail::load_acquire(sig_sym);
    if (!compare(seen, cmp, value)) return false;
    if (value_out) *value_out = seen;
    return true;
}

/* Waits until the own word compares as asked. from_rank: who is to send it (its failure ends the wait), or
 * PMX_RANK_ANY. timeout_ns 0: that of the context. With value_out, and on a CPU, each thread of the scope waits for
 * itself. */
template <typename Scope>
PMX_HOST_DEVICE inline int signal_wait(Scope scope, const Ctx& ctx, const uint64_t* sig_sym, pmx_cmp_t cmp,
                                       uint64_t value, int from_rank = PMX_RANK_ANY, uint64_t timeout_ns = 0,
                                       uint64_t* value_out = nullptr)
{
    if (!detail::good_signal(ctx, sig_sym)) return PMX_ERR_ADDRESS;
    if (from_rank != PMX_RANK_ANY && (unsigned)from_rank >= (unsigned)ctx.size) return PMX_ERR_RANK;
    auto done = [&] { return signal_test(sig_sym, cmp, value, value_out); };
#ifdef __CUDA_ARCH__
    /* One thread polls, and its acquire holds for all behind the barrier. */
    if (!value_out) {
        int err = scope.index() == 0 ? detail::wait_until(ctx, from_rank, timeout_ns, done) : PMX_SUCCESS;
        return scope.from_first(err);
    }
#endif
    int err = detail::wait_until(ctx, from_rank, timeout_ns, done);
    scope.sync();
    return err;
}

}  // namespace pmx

#include "pmx_device_group.h"
#include "pmx_device_word.h"

#endif /* PMX_DEVICE_H */
