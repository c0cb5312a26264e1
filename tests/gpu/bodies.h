/* SPDX-License-Identifier: BSD-3-Clause */
/* bodies.h: what the kernels of the device tests do, one source for GPU and host blocks. */
#pragma once

#include "pmx_device.h"

constexpr int kMaxRanks = 4;

/* What the threads of a kernel found, in memory near to them. Writers: threads, relaxed. Reader: the CPU, when the
 * kernel has ended. */
struct Report {
    uint32_t n_wrong; /* bytes, words or results that are not as promised */
    uint32_t n_errors;
    int32_t error; /* one of them */
};

/* Where the threads of a kernel report. */
struct Reporter {
    Report* report;

    PMX_HOST_DEVICE void wrong(bool is) const
    {
        if (is) pmx::detail::fetch_add_relaxed(&report->n_wrong, 1u);
    }
    PMX_HOST_DEVICE bool failed(int err) const
    {
        if (!err) return false;
        pmx::detail::store_relaxed(&report->error, (int32_t)err);
        pmx::detail::fetch_add_relaxed(&report->n_errors, 1u);
        return true;
    }
};

/* The ranks of the world as a kernel plays them: block b is one of rank b % size. */
struct Stage : Reporter {
    pmx_device_ctx_t ctx[kMaxRanks];
    int size;

    PMX_HOST_DEVICE int rank() const { return (int)(pmx::this_block().index % (unsigned)size); }
    /* Number of this block among those of its rank, and how many there are. */
    PMX_HOST_DEVICE unsigned block() const { return pmx::this_block().index / (unsigned)size; }
    PMX_HOST_DEVICE unsigned n_blocks() const { return pmx::this_block().n_blocks / (unsigned)size; }
    PMX_HOST_DEVICE const pmx_device_ctx_t& own() const { return ctx[rank()]; }
    PMX_HOST_DEVICE int partner() const { return rank() ^ 1; }

    PMX_HOST_DEVICE char* at(uint64_t off) const { return own().heap_base + off; }
    PMX_HOST_DEVICE uint64_t* word(uint64_t off) const { return (uint64_t*)at(off); }
};

/* A word that says which rank, cell and round it is from. */
PMX_HOST_DEVICE inline uint64_t pattern(int rank, uint64_t cell, uint64_t round, uint64_t i)
{
    uint64_t x = ((uint64_t)(unsigned)rank << 56 | cell << 32 | round << 16 | i) * 0x9e3779b97f4a7c15u;
    return x ^ x >> 29;
}

/* Number of the calling scope among those of its rank; block: that of its block. */
template <typename Scope>
PMX_HOST_DEVICE unsigned scope_number(Scope scope, unsigned block)
{
    pmx_block_t me = pmx::this_block();
    unsigned width = scope.count() == 1 ? 1 : scope.count() == me.n_threads ? me.n_threads : 32;
    return block * ((me.n_threads + width - 1) / width) + me.thread / width;
}

/* Scopes of rank 2k and 2k+1 send each other a cell to and fro; who sees the signal compares the cell. Heap: signals,
 * then cells to send from, then cells to receive. by_fence: a put, a fence and a signal instead of put_signal. */
template <typename Scope>
struct PingPong {
    Stage stage;
    uint64_t n_cells, n_words, n_rounds;
    bool by_fence;

    PMX_HOST_DEVICE int send(Scope scope, uint64_t* to, const uint64_t* from, uint64_t* sig, uint64_t round) const
    {
        const pmx_device_ctx_t& ctx = stage.own();
        int partner = stage.partner();
        if (!by_fence) return pmx::put_signal(scope, ctx, to, from, 8 * n_words, sig, round, PMX_SIGNAL_SET, partner);
        if (int err = pmx::put(scope, ctx, to, from, 8 * n_words, partner)) return err;
        if (int err = pmx::fence(scope, ctx, partner)) return err;
        return pmx::signal_set(scope, ctx, sig, round, partner);
    }
    PMX_HOST_DEVICE void operator()() const
    {
        Scope scope{};
        uint64_t cell = scope_number(scope, stage.block());
        uint64_t* sig = stage.word(8 * cell);
        uint64_t* from = stage.word(8 * (n_cells + cell * n_words));
        uint64_t* to = stage.word(8 * (n_cells + (n_cells + cell) * n_words));
        bool leads = stage.rank() % 2 == 0;
        for (uint64_t round = 1; round <= n_rounds; round++) {
            for (int step = 0; step < 2; step++) {
                if ((step == 0) == leads) {
                    for (uint64_t i = scope.index(); i < n_words; i += scope.count())
                        from[i] = pattern(stage.rank(), cell, round, i);
                    if (stage.failed(send(scope, to, from, sig, round))) return;
                } else {
                    int err = pmx::signal_wait(scope, stage.own(), sig, PMX_CMP_GE, round, stage.partner());
                    if (stage.failed(err)) return;
                    for (uint64_t i = scope.index(); i < n_words; i += scope.count())
                        stage.wrong(to[i] != pattern(stage.partner(), cell, round, i));
                }
            }
        }
    }
};

