/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_group.h: puts to one rank and the signals that announce them, committed together by the last block
 * to arrive: who sees ANY signal of the group sees ALL its puts. Part of pmx_device.h. */
#ifndef PMX_DEVICE_GROUP_H
#define PMX_DEVICE_GROUP_H

#include "pmx_device.h"

namespace pmx {

/* A group and its signals, a run of n words on dst_rank. Memory of this rank, shared by the blocks that take
 * part. Filled once, with arrived 0; ready for use again when it has been committed. */
struct Group {
    int dst_rank;
    uint32_t n;             /* signals, and arrivals that make the group, 1..PMX_CMD_MAX_RUN */
    uint64_t* sig_sym;      /* the first word, as a symmetric address */
    uint64_t stride_bytes;  /* from one word to the next, a multiple of 8 */
    /* [n] in the own heap of host memory: what each word is set to. Writers: the blocks, before they arrive. Reader: the
     * proxy, until the commit is complete (quiet, or the receiver has answered): not written again before. */
    uint64_t* values_sym;
    /* Writers: the blocks that take part, acq_rel, after their puts are queued and values_sym[i] is written: the
     * last to arrive sees all of them. It sets 0 again before it commits. Blocks of a GPU: in its memory. */
    uint32_t arrived;
};

namespace detail {

/* The signals by one command, or one by one where each has an order point of its own or is a plain store. */
PMX_HOST_DEVICE inline int commit(const Ctx& ctx, const Group& group)
{
    char* first = (char*)group.sig_sym;
    if (!bases_of(ctx, group.dst_rank).host && ctx.signals != PMX_SIGNALS_COUPLED) {
        pmx_command_t run = pmx_command_make(PMX_CMD_SIGNAL_RUN, PMX_CMD_ORDER | PMX_CMD_COMMIT,
                                             (uint32_t)group.dst_rank, heap_off(ctx, group.values_sym),
                                             pmx_command_run_make(group.n, group.stride_bytes), heap_off(ctx, first));
        return push(ctx, group.dst_rank, &run, 1);
    }
    for (uint32_t i = 0; i < group.n; i++, first += group.stride_bytes) {
        if (void* direct = ptr(ctx, first, group.dst_rank)) {
            store_release((uint64_t*)direct, group.values_sym[i]);
            continue;
        }
        pmx_command_t command = signal_command(heap_off(ctx, first), group.values_sym[i], PMX_SIGNAL_SET, PMX_CMD_ORDER,
                                               group.dst_rank);
        if (int err = push(ctx, group.dst_rank, &command, 1)) return err;
    }
    return PMX_SUCCESS;
}

PMX_HOST_DEVICE inline bool good_group(const Ctx& ctx, const Group& group, uint32_t i)
{
    uint64_t span = (uint64_t)(group.n - 1) * group.stride_bytes;
    return i < group.n && (group.stride_bytes & 7) == 0 && (group.stride_bytes != 0 || group.n == 1) &&
           good_signal(ctx, group.sig_sym) && in_heap(ctx, group.sig_sym, span + 8) &&
           good_signal(ctx, group.values_sym) && !in_gpu_heap(ctx, group.values_sym) &&
           in_heap(ctx, group.values_sym, 8 * (uint64_t)group.n);
}

}  // namespace detail

/* What the scope has put to group.dst_rank through ctx is part of the group, and word i of its run is to become
 * value. The last of group.n arrivals commits: all signals behind one order point (coupled signals: one each).
 * PMX_ERR_ADDRESS: i or the run is not right; the group then never commits. */
template <typename Scope>
PMX_HOST_DEVICE inline int group_arrive(Scope scope, const Ctx& ctx, Group& group, uint32_t i, uint64_t value)
{
    if (int err = detail::check(ctx, group.dst_rank)) return err;
    if (!detail::good_group(ctx, group, i)) return PMX_ERR_ADDRESS;
    scope.sync();
    if (scope.index() != 0) return PMX_SUCCESS;
    group.values_sym[i] = value;
    if (detail::fetch_add_acq_rel(&group.arrived, 1u) + 1 != group.n) return PMX_SUCCESS;
    detail::store_relaxed(&group.arrived, 0u);
    return detail::commit(ctx, group);
}

}  // namespace pmx

#endif /* PMX_DEVICE_GROUP_H */
