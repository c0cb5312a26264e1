/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_bodies.h: what the kernels of pmx_perf do. One source for a GPU and for host blocks. */
#pragma once

#include "perf_run.h"
#include "pmx_device.h"

namespace pmx::tools {

/* Memory near to the kernel that its blocks share; zero at its begin. */
struct PerfDesk {
    /* Writers: thread 0 of each block, acq_rel, the last one 0, relaxed. */
    uint32_t n_arrived;
    /* Writer: the last block to arrive, release. Readers: the others, acquire. How often all have met. */
    uint32_t n_met;
    /* The first failure. Writers and readers: any thread, relaxed; it decides nothing but when to end. */
    int32_t err;
};

/* One launch: n_warmup + n_iters repetitions, of which the last n_iters are timed. */
struct PerfTask {
    pmx_device_ctx_t ctx;
    PerfRun run;
    char* base;
    Group* groups; /* [size], near memory */
    PerfDesk* desk;
    uint64_t* times_ns; /* [n_iters], near memory; by thread 0 of block 0 */
    PerfOp op;
    bool with_signals;
    uint64_t n_each; /* transfers of a repetition */
    uint64_t n_warmup, n_iters;
    uint64_t first_value; /* of the signals, and of the meetings of the ranks, at the first repetition */

    PMX_HOST_DEVICE uint64_t* word(uint64_t off) const { return (uint64_t*)(base + off); }
    PMX_HOST_DEVICE int note(int err) const
    {
        if (err && !detail::load_relaxed(&desk->err)) detail::store_relaxed(&desk->err, (int32_t)err);
        return err;
    }
    /* The same for all threads of the block: whether to go on. */
    PMX_HOST_DEVICE bool well() const
    {
        block.sync();
        const bool is = detail::load_relaxed(&desk->err) == 0;
        block.sync();
        return is;
    }
    PMX_HOST_DEVICE void time(uint64_t repetition, uint64_t time_ns) const
    {
        if (repetition >= n_warmup && block.index() == 0) times_ns[repetition - n_warmup] = time_ns;
    }
    /* One thread looks for its block, which goes on when the word is value or more. */
    PMX_HOST_DEVICE void wait(uint64_t sig_off, uint64_t value, int from_rank) const
    {
        if (block.index() == 0) note(signal_wait(thread, ctx, word(sig_off), PMX_CMP_GE, value, from_rank));
        block.sync();
    }
};

/* Rank 0 to or from rank 1; one block. Each repetition is n_each transfers and one quiet. */
struct PerfOneSided {
    PerfTask task;

    PMX_HOST_DEVICE int transfer(uint64_t i, uint64_t value) const
    {
        const PerfLayout& layout = task.run.layout;
        const uint64_t slot = i % layout.n_slots, n_bytes = task.run.n_bytes;
        char *data = task.base + layout.data(0, slot), *source = task.base + layout.source(i);
        if (task.op == PerfOp::put) return put(block, task.ctx, data, source, n_bytes, 1);
        if (task.op == PerfOp::get) return get(block, task.ctx, source, data, n_bytes, 1);
        return put_signal(block, task.ctx, data, source, n_bytes, task.word(layout.signal(0, slot)), value,
                          PMX_SIGNAL_SET, 1);
    }
    PMX_HOST_DEVICE void operator()() const
    {
        for (uint64_t it = 0; it < task.n_warmup + task.n_iters && task.well(); it++) {
            const uint64_t begin = detail::now_ns();
            for (uint64_t i = 0; i < task.n_each; i++) task.note(transfer(i, task.first_value + it));
            task.note(quiet(block, task.ctx));
            task.time(it, detail::now_ns() - begin);
        }
    }
};

/* Ranks 0 and 1 answer each other; one block. */
struct PerfPingpong {
    PerfTask task;

    PMX_HOST_DEVICE void ping(uint64_t value) const
    {
        const PerfLayout& layout = task.run.layout;
        const int rank = task.run.rank;
        task.note(put_signal(block, task.ctx, task.base + layout.data(rank, 0), task.base + layout.source(0),
                             task.run.n_bytes, task.word(layout.signal(rank, 0)), value, PMX_SIGNAL_SET,
                             1 - rank));
    }
    PMX_HOST_DEVICE void operator()() const
    {
        const int other = 1 - task.run.rank;
        for (uint64_t it = 0; it < task.n_warmup + task.n_iters && task.well(); it++) {
            const uint64_t value = task.first_value + it, begin = detail::now_ns();
            if (other == 1) ping(value);
            task.wait(task.run.layout.signal(other, 0), value, other);
            if (other == 0) ping(value);
            task.time(it, (detail::now_ns() - begin) / 2);
        }
        task.note(quiet(block, task.ctx));
    }
};

/* All ranks to all others. The warps share the transfers, the threads the waits; with --groups the warps
 * arrive. */
struct PerfFan {
    PerfTask task;

