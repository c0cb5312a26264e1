/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_push.h: the checks of a call, its waits, and the way of its commands into a queue. Part of pmx_device.h. */
#ifndef PMX_DEVICE_PUSH_H
#define PMX_DEVICE_PUSH_H

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
 * stores and fences of all kernels. A host thread moves data meanwhile where ctx.progress says how; a turn is longer then,
 * and it gives the core away after a few in vain. */
template <typename Done>
PMX_HOST_DEVICE inline int wait_until(const Ctx& ctx, int from_rank, uint64_t timeout_ns, Done done)
{
    if (done()) return PMX_SUCCESS;
#ifdef __CUDA_ARCH__
    constexpr uint64_t between_looks_ns = 1000000;
#else
    constexpr uint64_t between_looks_ns = 0;
    /* What a rank of this node stores itself comes without a visit. */
    const bool visits = ctx.progress && (from_rank < 0 || !ctx.peer_base[from_rank]);
#endif
    uint64_t limit = timeout_ns ? timeout_ns : ctx.timeout_ns, start = 0, look = 0;
    for (unsigned spins = 0;; spins++) {
        if (done()) return PMX_SUCCESS;
#ifdef __CUDA_ARCH__
        relax(spins);
#else
        if (!visits || !ctx.progress(ctx.progress_arg)) relax(visits ? 8 * spins : spins);
#endif
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
        uint64_t total = n * lanes.count, seen = 0;
        uint64_t first = fetch_add_producers(lanes.index == 0, q.head, total);
        /* Relaxed: who stored it has acquired consumed, and no slot is written before it is read. */
        if (q.consumed_seen) seen = load_relaxed(q.consumed_seen);
        fence_halves(); /* while the two are under way */
        look_now(first, seen);
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
}  // namespace pmx

#endif /* PMX_DEVICE_PUSH_H */
