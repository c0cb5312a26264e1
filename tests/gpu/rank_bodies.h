/* SPDX-License-Identifier: BSD-3-Clause */
/* rank_bodies.h: what the kernels of one rank do in ranks.cc, where each rank is a process. One source for GPU and host
 * blocks. */
#pragma once

#include "bodies.h"

/* A kernel of a rank: the view of its context, and where to report. */
struct Player : Reporter {
    pmx_device_ctx_t ctx;
};

struct Clear {
    char* memory;
    uint64_t n_bytes;

    PMX_HOST_DEVICE void operator()() const
    {
        pmx_block_t me = pmx::this_block();
        for (uint64_t i = me.index * me.n_threads + me.thread; i < n_bytes; i += (uint64_t)me.n_blocks * me.n_threads)
            memory[i] = 0;
    }
};

/* How AllToAll sends. */
enum class Way { put_signal, fence, add, group };

/* Every scope sends a cell to every rank in every round, own included; who sees the signal compares the cell, and
 * answers; nobody goes on before all have answered. Cells of odd sizes lie at odd places. */
template <typename Scope>
struct AllToAll {
    Player player;
    Way way;
    uint64_t n_scopes, n_words, n_rounds;
    uint64_t* out;     /* [scopes][words] */
    uint64_t* in;      /* [ranks][scopes][words] */
    uint64_t* sigs;    /* [ranks][scopes] */
    uint64_t* answers; /* [scopes] */
    pmx::Group* groups; /* [ranks], memory of this rank */

    PMX_HOST_DEVICE int send(Scope scope, uint64_t s, uint64_t round, int dst) const
    {
        const pmx_device_ctx_t& ctx = player.ctx;
        uint64_t slot = (uint64_t)ctx.rank * n_scopes + s, n_bytes = 8 * n_words;
        uint64_t *to = in + slot * n_words, *from = out + s * n_words, *sig = sigs + slot;
        if (way == Way::put_signal)
            return pmx::put_signal(scope, ctx, to, from, n_bytes, sig, round, PMX_SIGNAL_SET, dst);
        if (way == Way::add) return pmx::put_signal(scope, ctx, to, from, n_bytes, sig, 1, PMX_SIGNAL_ADD, dst);
        if (int err = pmx::put(scope, ctx, to, from, n_bytes, dst)) return err;
        if (way == Way::group) return pmx::group_arrive(scope, ctx, groups[dst], (uint32_t)s, round);
        if (int err = pmx::fence(scope, ctx, dst)) return err;
        return pmx::signal_set(scope, ctx, sig, round, dst);
    }
    PMX_HOST_DEVICE void operator()() const
    {
        Scope scope{};
        const pmx_device_ctx_t& ctx = player.ctx;
        uint64_t s = scope_number(scope, pmx::this_block().index);
        for (uint64_t round = 1; round <= n_rounds; round++) {
            for (uint64_t i = scope.index(); i < n_words; i += scope.count()) out[s * n_words + i] = pattern(ctx.rank, s, round, i);
            for (int step = 0; step < ctx.size; step++)
                if (player.failed(send(scope, s, round, (ctx.rank + step) % ctx.size))) return;
            for (int src = 0; src < ctx.size; src++) {
                uint64_t slot = (uint64_t)src * n_scopes + s;
                int err = pmx::signal_wait(scope, ctx, sigs + slot, PMX_CMP_GE, round, src);
                if (player.failed(err)) return;
                for (uint64_t i = scope.index(); i < n_words; i += scope.count())
                    player.wrong(in[slot * n_words + i] != pattern(src, s, round, i));
                if (player.failed(pmx::signal_add(scope, ctx, answers + s, 1, src))) return;
            }
            int err = pmx::signal_wait(scope, ctx, answers + s, PMX_CMP_GE, round * (uint64_t)ctx.size);
            if (player.failed(err)) return;
        }
    }
};