    /* All blocks of this rank; not 0: this block must end. */
    PMX_HOST_DEVICE int meet() const
    {
        const unsigned n_blocks = this_block().n_blocks;
        if (n_blocks > 1) block.sync();
        if (n_blocks > 1 && block.index() == 0) {
            PerfDesk* desk = task.desk;
            const uint32_t met = detail::load_acquire(&desk->n_met);
            if (detail::fetch_add_acq_rel(&desk->n_arrived, 1u) + 1 == n_blocks) {
                detail::store_relaxed(&desk->n_arrived, 0u);
                detail::store_release(&desk->n_met, met + 1);
            } else {
                task.note(detail::wait_until(task.ctx, detail::kNoRank, 0,
                                             [&] { return detail::load_acquire(&desk->n_met) != met; }));
            }
        }
        return task.well() ? PMX_SUCCESS : PMX_ERR_STATE;
    }
    /* All ranks, by their first blocks. */
    PMX_HOST_DEVICE void meet_ranks(uint64_t value) const
    {
        const PerfRun& run = task.run;
        for (int to = (int)block.index(); to < run.size; to += (int)block.count())
            if (to != run.rank)
                task.note(signal_set(thread, task.ctx, task.word(run.layout.flag(run.rank)), value, to));
        for (int from = (int)block.index(); from < run.size; from += (int)block.count())
            if (from != run.rank)
                task.note(
                    signal_wait(thread, task.ctx, task.word(run.layout.flag(from)), PMX_CMP_GE, value, from));
    }
    PMX_HOST_DEVICE int send_one(uint64_t i, uint64_t value) const
    {
        const PerfRun& run = task.run;
        const FanTarget to = fan_target(run.rank, run.size, i);
        char *data = task.base + run.layout.data(run.rank, to.slot),
             *source = task.base + run.layout.source(i);
        if (task.with_signals && !run.groups)
            return put_signal(warp, task.ctx, data, source, run.n_bytes,
                              task.word(run.layout.signal(run.rank, to.slot)), value, PMX_SIGNAL_SET,
                              to.rank);
        const int err = put(warp, task.ctx, data, source, run.n_bytes, to.rank);
        if (err || !task.with_signals) return err;
        return group_arrive(warp, task.ctx, task.groups[to.rank], (uint32_t)to.slot, value);
    }
    PMX_HOST_DEVICE void send(uint64_t value) const
    {
        const pmx_block_t me = this_block();
#ifdef __CUDA_ARCH__
        const unsigned n_threads = 32;
#else
        const unsigned n_threads = 1;
#endif
        const uint64_t n_warps = me.n_threads / n_threads;
        for (uint64_t i = me.index + me.thread / n_threads * me.n_blocks; i < task.run.concurrency;
             i += me.n_blocks * n_warps)
            task.note(send_one(i, value));
    }
    PMX_HOST_DEVICE void receive(uint64_t value) const
    {
        const PerfRun& run = task.run;
        const pmx_block_t me = this_block();
        const uint64_t mine = me.index * me.n_threads + me.thread,
                       n_threads = (uint64_t)me.n_blocks * me.n_threads;
        uint64_t turn = 0;
        for (int step = 1; step < run.size; step++) {
            const int from = (run.rank + step) % run.size;
            const uint64_t n = fan_expected(from, run.rank, run.size, run.concurrency);
            for (uint64_t slot = (mine + n_threads - turn % n_threads) % n_threads; slot < n;
                 slot += n_threads)
                task.note(signal_wait(thread, task.ctx, task.word(run.layout.signal(from, slot)), PMX_CMP_GE,
                                      value, from));
            turn += n;
        }
    }
    PMX_HOST_DEVICE void operator()() const
    {
        const bool first = this_block().index == 0;
        for (uint64_t it = 0; it < task.n_warmup + task.n_iters; it++) {
            const uint64_t value = task.first_value + it;
            if (first) meet_ranks(value);
            if (meet()) return;
            const uint64_t begin = detail::now_ns();
            send(value);
            if (task.with_signals) receive(value);
            if (meet()) return;
            if (!first) continue;
            /* The puts alone are done when they are complete; with signals, when all signals are here. */
            if (!task.with_signals) task.note(quiet(block, task.ctx));
            const uint64_t end = detail::now_ns();
            if (task.with_signals) task.note(quiet(block, task.ctx));
            task.time(it, end - begin);
        }
    }
};

}  // namespace pmx::tools
