/* SPDX-License-Identifier: BSD-3-Clause */
/* world.h: ranks of one process, for the device tests. The heap of each lies in memory that CPU and kernels share;
 * each has an engine with a thread of its own, over a NIC that delivers in any order and refuses posts. */
#pragma once

#include <memory>
#include <vector>

#include "pmx_device.h"

struct WorldConfig {
    int size = 4;
    size_t heap_bytes = 1 << 20;
    pmx_order_t order = PMX_ORDER_DEFERRED;
    int signals = PMX_SIGNALS_COUPLED;
    unsigned n_queues = 2;
    uint64_t depth = 1024;
    uint64_t timeout_ns = 30000000000;
    bool in_order = false;     /* the NIC keeps and claims order */
    bool engines_run = true;   /* false: nobody takes commands from the queues */
    int broken_rank = -1;      /* operations to it fail */
};

class World {
  public:
    explicit World(const WorldConfig& config);
    ~World();

    int size() const;
    char* heap(int rank) const;
    uint64_t* word(int rank, uint64_t off) const { return reinterpret_cast<uint64_t*>(heap(rank) + off); }
    /* For kernels. */
    const pmx_device_ctx_t& ctx(int rank) const;
    pmx_counters_t counters() const; /* of all ranks */
    /* Every wait on this rank ends with err. */
    void fail_job(int rank, pmx_err_t err);

  private:
    struct Rank;
    std::vector<std::shared_ptr<void>> heaps_;
    std::vector<std::unique_ptr<Rank>> ranks_; /* end before the heaps do */
};