/* Threads add to words 0 and 1 of ranks that differ from lane to lane; then the block is quiet. */
struct Storm {
    Stage stage;
    unsigned n_each;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = stage.own();
        unsigned thread = pmx::this_block().thread;
        uint64_t cell = 64 * (uint64_t)(1 + stage.block() * pmx::this_block().n_threads + thread);
        for (unsigned i = 0; i < n_each; i++) {
            int dst = (int)((i + thread) % (unsigned)stage.size);
            if (thread % 3 == 2)
                stage.failed(pmx::signal_add(pmx::thread, ctx, stage.word(0), 3, dst));
            else
                stage.failed(pmx::put_signal(pmx::thread, ctx, stage.at(cell), stage.at(cell), 64, stage.word(8), 1,
                                             PMX_SIGNAL_ADD, dst));
        }
        stage.failed(pmx::quiet(pmx::block, ctx));
        /* What this rank has sent to itself is here now, at the least that of this block. */
        uint64_t n_own = 0;
        for (unsigned t = 0; t < pmx::this_block().n_threads; t++)
            for (unsigned i = 0; i < n_each; i++)
                n_own += t % 3 != 2 && (i + t) % (unsigned)stage.size == (unsigned)stage.rank();
        stage.wrong(pmx::detail::load_acquire(stage.word(8)) < n_own);
    }
};

/* The blocks of a rank make a group to the partner, which answers; a block waits for the signal of another block and
 * compares the pieces of all. Heap: n signals, n values, the answers, then pieces to send and pieces received. */
struct Groups {
    Stage stage;
    pmx::Group* groups; /* one for each rank */
    uint64_t n_words, n_rounds;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = stage.own();
        uint64_t n = stage.n_blocks(), b = stage.block(), pieces = 2 * n + 1;
        uint64_t *from = stage.word(8 * pieces), *to = from + n * n_words, *answers = stage.word(16 * n);
        unsigned thread = pmx::this_block().thread, n_threads = pmx::this_block().n_threads;
        for (uint64_t round = 1; round <= n_rounds; round++) {
            for (uint64_t i = thread; i < n_words; i += n_threads)
                from[b * n_words + i] = pattern(stage.rank(), b, round, i);
            int err = pmx::put(pmx::block, ctx, to + b * n_words, from + b * n_words, 8 * n_words, stage.partner());
            if (!err) err = pmx::group_arrive(pmx::block, ctx, groups[stage.rank()], (uint32_t)b, round);
            if (stage.failed(err)) return;
            err = pmx::signal_wait(pmx::block, ctx, stage.word(8 * ((b + 1) % n)), PMX_CMP_GE, round, stage.partner());
            if (stage.failed(err)) return;
            for (uint64_t i = thread; i < n * n_words; i += n_threads)
                stage.wrong(to[i] != pattern(stage.partner(), i / n_words, round, i % n_words));
            err = pmx::signal_add(pmx::block, ctx, answers, 1, stage.partner());
            if (!err) err = pmx::signal_wait(pmx::block, ctx, answers, PMX_CMP_GE, round * n, stage.partner());
            if (stage.failed(err)) return;
        }
    }
};

/* A cell to the partner, quiet, and back by get into another cell. */
struct PutQuietGet {
    Stage stage;
    uint64_t n_words;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = stage.own();
        uint64_t cell = scope_number(pmx::warp, stage.block()), n_cells = stage.n_blocks() * pmx::this_block().n_threads;
        uint64_t *from = stage.word(8 * cell * n_words), *there = from + n_cells * n_words,
                 *back = there + n_cells * n_words;
        pmx::warp.sync();
        for (uint64_t i = pmx::warp.index(); i < n_words; i += pmx::warp.count())
            from[i] = pattern(stage.rank(), cell, 1, i);
        if (stage.failed(pmx::put(pmx::warp, ctx, there, from, 8 * n_words, stage.partner()))) return;
        if (stage.failed(pmx::quiet(pmx::warp, ctx))) return;
        if (stage.failed(pmx::get(pmx::warp, ctx, back, there, 8 * n_words, stage.partner()))) return;
        if (stage.failed(pmx::quiet(pmx::warp, ctx))) return;
        for (uint64_t i = pmx::warp.index(); i < n_words; i += pmx::warp.count())
            stage.wrong(back[i] != pattern(stage.rank(), cell, 1, i));
    }
};

