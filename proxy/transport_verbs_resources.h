/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_resources.h: what one rank holds of its device: protection domain, regions, shared receive queue with
 * its completion queue, and the queue pairs, in channels. */
#pragma once

#include <infiniband/verbs.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "transport_verbs_device.h"

namespace pmx {

/* Source of a signal, message or ack, place for what an atomic fetched, or a receive. */
struct alignas(64) VerbsCell {
    std::byte bytes[128];
};

template <auto Destroy>
struct VerbsDestroy {
    template <typename T>
    void operator()(T* object) const
    {
        Destroy(object);
    }
};
template <typename T, auto Destroy>
using VerbsOwned = std::unique_ptr<T, VerbsDestroy<Destroy>>;

/* One part of the heap, registered. Puts and gets go through `data`, which may be relaxed; signals through `strict`. */
struct VerbsMemory {
    char* base = nullptr;
    size_t n_bytes = 0;
    VerbsOwned<ibv_mr, ibv_dereg_mr> strict;
    VerbsOwned<ibv_mr, ibv_dereg_mr> relaxed; /* nullptr: data are in the other one */

    ibv_mr* data() const { return relaxed ? relaxed.get() : strict.get(); }
    bool holds(const void* p) const { return static_cast<size_t>(static_cast<const char*>(p) - base) < n_bytes; }
};

/* Queue pairs to all ranks, for the streams that share them, with the completion queue of what they send and the cells
 * from which small things are sent. Members in the order in which they depend on each other. */
struct VerbsChannel {
    struct FreeCells {
        void operator()(VerbsCell* cells) const { std::free(cells); }
    };
    std::unique_ptr<VerbsCell[], FreeCells> cells; /* send_depth for each queue pair */
    VerbsOwned<ibv_mr, ibv_dereg_mr> cell_region;
    VerbsOwned<ibv_cq, ibv_destroy_cq> cq;
    std::vector<VerbsOwned<ibv_qp, ibv_destroy_qp>> qps;
};

class VerbsResources {
public:
    /* The channels that follow have n_queues queue pairs each. The members below are written here and never again. */
    Status open(const VerbsConfig& verbs, const std::string& device, const TransportConfig& config,
                size_t n_queues);

    VerbsPort port;
    unsigned send_depth = 0; /* operations in one queue pair */
    unsigned n_receives = 0;
    uint8_t rd_atomic = 0; /* reads and atomics under way in one queue pair, either way */

    /* One more channel, not connected. Any thread, one at a time; what is there already stays in use meanwhile. */
    Status make_channel(VerbsChannel& channel_out);

    ibv_cq* receive_cq() const { return receive_cq_.get(); }
    ibv_srq* srq() const { return srq_.get(); }
    const VerbsMemory& host() const { return host_; }
    /* Of 0 bytes: the device does not reach it, for the reason of why_no_gpu(). */
    const VerbsMemory& gpu() const { return gpu_; }
    const std::string& why_no_gpu() const { return why_no_gpu_; }
    VerbsCell& receive_cell(size_t index) const { return receives_[index]; }
    uint32_t receive_key() const { return receive_region_->lkey; }
    /* Bytes that a request takes along; of the first channel, and the others have as many. */
    unsigned max_inline() const { return max_inline_; }

private:
    Status size_queues(size_t n_queues);
    Status register_heap(const TransportConfig& config, bool relaxed);
    void register_gpu(const GpuMemory& gpu, bool relaxed);
    bool register_memory(const GpuMemory& memory, int access, bool relaxed, VerbsMemory& memory_out) const;
    Status open_receives();
    Status make_cells(size_t n, std::unique_ptr<VerbsCell[], VerbsChannel::FreeCells>& cells_out,
                      VerbsOwned<ibv_mr, ibv_dereg_mr>& region_out);
    Status make_queues(VerbsChannel& channel);
    ibv_qp* make_queue(const VerbsChannel& channel, unsigned n_inline) const;
    Status failed(const char* call) const;

    static constexpr unsigned kNotKnown = ~0u;
    size_t n_queues_ = 0;
    unsigned max_inline_ = kNotKnown;
    /* In the order in which they depend on each other; destroyed from the last to the first. */
    VerbsOwned<ibv_pd, ibv_dealloc_pd> pd_;
    VerbsMemory host_, gpu_;
    std::string why_no_gpu_ = "there is none";
    std::unique_ptr<VerbsCell[], VerbsChannel::FreeCells> receives_;
    VerbsOwned<ibv_mr, ibv_dereg_mr> receive_region_;
    VerbsOwned<ibv_cq, ibv_destroy_cq> receive_cq_;
    VerbsOwned<ibv_srq, ibv_destroy_srq> srq_;
};

}  // namespace pmx
