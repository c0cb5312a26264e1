/* SPDX-License-Identifier: BSD-3-Clause */
/* The promises on effect: everything happens, once, and quiet knows when. */
#include <vector>

#include "tests/proxy/conformance.h"

namespace conformance {

/* The word comes through another context, whose order has nothing to do with that of the puts. */
int quiet_means_visible_at_the_target(const Job& job)
{
    constexpr size_t kBytes = 20000;
    const size_t n = static_cast<size_t>(job.size);
    Sym<unsigned char> in(job, n * kBytes), out(job, n * kBytes);
    Sym<uint64_t> words(job, n);
    int broken = 0;
    for (uint64_t round = 1; round <= 10; round++) {
        for (int dst = 0; dst < job.size; dst++) {
            unsigned char* from = out + static_cast<size_t>(dst) * kBytes;
            fill(from, kBytes, job.rank, dst, round);
            for (size_t at = 0; at < kBytes; at += kBytes / 10)
                MUST(pmx_put_nbi(job.ctx, in + static_cast<size_t>(job.rank) * kBytes + at, from + at, kBytes / 10, dst));
        }
        MUST(pmx_quiet(job.ctx));
        for (int dst = 0; dst < job.size; dst++)
            MUST(pmx_signal_set(PMX_CTX_DEFAULT, words + static_cast<size_t>(job.rank), round, dst));
        for (int src = 0; src < job.size; src++) {
            MUST(pmx_signal_wait(PMX_CTX_DEFAULT, words + static_cast<size_t>(src), PMX_CMP_EQ, round, src, 0, nullptr));
            broken += !arrived_whole(in + static_cast<size_t>(src) * kBytes, kBytes, src, job.rank, round,
                                     "quiet returned before the data were there");
        }
        MUST(pmx_barrier());
    }
    return broken;
}

int adds_happen_exactly_once(const Job& job)
{
    Sym<uint64_t> sum(job, 1);
    Sym<char> cell(job, 64);
    uint64_t expected = 0;
    for (int i = 1; i <= job.n_ops; i++) {
        uint64_t value = static_cast<uint64_t>(i) << (i % 3 * 16);
        expected += value * static_cast<uint64_t>(job.size);
        for (int dst = 0; dst < job.size; dst++) {
            if (i % 2)
                MUST(pmx_signal_add(job.ctx, sum + 0, value, dst));
            else
                MUST(pmx_put_signal_nbi(job.ctx, cell + 0, cell + 0, i % 64, sum + 0, value, PMX_SIGNAL_ADD, dst));
        }
    }
    MUST(pmx_signal_wait(job.ctx, sum + 0, PMX_CMP_GE, expected, PMX_RANK_ANY, 0, nullptr));
    MUST(pmx_quiet(job.ctx));
    MUST(pmx_barrier());
    if (sum[0] == expected) return 0;
    std::fprintf(stderr, "rank %d: the sum is %llu, expected %llu\n", job.rank,
                 static_cast<unsigned long long>(sum[0]), static_cast<unsigned long long>(expected));
    return 1;
}

int zero_length_and_self_puts_work(const Job& job)
{
    const size_t n = static_cast<size_t>(job.size);
    Sym<uint64_t> words(job, n), box(job, 2);
    int broken = 0;
    for (uint64_t round = 1; round <= 20; round++) {
        for (int dst = 0; dst < job.size; dst++)
            MUST(pmx_put_signal_nbi(job.ctx, box + 1, box + 0, 0, words + static_cast<size_t>(job.rank), round,
                                    PMX_SIGNAL_SET, dst));
        for (int src = 0; src < job.size; src++)
            MUST(pmx_signal_wait(job.ctx, words + static_cast<size_t>(src), PMX_CMP_EQ, round, src, 0, nullptr));
        broken += box[1] != 0;
        MUST(pmx_barrier());
    }
    box[0] = 4711;
    MUST(pmx_put_nbi(job.ctx, box + 1, box + 0, 8, job.rank));
    MUST(pmx_put_nbi(job.ctx, box + 1, box + 0, 0, job.rank));
    MUST(pmx_quiet(job.ctx));
    return broken + (box[1] != 4711);
}

/* More than any queue holds, without a look at the completions; then each counted exactly. */
int a_storm_of_operations_completes(const Job& job)
{
    const int n_puts = 20 * job.n_ops;
    const size_t n = static_cast<size_t>(job.size);
    Sym<uint64_t> cells(job, n * 64), out(job, 64);
    for (uint64_t i = 0; i < 64; i++) out[i] = static_cast<uint64_t>(job.rank) << 32 | i;
    pmx_counters_t before{}, after{};
    before.size_bytes = after.size_bytes = sizeof before;
    MUST(pmx_counters_get(job.ctx, &before));
    uint64_t n_network = 0;
    for (int i = 0; i < n_puts; i++)
        for (int dst = 0; dst < job.size; dst++) {
            size_t cell = static_cast<size_t>(i % 64);
            n_network += job.device.peer_base[dst] == nullptr;
            MUST(pmx_put_nbi(job.ctx, cells + static_cast<size_t>(job.rank) * 64 + cell, out + cell, 8, dst));
        }
    MUST(pmx_quiet(job.ctx));
    MUST(pmx_counters_get(job.ctx, &after));
    MUST(pmx_barrier());
    int broken = 0;
    for (uint64_t src = 0; src < n; src++)
        for (uint64_t i = 0; i < 64 && i < static_cast<uint64_t>(n_puts); i++)
            broken += cells[src * 64 + i] != (src << 32 | i);
    broken += after.puts - before.puts != n_network || after.completions - before.completions != n_network;
    broken += after.errors != before.errors;
    if (broken) std::fprintf(stderr, "rank %d: a storm of puts lost something\n", job.rank);
    return broken;
}

/* Sixteen contexts at once, each with its own signals, in the mode of the job. */
int contexts_do_not_disturb_each_other(const Job& job)
{
    constexpr size_t kContexts = 16;
    pmx_ctx_attr_t attr{};
    attr.size_bytes = sizeof attr;
    MUST(pmx_ctx_query(job.ctx, &attr));
    attr.n_queues = 1;
    std::vector<pmx_ctx_t> contexts(kContexts);
    for (pmx_ctx_t& ctx : contexts) MUST(pmx_ctx_create(&attr, &ctx));
    int broken = 0;
    {
        const size_t n = static_cast<size_t>(job.size);
        constexpr size_t kBytes = 256;
        Sym<unsigned char> in(job, n * kContexts * kBytes), out(job, n * kContexts * kBytes);
        Sym<uint64_t> words(job, n * kContexts);
        for (uint64_t round = 1; round <= 5; round++) {
            for (int dst = 0; dst < job.size; dst++)
                for (size_t c = 0; c < kContexts; c++) {
                    unsigned char* from = out + (static_cast<size_t>(dst) * kContexts + c) * kBytes;
                    size_t cell = static_cast<size_t>(job.rank) * kContexts + c;
                    fill(from, kBytes, job.rank, dst, round * 100 + c);
                    MUST(pmx_put_signal_nbi(contexts[c], in + cell * kBytes, from, kBytes, words + cell, round,
                                            PMX_SIGNAL_SET, dst));
                }
            for (int src = 0; src < job.size; src++)
                for (size_t c = 0; c < kContexts; c++) {
                    size_t cell = static_cast<size_t>(src) * kContexts + c;
                    MUST(pmx_signal_wait(contexts[c], words + cell, PMX_CMP_EQ, round, src, 0, nullptr));
                    broken += !arrived_whole(in + cell * kBytes, kBytes, src, job.rank, round * 100 + c,
                                             "a signal of one of many contexts was seen before its data");
                }
            for (pmx_ctx_t ctx : contexts) MUST(pmx_quiet(ctx));
            MUST(pmx_barrier());
        }
    }
    for (pmx_ctx_t ctx : contexts) MUST(pmx_ctx_free(ctx));
    return broken;
}

int gets_bring_what_is_there(const Job& job)
{
    constexpr size_t kBytes = 70001;
    const size_t n = static_cast<size_t>(job.size);
    Sym<unsigned char> mine(job, kBytes), got(job, n * kBytes);
    int broken = 0;
    for (uint64_t round = 1; round <= 5; round++) {
        fill(mine + 0, kBytes, job.rank, 0, round);
        MUST(pmx_barrier());
        for (int src = 0; src < job.size; src++) {
            MUST(pmx_get_nbi(job.ctx, got + static_cast<size_t>(src) * kBytes, mine + 0, kBytes - 8, src));
            MUST(pmx_get_nbi(job.ctx, got + static_cast<size_t>(src + 1) * kBytes - 8, mine + kBytes - 8, 8, src));
            MUST(pmx_get_nbi(job.ctx, got + 0, mine + 0, 0, src));
        }
        MUST(pmx_quiet(job.ctx));
        for (int src = 0; src < job.size; src++)
            for (size_t i = 0; i < kBytes; i++)
                if (got[static_cast<size_t>(src) * kBytes + i] != pattern(src, 0, round, i)) {
                    std::fprintf(stderr, "rank %d: byte %zu got from rank %d is wrong\n", job.rank, i, src);
                    broken++;
                    break;
                }
        MUST(pmx_barrier());
    }
    return broken;
}

}  // namespace conformance