/* Every thread waits for what never comes; results[i] is what it got. */
struct WaitForNothing {
    Stage stage;
    int from_rank;
    uint64_t timeout_ns;
    uint32_t* waiting; /* Writers: each thread one word, release. Reader: the CPU, acquire. */
    int32_t* results;

    PMX_HOST_DEVICE void operator()() const
    {
        pmx_block_t me = pmx::this_block();
        pmx::detail::store_release(&waiting[me.index * me.n_threads + me.thread], 1u);
        int err = pmx::signal_wait(pmx::thread, stage.ctx[0], (const uint64_t*)stage.ctx[0].heap_base, PMX_CMP_NE, 0,
                                   from_rank, timeout_ns);
        results[me.index * me.n_threads + me.thread] = err;
    }
};

/* Every thread puts and signals until that fails, 100000 times at most. */
struct PushUntilError {
    Stage stage;
    int32_t* results;

    PMX_HOST_DEVICE void operator()() const
    {
        pmx_block_t me = pmx::this_block();
        const pmx_device_ctx_t& ctx = stage.ctx[0];
        int err = PMX_SUCCESS;
        for (int i = 0; i < 100000 && !err; i++)
            err = pmx::put_signal(pmx::thread, ctx, ctx.heap_base + 64, ctx.heap_base + 64, 8,
                                  (uint64_t*)ctx.heap_base, 1, PMX_SIGNAL_SET, 1);
        results[me.index * me.n_threads + me.thread] = err;
    }
};

/* What a rank does whose partner, rank 1, has failed. */
struct ToTheDead {
    Stage stage;
    int32_t* results; /* wait, quiet */

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = stage.ctx[0];
        char* base = ctx.heap_base;
        stage.failed(pmx::put_signal(pmx::thread, ctx, base + 64, base + 64, 8, (uint64_t*)base, 1, PMX_SIGNAL_SET, 1));
        results[0] = pmx::signal_wait(pmx::thread, ctx, (uint64_t*)base, PMX_CMP_EQ, 1, 1);
        results[1] = pmx::quiet(pmx::thread, ctx);
    }
};

/* Calls with bad arguments, and comparisons; heap: word 0 is 5. */
struct Arguments {
    Stage stage;

    PMX_HOST_DEVICE void operator()() const
    {
        const pmx_device_ctx_t& ctx = stage.ctx[0];
        char* base = ctx.heap_base;
        uint64_t* word = (uint64_t*)base;
        stage.wrong(pmx::put(pmx::block, ctx, base, base, 8, stage.size) != PMX_ERR_RANK);
        stage.wrong(pmx::put(pmx::warp, ctx, base, base, 8, -1) != PMX_ERR_RANK);
        stage.wrong(pmx::get(pmx::thread, ctx, base - 8, base, 8, 1) != PMX_ERR_ADDRESS);
        stage.wrong(pmx::put(pmx::block, ctx, base, base + ctx.heap_bytes - 8, 9, 1) != PMX_ERR_ADDRESS);
        stage.wrong(pmx::signal_set(pmx::thread, ctx, (uint64_t*)(base + 4), 1, 1) != PMX_ERR_ADDRESS);
        stage.wrong(pmx::fence(pmx::block, ctx, stage.size) != PMX_ERR_RANK);
        stage.wrong(pmx::signal_wait(pmx::thread, ctx, word, PMX_CMP_EQ, 1, stage.size) != PMX_ERR_RANK);
        uint64_t seen = 0;
        stage.wrong(!pmx::signal_test(word, PMX_CMP_EQ, 5, &seen) || seen != 5);
        stage.wrong(!pmx::signal_test(word, PMX_CMP_GE, 5) || pmx::signal_test(word, PMX_CMP_GT, 5));
        stage.wrong(!pmx::signal_test(word, PMX_CMP_LE, 5) || pmx::signal_test(word, PMX_CMP_LT, 5));
        stage.wrong(!pmx::signal_test(word, PMX_CMP_NE, 6) || pmx::signal_test(word, PMX_CMP_NE, 5));
    }
};

