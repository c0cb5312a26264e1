/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of the runtime that kernels of a GPU need: their heap, the peers that they reach, their queues. */
#include <algorithm>

#include "runtime/log.h"
#include "runtime/runtime.h"

namespace pmx {

HeapMap Runtime::heaps() const
{
    return {heap.base(), heap.n_bytes(), gpu ? gpu->heap() : nullptr, gpu ? params.gpu_heap_bytes : 0};
}

/* Slots as long as 64 MiB for all ranks allow. */
void Runtime::plan_staging()
{
    constexpr uint64_t most_bytes = uint64_t{64} << 20, shortest_slot = 4096;
    staging.rank = rank();
    staging.size = size();
    staging.area_off = (params.heap_bytes + 4095) & ~uint64_t{4095};
    while (staging.slot_bytes > shortest_slot &&
           staging_area_bytes(size(), staging.n_slots, staging.slot_bytes) > most_bytes)
        staging.slot_bytes /= 2;
}

uint64_t Runtime::staging_bytes() const
{
    if (staging.area_off == 0) return 0;
    return staging.area_off - params.heap_bytes +
           staging_area_bytes(staging.size, staging.n_slots, staging.slot_bytes);
}

/* What reaches host memory only, on one of the ranks, gets the rest by copies. */
Status Runtime::stage(std::unique_ptr<Transport>& transport)
{
    if (!gpu) return {};
    const TransportCaps& caps = transport->caps();
    if (caps.gpu) {
        log_info("memory of GPUs: {} {} reaches it", caps.name, caps.provider);
        return {};
    }
    if (params.gpu_direct == GpuDirect::on)
        return fail(PMX_ERR_UNSUPPORTED, "PMX_GPU_DIRECT=on: {} {} does not reach memory of the GPU: {}; use auto",
                    caps.name, caps.provider, caps.why_no_gpu);
    log_info("memory of GPUs: staged: {}", params.gpu_direct == GpuDirect::off ? "PMX_GPU_DIRECT=off" : caps.why_no_gpu);
    std::unique_ptr<CopyEngine> out, in;
    PMX_TRY(gpu->copy_engine(out));
    PMX_TRY(gpu->copy_engine(in));
    staging.heaps = heaps();
    staging.area = heap.base() + staging.area_off;
    transport = make_staging(std::move(transport), staging, std::move(out), std::move(in));
    return {};
}

Status Runtime::open_gpu()
{
    if (params.gpu == GpuChoice::off) return {};
    if (params.gpu == GpuChoice::cuda)
        PMX_TRY(gpu_open_cuda(params.gpu_heap_bytes, gpu));
    else
        PMX_TRY(gpu_open_soft(params.gpu_heap_bytes, gpu));
    gpu_allocator = std::make_unique<OffsetAllocator>(params.gpu_heap_bytes);
    PMX_TRY(gpu->share(heap.base(), heap.n_bytes()));
    std::shared_ptr<void> words;
    PMX_TRY(gpu->shared_memory(Faults::n_words(size()) * sizeof(uint32_t), words));
    faults = Faults(size(), std::shared_ptr<uint32_t[]>(words, static_cast<uint32_t*>(words.get())));
    log_info("kernels of {} {}", gpu->facts().kind, gpu->facts().name);
    return {};
}

/* A rank whose heap of GPU memory cannot be mapped is reached through the proxy, also in host memory: else operations
 * of a kernel to one rank would take two ways, and their order would be lost. */
Status Runtime::attach_gpus(const std::vector<Peer>& all)
{
    if (!gpu) return {};
    kernel_peer_base.assign(size(), nullptr);
    gpu_peer_base.assign(size(), nullptr);
    for (int r : topology.ranks_on_node) {
        bool one_gpu = all[r].gpu == all[rank()].gpu;
        n_ranks_on_gpu += one_gpu;
        if (!direct(r)) continue;
        char* theirs = gpu->heap();
        Status attached = r == rank() ? Status() : gpu->attach(all[r].gpu_heap, theirs);
        if (attached.ok() && r != rank()) attached = gpu->share(peers[r].base(), peers[r].n_bytes());
        if (!attached.ok()) {
            log_warn("kernels reach rank {} of this node through the network: {}", r, attached.detail());
            continue;
        }
        kernel_peer_base[r] = peer_base[r];
        gpu_peer_base[r] = theirs;
        if (one_gpu && r < PMX_DEVICE_NEAR_RANKS) near_one_gpu |= 1u << r;
    }
    if (n_ranks_on_gpu > 1 && !gpu->facts().shares && topology.node_rank == 0)
        log_warn("{} ranks use {}, whose kernels take turns: start them under the CUDA Multi-Process Service (MPS)",
                 n_ranks_on_gpu, gpu->facts().name);
    return {};
}

/* Kernels have queues of their own, since their heads lie in memory of the GPU, and so a stream of their own. */
Status Runtime::make_kernel_part(pmx_ctx& ctx, unsigned n_queues)
{
    if (transport) {
        uint16_t stream = static_cast<uint16_t>(kFirstKernelStream + ctx.engine.stream);
        ctx.kernel_engine = std::make_unique<EngineContext>(size(), ctx.engine.order, ctx.engine.signals, stream);
        for (unsigned i = 0; i < n_queues; i++) {
            QueueMemory memory;
            PMX_TRY(gpu->queue_memory(params.queue_depth, memory));
            ctx.kernel_engine->queues.push_back(
                std::make_unique<CommandQueue>(engine->next_queue_id(), std::move(memory)));
            ctx.kernel_queue_views.push_back(ctx.kernel_engine->queues.back()->device_view());
        }
    }
    pmx_device_ctx_t view = ctx.device;
    view.n_queues = static_cast<unsigned>(ctx.kernel_queue_views.size());
    view.queues = ctx.kernel_queue_views.data();
    view.peer_base = kernel_peer_base.data();
    view.gpu_base = gpu->heap();
    view.gpu_bytes = params.gpu_heap_bytes;
    view.gpu_peer_base = gpu_peer_base.data();
    view.near_one_gpu = near_one_gpu;
    return gpu->view(view, ctx.kernel);
}

/* Waits for what kernels have queued; they must have ended. */
Status Runtime::complete_kernels(const pmx_ctx& ctx)
{
    if (!ctx.kernel_engine) return {};
    std::unique_ptr<CopyEngine> copies;
    PMX_TRY(gpu->copy_engine(copies));
    std::shared_ptr<void> memory;
    PMX_TRY(gpu->shared_memory(sizeof(uint64_t), memory));
    uint64_t* upto = static_cast<uint64_t*>(memory.get());
    for (const pmx_device_queue_t& queue : ctx.kernel_queue_views) {
        uint64_t n_before = 0, n_now = 0;
        PMX_TRY(copies->n_finished(n_before));
        PMX_TRY(copies->copy(upto, queue.head, sizeof *upto));
        Status copied;
        auto finished = [&] { return !(copied = copies->n_finished(n_now)).ok() || n_now > n_before; };
        int err = detail::wait_until(ctx.device, detail::kNoRank, 0, finished);
        PMX_TRY(copied);
        if (!err)
            err = detail::wait_until(ctx.device, detail::kNoRank, 0,
                                     [&] { return detail::reached(queue.completed, nullptr, *upto); });
        if (err)
            return fail(static_cast<pmx_err_t>(err), "operations of kernels were not completed: {}", pmx_error_string(err));
    }
    return {};
}

}  // namespace pmx
