/* SPDX-License-Identifier: BSD-3-Clause */
/* Host threads that play the blocks of a kernel. */
#include <pthread.h>

#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "pmx_device.h"
#include "runtime/errors.h"

namespace pmx {

namespace {

/* Barrier of the threads of one block. Words: arrived is written by all, acq_rel; phase by the last to
 * arrive, release, and read by the others, acquire. Wraps after 2^32 barriers, harmless: only equality of
 * the phase is asked. */
struct BlockBarrier {
    std::atomic<unsigned> arrived{0};
    std::atomic<unsigned> phase{0};

    void wait(unsigned n_threads)
    {
        unsigned my_phase = phase.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == n_threads) {
            arrived.store(0, std::memory_order_relaxed);
            phase.store(my_phase + 1, std::memory_order_release);
            return;
        }
        for (unsigned spins = 0; phase.load(std::memory_order_acquire) == my_phase; spins++) detail::relax(spins);
    }
};

struct Position {
    pmx_block_t block = {0, 1, 0, 1};
    BlockBarrier* barrier = nullptr;
};
thread_local Position position;

/* All threads run, or none: those that exist wait here for the word that the rest does, too. */
enum class Start : int { wait, go, cancel };

struct Launch {
    pmx_block_fn fn;
    void* arg;
    std::atomic<Start> start{Start::wait};
    std::unique_ptr<BlockBarrier[]> barriers;
};

void run_thread(Launch& launch, pmx_block_t block)
{
    Start start;
    for (unsigned spins = 0; (start = launch.start.load(std::memory_order_acquire)) == Start::wait; spins++)
        detail::relax(spins);
    if (start == Start::cancel) return;
    position = {block, &launch.barriers[block.index]};
    launch.fn(launch.arg);
}

Status launch_blocks(pmx_block_fn fn, unsigned n_blocks, unsigned n_threads, void* arg)
{
    if (!fn) return fail(PMX_ERR_ARGUMENT, "launch: fn is NULL");
    if (n_blocks < 1 || n_blocks > 1024)
        return fail(PMX_ERR_ARGUMENT, "launch: n_blocks is {}, allowed 1..1024", n_blocks);
    if (n_threads < 1 || n_threads > 256)
        return fail(PMX_ERR_ARGUMENT, "launch: n_threads is {}, allowed 1..256", n_threads);

    Launch launch = {fn, arg, {}, std::make_unique<BlockBarrier[]>(n_blocks)};
    std::vector<std::thread> threads;
    threads.reserve(size_t{n_blocks} * n_threads);
    Status status;
    try {
        for (unsigned b = 0; b < n_blocks; b++)
            for (unsigned t = 0; t < n_threads; t++)
                threads.emplace_back([&launch, block = pmx_block_t{b, n_blocks, t, n_threads}] {
                    pthread_setname_np(pthread_self(), "pmx-block");
                    run_thread(launch, block);
                });
    } catch (const std::system_error& e) {
        status = fail(PMX_ERR_SYSTEM, "launch: {} of {} threads could be made: {}", threads.size(),
                      size_t{n_blocks} * n_threads, e.what());
    }
    launch.start.store(status.ok() ? Start::go : Start::cancel, std::memory_order_release);
    for (std::thread& thread : threads) thread.join();
    return status;
}

}  // namespace

}  // namespace pmx

extern "C" int pmx_launch(pmx_block_fn fn, unsigned n_blocks, unsigned n_threads, void* arg)
try {
    return pmx::report(pmx::launch_blocks(fn, n_blocks, n_threads, arg));
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "launch: out of memory");
}

extern "C" pmx_block_t pmx_block_get(void) { return pmx::position.block; }

extern "C" void pmx_block_sync(void)
{
    if (pmx::position.barrier && pmx::position.block.n_threads > 1)
        pmx::position.barrier->wait(pmx::position.block.n_threads);
}
