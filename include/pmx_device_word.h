/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_word.h: waits on several signals, and single words of other ranks. Part of pmx_device.h. */
#ifndef PMX_DEVICE_WORD_H
#define PMX_DEVICE_WORD_H

#include "pmx_device.h"

namespace pmx {

/* Waits until the n own words from sig_sym on all compare as asked; the threads of the scope share them. Returns a
 * code at least in the threads whose words did not come. from_rank and timeout_ns as in signal_wait. */
template <typename Scope>
PMX_HOST_DEVICE inline int signal_wait_all(Scope scope, const Ctx& ctx, const uint64_t* sig_sym, uint64_t n,
                                           pmx_cmp_t cmp, uint64_t value, int from_rank = PMX_RANK_ANY,
                                           uint64_t timeout_ns = 0)
{
    int err = detail::good_signal(ctx, sig_sym) && detail::in_heap(ctx, sig_sym, 8 * n) ? PMX_SUCCESS : PMX_ERR_ADDRESS;
    for (uint64_t i = scope.index(); i < n && !err; i += scope.count())
        err = signal_wait(thread, ctx, sig_sym + i, cmp, value, from_rank, timeout_ns);
    scope.sync();
    return err;
}

/* Waits until one of the n (1..) own words from sig_sym on compares as asked. index_out: the lowest that does. By the
 * calling thread alone. */
PMX_HOST_DEVICE inline int signal_wait_any(const Ctx& ctx, const uint64_t* sig_sym, uint64_t n, pmx_cmp_t cmp,
                                           uint64_t value, uint64_t* index_out, int from_rank = PMX_RANK_ANY,
                                           uint64_t timeout_ns = 0)
{
    if (n == 0 || !detail::good_signal(ctx, sig_sym) || !detail::in_heap(ctx, sig_sym, 8 * n)) return PMX_ERR_ADDRESS;
    if (from_rank != PMX_RANK_ANY && (unsigned)from_rank >= (unsigned)ctx.size) return PMX_ERR_RANK;
    return detail::wait_until(ctx, from_rank, timeout_ns, [&] {
        for (uint64_t i = 0; i < n; i++) {
            if (!signal_test(sig_sym + i, cmp, value)) continue;
            *index_out = i;
            return true;
        }
        return false;
    });
}

namespace detail {

/* Finds the word of a rank that this thread loads and stores. PMX_ERR_UNSUPPORTED: only the proxy gets there. */
PMX_HOST_DEVICE inline int direct_word(const Ctx& ctx, const uint64_t* word_sym, int rank, uint64_t** word_out)
{
    if (int err = check(ctx, rank)) return err;
    if (!good_signal(ctx, word_sym)) return PMX_ERR_ADDRESS;
    *word_out = (uint64_t*)ptr(ctx, word_sym, rank);
    return *word_out ? PMX_SUCCESS : PMX_ERR_UNSUPPORTED;
}

}  // namespace detail

/* value into the word dst_sym of dst_rank, as one access; complete and ordered as a put of 8 bytes. */
PMX_HOST_DEVICE inline int put_value(const Ctx& ctx, uint64_t* dst_sym, uint64_t value, int dst_rank)
{
    uint64_t* word = nullptr;
    int err = detail::direct_word(ctx, dst_sym, dst_rank, &word);
    if (!err) detail::store_relaxed(word, value);
    if (err != PMX_ERR_UNSUPPORTED) return err;
    return signal_set(thread, ctx, dst_sym, value, dst_rank);
}

/* The word src_sym of src_rank, as one access. PMX_ERR_UNSUPPORTED: only the proxy gets there; use get and quiet. */
PMX_HOST_DEVICE inline int get_value(const Ctx& ctx, uint64_t* value_out, const uint64_t* src_sym, int src_rank)
{
    uint64_t* word = nullptr;
    if (int err = detail::direct_word(ctx, src_sym, src_rank, &word)) return err;
    *value_out = detail::load_relaxed(word);
    return PMX_SUCCESS;
}

/* Atomic operations on the word word_sym of rank; before_out: the value before. Acquire and release. They are atomic to
 * each other; in the heap of host memory only among the kernels of one GPU, or among the CPUs.
 * PMX_ERR_UNSUPPORTED: only the proxy gets there; signal_add adds everywhere. */
PMX_HOST_DEVICE inline int atomic_fetch_add(const Ctx& ctx, uint64_t* word_sym, uint64_t value, int rank,
                                            uint64_t* before_out)
{
    uint64_t* word = nullptr;
    if (int err = detail::direct_word(ctx, word_sym, rank, &word)) return err;
    *before_out = detail::fetch_add_acq_rel(word, value);
    return PMX_SUCCESS;
}
PMX_HOST_DEVICE inline int atomic_swap(const Ctx& ctx, uint64_t* word_sym, uint64_t value, int rank,
                                       uint64_t* before_out)
{
    uint64_t* word = nullptr;
    if (int err = detail::direct_word(ctx, word_sym, rank, &word)) return err;
    *before_out = detail::exchange_acq_rel(word, value);
    return PMX_SUCCESS;
}
/* Stores value where the word is expected. */
PMX_HOST_DEVICE inline int atomic_compare_swap(const Ctx& ctx, uint64_t* word_sym, uint64_t expected, uint64_t value,
                                               int rank, uint64_t* before_out)
{
    uint64_t* word = nullptr;
    if (int err = detail::direct_word(ctx, word_sym, rank, &word)) return err;
    *before_out = detail::compare_swap_acq_rel(word, expected, value);
    return PMX_SUCCESS;
}

/* Call it before a put, a put_signal or a signal where the data were written by bulk copies or tensor copies (TMA), once
 * they are complete, in the thread that issued them. */
PMX_HOST_DEVICE inline void after_bulk_copies()
{
#ifdef __CUDA_ARCH__
    ptx::fence_proxy_async();
#endif
}

}  // namespace pmx

#endif /* PMX_DEVICE_WORD_H */