/* Puts by plain stores at all alignments, of one block into a heap near to the kernel, byte by byte compared; gets
 * back; a signal of each kind. Heap: 8 bytes of signal, source from 256, target from 2048, back from 4096. */
template <typename Scope>
struct Direct {
    static constexpr uint64_t kPart = 32768; /* source, target, and what is fetched back; words before them */

    Stage stage;
    char* base;         /* 4 * kPart bytes of either heap */
    uint64_t max_bytes; /* of all alignments; up to kPart / 2 */

    PMX_HOST_DEVICE static char byte(uint64_t i) { return (char)(i * 7 + 1); }
    PMX_HOST_DEVICE bool right(const char* start, uint64_t skip, uint64_t n_bytes, uint64_t first) const
    {
        for (uint64_t i = 0; i < skip + n_bytes + 64; i++) {
            bool inside = i >= skip && i < skip + n_bytes;
            if (start[i] != (inside ? byte(first + i - skip) : 0)) return false;
        }
        return true;
    }
    PMX_HOST_DEVICE void one(uint64_t from, uint64_t to, uint64_t n_bytes, uint64_t* sig, uint64_t n_signals) const
    {
        Scope scope{};
        const pmx_device_ctx_t& ctx = stage.ctx[0];
        char *src = base + kPart, *dst = base + 2 * kPart, *back = base + 3 * kPart;
        for (uint64_t i = scope.index(); i < n_bytes + 160; i += scope.count()) {
            src[i] = byte(i);
            dst[i] = back[i] = 0;
        }
        stage.failed(pmx::put_signal(scope, ctx, dst + to, src + from, n_bytes, sig, 1, PMX_SIGNAL_ADD, 0));
        stage.failed(pmx::signal_wait(scope, ctx, sig, PMX_CMP_EQ, n_signals, 0));
        stage.failed(pmx::get(scope, ctx, back + from, dst + to, n_bytes, 0));
        if (scope.index() == 0) {
            stage.wrong(!right(dst, to, n_bytes, from));
            stage.wrong(!right(back, from, n_bytes, from));
        }
        scope.sync();
    }
    PMX_HOST_DEVICE void operator()() const
    {
        Scope scope{};
        const pmx_device_ctx_t& ctx = stage.ctx[0];
        uint64_t *sig = (uint64_t*)base, n_signals = 0;
        for (uint64_t from = 0; from < 17; from += 1 + from / 4)
            for (uint64_t to = 0; to < 17; to += 1 + to / 4)
                for (uint64_t n_bytes = 0; n_bytes <= max_bytes; n_bytes = n_bytes * 3 / 2 + 1)
                    one(from, to, n_bytes, sig, ++n_signals);
        /* One unit of 16 bytes for a thread, a few, and more than are under way at a time; whole and with a rest. */
        for (uint64_t n_bytes = max_bytes; n_bytes <= kPart / 2; n_bytes = n_bytes * 7 / 4)
            for (uint64_t rest : {0, 8, 13})
                one(0, 0, (n_bytes & ~(uint64_t)15) + rest, sig, ++n_signals);
        stage.failed(pmx::signal_set(scope, ctx, sig, 1000000, 0));
        stage.failed(pmx::fence(scope, ctx, 0));
        stage.failed(pmx::signal_wait(scope, ctx, sig, PMX_CMP_EQ, 1000000));
        char *dst = base + 2 * kPart, *end = base + 4 * kPart;
        refused(dst, end - 8, 16, sig, 0, PMX_ERR_ADDRESS);
        refused(end - 8, dst, 16, sig, 0, PMX_ERR_ADDRESS);
        refused(dst, dst, ~(uint64_t)0, sig, 0, PMX_ERR_ADDRESS);
        refused(dst, dst, 16, (uint64_t*)end, 0, PMX_ERR_ADDRESS);
        refused(dst, dst, 16, (uint64_t*)(base + 4), 0, PMX_ERR_ADDRESS);
        refused(dst, dst, 16, sig, 1, PMX_ERR_RANK);
        refused(dst, dst, 16, sig, -1, PMX_ERR_RANK);
        stage.wrong(!pmx::signal_test(sig, PMX_CMP_EQ, 1000000));
    }
    PMX_HOST_DEVICE void refused(char* dst, const char* src, uint64_t n_bytes, uint64_t* sig, int rank, int code) const
    {
        stage.wrong(pmx::put_signal(Scope{}, stage.ctx[0], dst, src, n_bytes, sig, 7, PMX_SIGNAL_SET, rank) != code);
    }
};
