/* SPDX-License-Identifier: BSD-3-Clause */
/* ring_gpu.cc: a ring of put_signals from inside a kernel, between heaps of GPU memory. nvcc compiles it for a GPU
 * (ring_kernel.cu), g++ for host blocks and host memory that play one:
 *
 *   mpirun -n 4 ./ring_gpu_cuda    several ranks on one GPU: under MPS
 *   mpirun -n 4 ./ring_gpu         on any machine
 *
 * Ends with 0 when every message arrived whole, else with 1. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <initializer_list>

#include "pmx_device.h"
#include "pmx_gpu.h"
#ifdef __CUDACC__
#include "pmx_cuda.h"
#endif

namespace {

constexpr unsigned kBlocks = 4, kWords = 256;
constexpr uint64_t kRounds = 20;

/* All of it lies in the heap of GPU memory. */
struct Ring {
    pmx_device_ctx_t ctx;
    uint64_t *send, *recv; /* [kBlocks][kWords] */
    uint64_t* arrived;     /* [kBlocks] the round whose message is in recv; set by the left neighbour */
    uint64_t* has_read;    /* [kBlocks] the round that the right neighbour has read; set by it */
    uint64_t* bad;         /* words that arrived wrong, and calls that failed, all blocks */
};

PMX_HOST_DEVICE uint64_t word(int rank, uint64_t round, uint64_t i)
{
    return (uint64_t)rank << 48 | round << 32 | i;
}

/* What a block does. After an error all its threads stop in the same round: the others see the missing round. */
PMX_HOST_DEVICE void ring_block(const Ring& ring)
{
    const pmx::Ctx& ctx = ring.ctx;
    pmx_block_t me = pmx::this_block();
    int right = (ctx.rank + 1) % ctx.size, left = (ctx.rank + ctx.size - 1) % ctx.size;
    uint64_t *send = ring.send + me.index * kWords, *recv = ring.recv + me.index * kWords, bad = 0;
    uint64_t *arrived = &ring.arrived[me.index], *has_read = &ring.has_read[me.index];
    for (uint64_t round = 1; round <= kRounds; round++) {
        /* The right neighbour has read the last round: what was sent may be written again, here and there. */
        bad += pmx::signal_wait(pmx::block, ctx, has_read, PMX_CMP_GE, round - 1, right) != 0;
        for (uint64_t i = me.thread; i < kWords; i += me.n_threads) send[i] = word(ctx.rank, round, i);
        bad += pmx::put_signal(pmx::block, ctx, recv, send, kWords * 8, arrived, round, PMX_SIGNAL_SET, right) != 0;
        bad += pmx::signal_wait(pmx::block, ctx, arrived, PMX_CMP_GE, round, left) != 0;
        for (uint64_t i = me.thread; i < kWords; i += me.n_threads) bad += recv[i] != word(left, round, i);
        /* Holds the barrier of the block: all its threads have read. */
        bad += pmx::signal_set(pmx::block, ctx, has_read, round, left) != 0;
    }
    if (bad) pmx::detail::fetch_add_relaxed(ring.bad, bad);
}

void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

#ifdef __CUDACC__
__global__ void ring_kernel(Ring ring) { ring_block(ring); }

void clear(void* p, size_t n_bytes) { cudaMemset(p, 0, n_bytes); }

uint64_t run(Ring& ring)
{
    void* args[] = {&ring};
    must(pmx_launch_gpu((const void*)ring_kernel, kBlocks, 128, args, 0, nullptr));
    uint64_t bad = 1;
    cudaMemcpy(&bad, ring.bad, sizeof bad, cudaMemcpyDefault); /* when the kernel has ended */
    return bad;
}
constexpr const char *kGpu = "cuda", *kName = "ring_gpu_cuda";
#else
void clear(void* p, size_t n_bytes) { memset(p, 0, n_bytes); }

uint64_t run(Ring& ring)
{
    must(pmx_launch([](void* arg) { ring_block(*static_cast<Ring*>(arg)); }, kBlocks, 2, &ring));
    return *ring.bad;
}
constexpr const char *kGpu = "soft", *kName = "ring_gpu";
#endif

uint64_t* must_alloc(size_t n_words)
{
    void* ptr_sym;
    must(pmx_gpu_malloc(n_words * 8, &ptr_sym));
    clear(ptr_sym, n_words * 8);
    return static_cast<uint64_t*>(ptr_sym);
}

}  // namespace

int main()
{
    if (pmx_param_set("GPU", kGpu) || pmx_init()) {
        fprintf(stderr, "%s: %s\n", kName, pmx_last_error_detail());
        return 2;
    }
    Ring ring{};
    ring.ctx.size_bytes = sizeof ring.ctx;
    must(pmx_gpu_handle(PMX_CTX_DEFAULT, &ring.ctx));
    ring.send = must_alloc(kBlocks * kWords);
    ring.recv = must_alloc(kBlocks * kWords);
    ring.arrived = must_alloc(kBlocks);
    ring.has_read = must_alloc(kBlocks);
    ring.bad = must_alloc(1);
    must(pmx_barrier()); /* all are clear */

    uint64_t bad = run(ring);
    printf("%s: rank %d of %d: %u blocks, %llu rounds, %llu things wrong\n", kName, ring.ctx.rank, ring.ctx.size, kBlocks,
           (unsigned long long)kRounds, (unsigned long long)bad);
    must(pmx_barrier());
    for (uint64_t* p : {ring.bad, ring.has_read, ring.arrived, ring.recv, ring.send}) must(pmx_free(p));
    must(pmx_finalize());
    return bad != 0;
}
