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
#include "pmx_device_ctx.h"
#include "pmx_device_scope.h"

namespace pmx {

namespace detail {

PMX_HOST_DEVICE inline bool good_signal(const Ctx& ctx, const uint64_t* sig)
{
    return ((uintptr_t)sig & 7) == 0 && in_heap(ctx, sig, 8);
}

/* The code for which a wait on from_rank must end now, or 0. */
PMX_HOST_DEVICE inline int fault_of(const Ctx& ctx, int from_rank)
{
    if (int32_t err = load_acquire(ctx.fault)) return err;
    if (from_rank == PMX_RANK_ANY ? load_acquire(ctx.n_failed) != 0
                                  : load_acquire(&ctx.peer_failed[from_rank]) != 0)
        return PMX_ERR_PEER_FAILED;
    return PMX_SUCCESS;
}

inline constexpr int kNoRank = -2; /* a wait that no single rank's failure ends */

/* The one spin of this header. done() is asked once more after a fault or the time limit. A GPU looks at its clock at
 * every 64th turn, and at the fault words, which are across PCIe, once in a millisecond: reads from there hold up the
 * stores and fences of all kernels. */
template <typename Done>
PMX_HOST_DEVICE inline int wait_until(const Ctx& ctx, int from_rank, uint64_t timeout_ns, Done done)
{
    if (done()) return PMX_SUCCESS;
#ifdef __CUDA_ARCH__
    constexpr uint64_t between_looks_ns = 1000000;
#else
    constexpr uint64_t between_looks_ns = 0;
#endif
    uint64_t limit = timeout_ns ? timeout_ns : ctx.timeout_ns, start = 0, look = 0;
    for (unsigned spins = 0;; spins++) {
        if (done()) return PMX_SUCCESS;
        relax(spins);
        if (spins % 64 != 63) continue;
        uint64_t now = now_ns();
        if (start == 0) {
            start = now;
            look = now + between_looks_ns;
        }
        int err = now - start > limit ? PMX_ERR_TIMEOUT : PMX_SUCCESS;
        if (!err && now < look) continue;
        look = now + between_looks_ns;
        int fault = from_rank == kNoRank ? load_acquire(ctx.fault) : fault_of(ctx, from_rank);
        if (fault) err = fault;
        if (err) return done() ? PMX_SUCCESS : err;
    }
}

/* Whether a word that the proxy counts up has come to target. seen: the copy near to the caller, or NULL. */
PMX_HOST_DEVICE inline bool reached(const uint64_t* word, uint64_t* seen, uint64_t target)
{
    if (seen && (int64_t)(load_acquire(seen) - target) >= 0) return true;
    uint64_t now = load_acquire(word);
    if (seen) store_release(seen, now);
    return (int64_t)(now - target) >= 0;
}

/* Queues n commands (1..7) at consecutive indices. A time-out leaves a hole in the ring that the proxy cannot
 * pass, so it becomes the fault of the whole context. */
PMX_HOST_DEVICE inline int push(const Ctx& ctx, int dst_rank, const pmx_command_t* commands, unsigned n)
{
    const pmx_device_queue_t q = queue_of(ctx, dst_rank);
    int err = PMX_SUCCESS;
    by_key((uintptr_t)q.head | n, [&](const Lanes& lanes) {
        uint64_t total = n * lanes.count, seen = 0, first = 0;
        if (lanes.index == 0) {
            /* Relaxed: who stored it has acquired consumed, and no slot is written before it is read. */
            if (q.consumed_seen) seen = load_relaxed(q.consumed_seen);
            first = fetch_add_relaxed(q.head, total);
        }
        fence_halves(); /* while the two are under way */
        if (lanes.index == 0 && first + total - seen > q.capacity) {
            err = wait_until(ctx, kNoRank, 0,
                             [&] { return reached(q.consumed, q.consumed_seen, first + total - q.capacity); });
            if (err) store_release(ctx.fault, (int32_t)err);
        }
        err = lanes.from_first(err);
        first = lanes.from_first(first) + n * lanes.index;
        for (uint64_t i = first; i < first + n && !err; i++) {
            pmx_command_t* slot = &q.entries[i & (q.capacity - 1)];
            const pmx_command_t& command = commands[i - first];
            uint64_t parity = pmx_command_parity(i, q.capacity);
            store_half(&slot->word[0], command.word[0] | parity, command.word[1]);
            store_half(&slot->word[2], command.word[2] | parity, command.word[3]);
        }
    });
    return err;
}

PMX_HOST_DEVICE inline void apply_signal(uint64_t* word, uint64_t value, pmx_sigop_t op)
{
    if (op == PMX_SIGNAL_ADD)
        fetch_add_release(word, value);
    else
        store_release(word, value);
}

/* Where the ADDs of other ranks to words in GPU memory come from their owner's proxy, all of them do: it is no atomic
 * operation of the GPU. */
PMX_HOST_DEVICE inline bool by_proxy(const Ctx& ctx, const uint64_t* sig_sym, pmx_sigop_t op)
{
    return op == PMX_SIGNAL_ADD && ctx.n_queues != 0 && in_gpu_heap(ctx, sig_sym);
}

PMX_HOST_DEVICE inline int check(const Ctx& ctx, int dst_rank)
{
    if ((unsigned)dst_rank >= (unsigned)ctx.size) return PMX_ERR_RANK;
#ifdef __CUDA_ARCH__
    return PMX_SUCCESS;
#else
    return fault_of(ctx, dst_rank);
#endif
}

PMX_HOST_DEVICE inline pmx_command_t put_command(const Ctx& ctx, void* dst_sym, const void* src_sym,
                                                 uint64_t n_bytes, int dst_rank)
{
    return pmx_command_make(PMX_CMD_PUT, 0, (uint32_t)dst_rank, heap_off(ctx, src_sym), n_bytes,
                            heap_off(ctx, dst_sym));
}
PMX_HOST_DEVICE inline pmx_command_t signal_command(uint64_t sig_off, uint64_t value, pmx_sigop_t op,
                                                    unsigned flags, int dst_rank)
{
    return pmx_command_make(op == PMX_SIGNAL_ADD ? PMX_CMD_SIGNAL_ADD : PMX_CMD_SIGNAL_SET, flags,
                            (uint32_t)dst_rank, value, 0, sig_off);
}

PMX_HOST_DEVICE inline int complete_all(const Ctx& ctx)
{
    for (unsigned i = 0; i < ctx.n_queues; i++) {
        const pmx_device_queue_t& q = ctx.queues[i];
        uint64_t upto = load_relaxed(q.head);
        int err = wait_until(ctx, kNoRank, 0, [&] { return reached(q.completed, q.completed_seen, upto); });
        if (err) return err;
    }
    fence_release();
    return fault_of(ctx, PMX_RANK_ANY);
}

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
    if (int err = detail::check(ctx, dst_rank)) return err;
    if (!detail::in_heap(ctx, dst_sym, n_bytes) || !detail::in_heap(ctx, src_sym, n_bytes) ||
        !detail::good_signal(ctx, sig_sym))
        return PMX_ERR_ADDRESS;
    detail::Bases bases = detail::bases_of(ctx, dst_rank);
    bool direct = bases.host;
    uint64_t* sig_direct = (uint64_t*)detail::moved(ctx, bases, sig_sym);
    if (direct)
        detail::copy(scope, detail::moved(ctx, bases, dst_sym), src_sym, n_bytes);
    else
        scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    if (direct && !detail::by_proxy(ctx, sig_sym, op)) {
        detail::apply_signal(sig_direct, value, op);
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
        detail::apply_signal((uint64_t*)direct, value, op);
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