/* Each block gets what each rank has in `out`. */
struct GetAll {
    Player player;
    uint64_t n_words;
    uint64_t* out; /* [words], filled by Fill */
    uint64_t* in;  /* [blocks][ranks][words] */

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = player.ctx;
        uint64_t* mine = in + pmx::this_block().index * (uint64_t)ctx.size * n_words;
        for (int src = 0; src < ctx.size; src++)
            if (player.failed(pmx::get(pmx::block, ctx, mine + (uint64_t)src * n_words, out, 8 * n_words, src))) return;
        if (player.failed(pmx::quiet(pmx::block, ctx))) return;
        for (int src = 0; src < ctx.size; src++)
            for (uint64_t i = pmx::block.index(); i < n_words; i += pmx::block.count())
                player.wrong(mine[(uint64_t)src * n_words + i] != pattern(src, 0, 7, i));
    }
};

struct Fill {
    uint64_t* out;
    uint64_t n_words;
    int rank;

    PMX_HOST_DEVICE void operator()() const
    {
        for (uint64_t i = pmx::block.index(); i < n_words; i += pmx::block.count()) out[i] = pattern(rank, 0, 7, i);
    }
};

/* Words: 0 a counter of rank 0, 1 a lock of rank 0, 2 what the lock guards, from 4 on a word for each rank, then one
 * more for each. Every thread of every rank takes part. */
struct Words {
    Player player;
    uint64_t* words;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = player.ctx;
        pmx_block_t me = pmx::this_block();
        uint64_t before = 0, value = 0;
        bool direct = pmx::ptr(ctx, words, 0) != nullptr;
        int err = pmx::atomic_fetch_add(ctx, words, 1, 0, &before);
        player.wrong(direct ? err != PMX_SUCCESS : err != PMX_ERR_UNSUPPORTED);
        if (direct && me.thread == 0) {
            do { /* a lock around a plain increment */
                err = pmx::atomic_compare_swap(ctx, words + 1, 0, 1, 0, &before);
            } while (!err && before != 0);
            player.failed(err);
            player.failed(pmx::get_value(ctx, &value, words + 2, 0));
            player.failed(pmx::put_value(ctx, words + 2, value + 1, 0));
            player.failed(pmx::fence(pmx::thread, ctx, 0));
            player.failed(pmx::atomic_swap(ctx, words + 1, 0, 0, &before));
            player.wrong(before != 1);
        }
        if (me.index != 0) return;
        uint64_t *sigs = words + 4, *more = sigs + ctx.size;
        if (me.thread == 0)
            for (int dst = 0; dst < ctx.size; dst++) {
                player.failed(pmx::put_value(ctx, sigs + ctx.rank, 5, dst));
                if (dst != ctx.rank) player.failed(pmx::put_value(ctx, more + ctx.rank, 6, dst));
            }
        player.failed(pmx::signal_wait_all(pmx::block, ctx, sigs, (uint64_t)ctx.size, PMX_CMP_EQ, 5));
        uint64_t index = 99;
        if (ctx.size > 1) {
            player.failed(pmx::signal_wait_any(ctx, more, (uint64_t)ctx.size, PMX_CMP_EQ, 6, &index));
            player.wrong(index >= (uint64_t)ctx.size || index == (uint64_t)ctx.rank);
        }
        player.wrong(pmx::signal_wait_any(ctx, more, (uint64_t)ctx.size, PMX_CMP_EQ, 77, &index, PMX_RANK_ANY, 2000000) !=
                     PMX_ERR_TIMEOUT);
    }
};

/* Blocks that wait for a rank that is killed meanwhile: block 0 for that one, the others for any. */
struct WaitForLost {
    Player player;
    uint64_t* words;
    int lost;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = player.ctx;
        const bool first = pmx::this_block().index == 0;
        const int err = pmx::signal_wait(pmx::block, ctx, words, PMX_CMP_EQ, 1, first ? lost : PMX_RANK_ANY);
        player.wrong(err != PMX_ERR_PEER_FAILED);
    }
};
