/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_resources.cc: sizes that the device allows, and the calls that make things of them. */
#include "transport_verbs_resources.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pmx {

namespace {

constexpr unsigned kMaxSendDepth = 256, kMinSendDepth = 16;
constexpr unsigned kReceives = 1024;
constexpr unsigned kMaxReadAtomic = 16;
constexpr unsigned kInlineTries[] = {256, 128, 64, 0};

std::string locked_memory_limit()
{
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur == RLIM_INFINITY) return "not limited";
    return fmt::format("{} bytes", limit.rlim_cur);
}

}  // namespace

Status VerbsResources::failed(const char* call) const
{
    return fail(PMX_ERR_TRANSPORT, "verbs device {}: {}: {}", port.name, call, std::strerror(errno));
}

Status VerbsResources::open(const VerbsConfig& verbs, const std::string& device,
                            const TransportConfig& config, size_t n_queues)
{
    PMX_TRY(verbs_open_port(device, verbs, port));
    PMX_TRY(size_queues(n_queues));
    pd_.reset(ibv_alloc_pd(port.context.get()));
    if (!pd_) return failed("ibv_alloc_pd");
    PMX_TRY(register_heap(config, verbs.relaxed));
    register_gpu(config.gpu, verbs.relaxed);
    return open_receives();
}

/* Every send may end with a completion of its own when its queue pair fails, and so may every receive: the
 * completion queues have room for all. */
Status VerbsResources::size_queues(size_t n_queues)
{
    const ibv_device_attr& device = port.device;
    if (n_queues > size_t(device.max_qp))
        return fail(PMX_ERR_UNSUPPORTED, "verbs device {}: {} queue pairs are needed, it has {}", port.name,
                    n_queues, device.max_qp);
    n_queues_ = n_queues;
    n_receives = std::min({kReceives, unsigned(device.max_srq_wr), unsigned(device.max_cqe)});
    const size_t room = size_t(device.max_cqe) / n_queues;
    send_depth = unsigned(std::min({room, size_t(device.max_qp_wr), size_t(kMaxSendDepth)}));
    if (n_receives == 0 || send_depth < kMinSendDepth)
        return fail(
            PMX_ERR_UNSUPPORTED,
            "verbs device {}: a completion queue of at most {} entries is too small for {} queue pairs",
            port.name, device.max_cqe, n_queues);
    rd_atomic = uint8_t(
        std::clamp(std::min(device.max_qp_rd_atom, device.max_qp_init_rd_atom), 1, int(kMaxReadAtomic)));
    return {};
}

constexpr int kDataAccess = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;

/* Memory of this process, or of a GPU: by its dma-buf, else by its address, which works where the driver of the GPU has
 * told that of the device of its memory. False: errno. One region, when nothing is relaxed: pages are pinned, and counted
 * against the limit, for each. */
bool VerbsResources::register_memory(const GpuMemory& memory, int access, bool relaxed, VerbsMemory& memory_out) const
{
    const auto region = [&](int how) {
        const auto address = reinterpret_cast<uint64_t>(memory.base);
        ibv_mr* made = memory.dmabuf < 0 ? nullptr
                                         : ibv_reg_dmabuf_mr(pd_.get(), memory.dmabuf_off, memory.n_bytes, address,
                                                             memory.dmabuf, how);
        return made ? made : ibv_reg_mr(pd_.get(), memory.base, memory.n_bytes, how);
    };
    memory_out.strict.reset(region(access));
    if (memory_out.strict && relaxed) memory_out.relaxed.reset(region(kDataAccess | int(IBV_ACCESS_RELAXED_ORDERING)));
    if (!memory_out.strict || (relaxed && !memory_out.relaxed)) return false;
    memory_out.base = memory.base;
    memory_out.n_bytes = memory.n_bytes;
    return true;
}

Status VerbsResources::register_heap(const TransportConfig& config, bool relaxed)
{
    const int access = kDataAccess | (port.native_add ? IBV_ACCESS_REMOTE_ATOMIC : 0);
    if (register_memory({static_cast<char*>(config.heap_base), config.heap_bytes}, access, relaxed, host_)) return {};
    return fail(
        PMX_ERR_MEMORY,
        "verbs device {}: ibv_reg_mr: a heap of {} bytes cannot be registered: {}; locked memory is {} "
        "(ulimit -l)",
        port.name, config.heap_bytes, std::strerror(errno), locked_memory_limit());
}

