/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_blocks.cc: the ring of ring.c from inside a kernel of host blocks. Each block has its own piece of
 * the message and its own signals, and needs no barrier over the ranks: the receiver says when it has read.
 *
 *   mpirun -n 4 ./ring_blocks
 *
 * Ends with 0 when every message arrived whole, else with 1. */
#include <stdint.h>
#include <stdio.h>

#include <atomic>

#include "pmx_device.h"

namespace {

constexpr unsigned kBlocks = 4, kThreads = 2;
constexpr uint64_t kWords = 256; /* of one block */
constexpr uint64_t kRounds = 20;

struct Ring {
    pmx_device_ctx_t ctx{};
    uint64_t *send, *recv; /* [kBlocks][kWords] */
    uint64_t* arrived;     /* [kBlocks] the round whose message is in recv; set by the left neighbour */
    uint64_t* has_read;    /* [kBlocks] the round that the right neighbour has read; set by it */
    std::atomic<uint64_t> bad{0};    /* words that arrived wrong, all blocks */
    std::atomic<int> err[kBlocks]{}; /* the first code that a thread of the block got, or a later one */
};

uint64_t word(int rank, uint64_t round, uint64_t i) { return (uint64_t)rank << 48 | round << 32 | i; }

/* One round of one block. All threads make all calls, also after an error, so that they meet at the same
 * barriers. */
void one_round(Ring& ring, const pmx_block_t& me, uint64_t round)
{
    const pmx::Ctx& ctx = ring.ctx;
    int right = (ctx.rank + 1) % ctx.size, left = (ctx.rank + ctx.size - 1) % ctx.size;
    unsigned b = me.index;
    uint64_t *send = ring.send + b * kWords, *recv = ring.recv + b * kWords;
    auto note = [&](int err) {
        if (err) ring.err[b] = err;
    };

    /* The right neighbour has read the last round: what was sent may be written again, here and there. */
    note(pmx::signal_wait(pmx::block, ctx, &ring.has_read[b], PMX_CMP_GE, round - 1, right));
    for (uint64_t i = me.thread; i < kWords; i += me.n_threads) send[i] = word(ctx.rank, round, i);
    note(pmx::put_signal(pmx::block, ctx, recv, send, kWords * sizeof *send, &ring.arrived[b], round,
                         PMX_SIGNAL_SET, right));
    note(pmx::signal_wait(pmx::block, ctx, &ring.arrived[b], PMX_CMP_GE, round, left));
    for (uint64_t i = me.thread; i < kWords; i += me.n_threads) ring.bad += recv[i] != word(left, round, i);
    /* Holds the barrier of the block: all its threads have read. */
    note(pmx::signal_set(pmx::block, ctx, &ring.has_read[b], round, left));
}

void body(void* arg)
{
    Ring& ring = *static_cast<Ring*>(arg);
    pmx_block_t me = pmx_block_get();
    bool stop = false;
    for (uint64_t round = 1; round <= kRounds && !stop; round++) {
        one_round(ring, me, round);
        /* Read between two barriers: all threads of the block decide the same. */
        pmx_block_sync();
        stop = ring.err[me.index] != 0;
        pmx_block_sync();
    }
}

void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

template <typename T>
void must_alloc(size_t n_elems, T** ptr_sym_out)
{
    void* ptr_sym;
    must(pmx_calloc(n_elems, sizeof(T), &ptr_sym));
    *ptr_sym_out = static_cast<T*>(ptr_sym);
}

}  // namespace

int main()
{
    if (pmx_init()) {
        fprintf(stderr, "ring_blocks: %s\n", pmx_last_error_detail());
        return 2;
    }
    Ring ring;
    ring.ctx.size_bytes = sizeof ring.ctx;
    must(pmx_device_handle(PMX_CTX_DEFAULT, &ring.ctx));
    must_alloc(kBlocks * kWords, &ring.send);
    must_alloc(kBlocks * kWords, &ring.recv);
    must_alloc(kBlocks, &ring.arrived);
    must_alloc(kBlocks, &ring.has_read);

    must(pmx_launch(body, kBlocks, kThreads, &ring));
    for (auto& err : ring.err)
        if (err) pmx_abort(1, pmx_error_string(err));
    must(pmx_quiet(PMX_CTX_DEFAULT));
    printf("ring_blocks: rank %d of %d: %u blocks, %llu rounds, %llu wrong words\n", ring.ctx.rank,
           ring.ctx.size, kBlocks, (unsigned long long)kRounds, (unsigned long long)ring.bad.load());

    must(pmx_free(ring.has_read));
    must(pmx_free(ring.arrived));
    must(pmx_free(ring.recv));
    must(pmx_free(ring.send));
    must(pmx_finalize());
    return ring.bad != 0;
}
