/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/moe/thread_ranks.h"

#include <condition_variable>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "pmx_device.h"

namespace {

/* All ranks of a run. */
struct Job {
    int n_ranks;
    size_t heap_bytes;
    uint64_t timeout_ns;
    std::vector<char*> heaps;
    std::vector<uint32_t> failed;
    uint32_t n_failed = 0;
    int32_t fault = 0;
    std::mutex mutex;
    std::condition_variable all_in;
    int n_in = 0;
    unsigned round = 0;

    void barrier()
    {
        std::unique_lock<std::mutex> lock(mutex);
        unsigned mine = round;
        if (++n_in == n_ranks) {
            n_in = 0;
            round++;
            all_in.notify_all();
        }
        all_in.wait(lock, [&] { return round != mine || n_failed != 0; });
    }
};

/* One rank: shared by its thread and the threads of its blocks. */
struct Rank {
    Job* job;
    int rank;
    size_t used_bytes = 0;
};

thread_local Rank* self = nullptr;
thread_local pmx_block_t block_self{0, 1, 0, 1};
thread_local std::string last_detail;

}  // namespace

struct pmx_ctx {
    Rank* rank;
};

namespace thread_ranks {

void run(int n_ranks, size_t heap_bytes, unsigned timeout_ms, const std::function<void(int rank)>& body)
{
    Job job;
    job.n_ranks = n_ranks;
    job.heap_bytes = heap_bytes;
    job.timeout_ns = (uint64_t)timeout_ms * 1000000u;
    job.failed.resize((size_t)n_ranks);
    std::vector<std::unique_ptr<char, decltype(&free)>> memory;
    for (int r = 0; r < n_ranks; r++) {
        memory.emplace_back((char*)aligned_alloc(4096, heap_bytes), &free);
        job.heaps.push_back(memory.back().get());
    }
    std::vector<std::thread> threads;
    for (int r = 0; r < n_ranks; r++)
        threads.emplace_back([&job, &body, r] {
            Rank rank{&job, r};
            self = &rank;
            body(r);
            self = nullptr;
        });
    for (std::thread& t : threads) t.join();
}

void fail_rank(int rank)
{
    Job* job = self->job;
    std::lock_guard<std::mutex> lock(job->mutex);
    pmx::detail::store_release(&job->failed[(size_t)rank], 1u);
    pmx::detail::store_release(&job->n_failed, job->n_failed + 1);
    job->all_in.notify_all();
}

}  // namespace thread_ranks

extern "C" {

int pmx_error_report(int err, const char* detail)
{
    last_detail = std::string(detail);
    return err;
}
const char* pmx_last_error_detail(void) { return last_detail.c_str(); }
const char* pmx_error_string(int) { return "an error"; }

int pmx_rank(int* out) { return *out = self->rank, PMX_SUCCESS; }
int pmx_size(int* out) { return *out = self->job->n_ranks, PMX_SUCCESS; }
int pmx_node_size(int* out) { return pmx_size(out); }
int pmx_topology_query(pmx_topology_t* out) { return out->n_cores_allowed = 2, PMX_SUCCESS; }
int pmx_barrier(void) { return self->job->barrier(), PMX_SUCCESS; }

int pmx_aligned_alloc(size_t alignment, size_t n_bytes, void** out)
{
    size_t off = (self->used_bytes + alignment - 1) & ~(alignment - 1);
    if (off + n_bytes > self->job->heap_bytes) return pmx_error_report(PMX_ERR_MEMORY, "the heap is full");
    self->used_bytes = off + n_bytes;
    *out = self->job->heaps[(size_t)self->rank] + off;
    return pmx_barrier();
}
int pmx_calloc(size_t n_elems, size_t elem_bytes, void** out)
{
    size_t off = (self->used_bytes + 63) & ~(size_t)63;
    memset(self->job->heaps[(size_t)self->rank] + off, 0, n_elems * elem_bytes);
    return pmx_aligned_alloc(64, n_elems * elem_bytes, out);
}
int pmx_free(void*) { return pmx_barrier(); }
int pmx_heap_query(pmx_heap_info_t* out)
{
    out->base_sym = self->job->heaps[(size_t)self->rank];
    out->heap_bytes = self->job->heap_bytes;
    out->used_bytes = self->used_bytes;
    out->largest_free_bytes = out->heap_bytes - out->used_bytes;
    return PMX_SUCCESS;
}

int pmx_ctx_create(const pmx_ctx_attr_t*, pmx_ctx_t* out) { return *out = new pmx_ctx{self}, PMX_SUCCESS; }
int pmx_ctx_free(pmx_ctx_t ctx)
{
    delete ctx;
    return PMX_SUCCESS;
}
int pmx_quiet(pmx_ctx_t) { return PMX_SUCCESS; }
int pmx_counters_get(pmx_ctx_t, pmx_counters_t*) { return PMX_SUCCESS; }
int pmx_counters_reset(pmx_ctx_t) { return PMX_SUCCESS; }

int pmx_device_handle(pmx_ctx_t ctx, pmx_device_ctx_t* out)
{
    Job* job = ctx ? ctx->rank->job : self->job;
    int rank = ctx ? ctx->rank->rank : self->rank;
    out->rank = rank;
    out->size = job->n_ranks;
    out->heap_base = job->heaps[(size_t)rank];
    out->heap_bytes = job->heap_bytes;
    out->peer_base = job->heaps.data();
    out->fault = &job->fault;
    out->peer_failed = job->failed.data();
    out->n_failed = &job->n_failed;
    out->timeout_ns = job->timeout_ns;
    return PMX_SUCCESS;
}

int pmx_signal_set(pmx_ctx_t ctx, uint64_t* sig_sym, uint64_t value, int dst_rank)
{
    pmx_device_ctx_t view{};
    pmx_device_handle(ctx, &view);
    return pmx::signal_set(pmx::thread, view, sig_sym, value, dst_rank);
}
int pmx_signal_wait(pmx_ctx_t ctx, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value, int from_rank,
                    uint64_t timeout_ns, uint64_t* value_out)
{
    pmx_device_ctx_t view{};
    pmx_device_handle(ctx, &view);
    return pmx::signal_wait(pmx::thread, view, sig_sym, cmp, value, from_rank, timeout_ns, value_out);
}

pmx_block_t pmx_block_get(void) { return block_self; }
void pmx_block_sync(void) {}

int pmx_launch(pmx_block_fn fn, unsigned n_blocks, unsigned, void* arg)
{
    std::vector<std::thread> blocks;
    for (unsigned b = 0; b < n_blocks; b++)
        blocks.emplace_back([=, rank = self] {
            self = rank;
            block_self = {b, n_blocks, 0, 1};
            fn(arg);
        });
    for (std::thread& t : blocks) t.join();
    return PMX_SUCCESS;
}

}  // extern "C"