/* An ADD to such a word is an atomic of the device, whatever becomes of those in host memory: the processor cannot. */
void VerbsResources::register_gpu(const GpuMemory& gpu, bool relaxed)
{
    if (!gpu.base) return;
    VerbsMemory memory;
    if (port.device.atomic_cap == IBV_ATOMIC_NONE)
        why_no_gpu_ = fmt::format("device {} has no atomics", port.name);
    else if (!register_memory(gpu, kDataAccess | IBV_ACCESS_REMOTE_ATOMIC, relaxed, memory))
        why_no_gpu_ = fmt::format("device {} does not register {} bytes of it{}: {}", port.name, gpu.n_bytes,
                                  gpu.dmabuf < 0 ? "" : ", nor their dma-buf", std::strerror(errno));
    else
        gpu_ = std::move(memory);
}

Status VerbsResources::open_receives()
{
    PMX_TRY(make_cells(n_receives, receives_, receive_region_));
    receive_cq_.reset(ibv_create_cq(port.context.get(), int(n_receives), nullptr, nullptr, 0));
    if (!receive_cq_) return failed("ibv_create_cq");
    ibv_srq_init_attr shared{};
    shared.attr.max_wr = n_receives;
    shared.attr.max_sge = 1;
    srq_.reset(ibv_create_srq(pd_.get(), &shared));
    return srq_ ? Status() : failed("ibv_create_srq");
}

Status VerbsResources::make_channel(VerbsChannel& channel_out)
{
    VerbsChannel channel;
    PMX_TRY(make_cells(n_queues_ * send_depth, channel.cells, channel.cell_region));
    channel.cq.reset(ibv_create_cq(port.context.get(), int(n_queues_ * send_depth), nullptr, nullptr, 0));
    if (!channel.cq) return failed("ibv_create_cq");
    PMX_TRY(make_queues(channel));
    channel_out = std::move(channel);
    return {};
}

/* The first queue pair of all finds out how much goes along with a request. */
Status VerbsResources::make_queues(VerbsChannel& channel)
{
    for (size_t i = 0; max_inline_ == kNotKnown && i < std::size(kInlineTries); i++) {
        channel.qps.emplace_back(make_queue(channel, kInlineTries[i]));
        if (channel.qps.back())
            max_inline_ = kInlineTries[i];
        else
            channel.qps.pop_back();
    }
    if (max_inline_ == kNotKnown) return failed("ibv_create_qp");
    while (channel.qps.size() < n_queues_) {
        channel.qps.emplace_back(make_queue(channel, max_inline_));
        if (!channel.qps.back()) return failed("ibv_create_qp");
    }
    return {};
}

ibv_qp* VerbsResources::make_queue(const VerbsChannel& channel, unsigned n_inline) const
{
    ibv_qp_init_attr attr{};
    attr.send_cq = channel.cq.get();
    attr.recv_cq = receive_cq_.get();
    attr.srq = srq_.get();
    attr.qp_type = IBV_QPT_RC;
    attr.sq_sig_all = 0;
    attr.cap.max_send_wr = send_depth;
    attr.cap.max_send_sge = 1;
    attr.cap.max_inline_data = n_inline;
    return ibv_create_qp(pd_.get(), &attr);
}

Status VerbsResources::make_cells(size_t n, std::unique_ptr<VerbsCell[], VerbsChannel::FreeCells>& cells_out,
                                  VerbsOwned<ibv_mr, ibv_dereg_mr>& region_out)
{
    const size_t n_bytes = n * sizeof(VerbsCell);
    constexpr size_t kPage = 4096;
    cells_out.reset(static_cast<VerbsCell*>(std::aligned_alloc(kPage, (n_bytes + kPage - 1) / kPage * kPage)));
    if (!cells_out) return fail(PMX_ERR_MEMORY, "no memory for {} bytes of verbs cells", n_bytes);
    std::memset(static_cast<void*>(cells_out.get()), 0, n_bytes);
    region_out.reset(ibv_reg_mr(pd_.get(), cells_out.get(), n_bytes, IBV_ACCESS_LOCAL_WRITE));
    return region_out ? Status() : failed("ibv_reg_mr");
}

}  // namespace pmx
