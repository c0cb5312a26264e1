/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_resources.h: what one rank holds of its device: protection domain, completion queue, shared
 * receive queue, regions, queue pairs, and the cells from which small things are sent. */
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

class VerbsResources {
public:
    /* n_queues queue pairs. The members that follow are written here and never again. */
    Status open(const VerbsConfig& verbs, const std::string& device, const TransportConfig& config,
                size_t n_queues);

    VerbsPort port;
    unsigned send_depth = 0; /* operations in one queue pair */
    unsigned n_receives = 0;
    unsigned max_inline = 0; /* bytes */
    uint8_t rd_atomic = 0;   /* reads and atomics under way in one queue pair, either way */

    ibv_cq* cq() const { return cq_.get(); }
    ibv_srq* srq() const { return srq_.get(); }
    ibv_qp* qp(size_t queue) const { return qps_[queue].get(); }
    size_t n_queues() const { return qps_.size(); }
    /* Puts and gets go through `data`, which may be relaxed; signals through `strict`. */
    ibv_mr* data() const { return data_ ? data_.get() : strict_.get(); }
    ibv_mr* strict() const { return strict_.get(); }
    uint32_t cell_key() const { return cell_region_->lkey; }
    VerbsCell& send_cell(size_t queue, uint64_t number) const
    {
        return cells_[queue * send_depth + number % send_depth];
    }
    VerbsCell& receive_cell(size_t index) const { return cells_[qps_.size() * send_depth + index]; }

private:
    Status size_queues(size_t n_queues);
    Status register_heap(const TransportConfig& config, bool relaxed);
    Status open_queues(size_t n_queues);
    Status open_cells();
    Status failed(const char* call) const;

    struct FreeCells {
        void operator()(VerbsCell* cells) const { std::free(cells); }
    };
    /* In the order in which they depend on each other; destroyed from the last to the first. */
    VerbsOwned<ibv_pd, ibv_dealloc_pd> pd_;
    VerbsOwned<ibv_mr, ibv_dereg_mr> strict_;
    VerbsOwned<ibv_mr, ibv_dereg_mr> data_; /* nullptr: the same as strict */
    std::unique_ptr<VerbsCell[], FreeCells> cells_;
    VerbsOwned<ibv_mr, ibv_dereg_mr> cell_region_;
    VerbsOwned<ibv_cq, ibv_destroy_cq> cq_;
    VerbsOwned<ibv_srq, ibv_destroy_srq> srq_;
    std::vector<VerbsOwned<ibv_qp, ibv_destroy_qp>> qps_;
};

}  // namespace pmx
