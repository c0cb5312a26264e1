/* SPDX-License-Identifier: BSD-3-Clause */
/* runtime.h: what this process is while it is a rank: everything between pmx_init and pmx_finalize. */
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "proxy_thread.h"
#include "runtime/atomics.h"
#include "runtime/bootstrap.h"
#include "runtime/bounce.h"
#include "runtime/collectives.h"
#include "runtime/context.h"
#include "runtime/dump.h"
#include "runtime/gpu.h"
#include "runtime/groups.h"
#include "runtime/offset_allocator.h"
#include "runtime/params.h"
#include "runtime/peer_watch.h"
#include "runtime/teams.h"
#include "runtime/topology.h"
#include "staging.h"
#include "transport_shm.h"

namespace pmx {

class Registrations;

/* Collective: how the ranks of the job find each other. */
using OpenBootstrap = std::function<Status(std::unique_ptr<Bootstrap>&)>;

class Runtime {
  public:
    Runtime();
    /* Collective. The result is the same on all ranks; a failure leaves nothing. */
    static Status bring_up(const OpenBootstrap& open, std::unique_ptr<Runtime>& runtime_out);
    /* Collective: call close() first. */
    ~Runtime();
    /* Collective. Completes the operations of all contexts, meets the other ranks, stops the proxy. The
     * first failure is returned, the rest is done all the same. */
    Status close();

    int rank() const { return bootstrap->rank(); }
    int size() const { return bootstrap->size(); }
    bool direct(int rank) const { return peer_base[rank] != nullptr; }

    /* Collective. attr as in pmx_ctx_create, checked here. */
    Status create_context(const pmx_ctx_attr_t* attr, pmx_ctx_t& ctx_out);
    /* What create_context does when all ranks agree. Any order mode, kOrderNone included, which tests use. */
    Status add_context(pmx_order_t order, int signals, unsigned n_queues, pmx_ctx_t& ctx_out);
    /* Collective. ctx must be one of contexts. */
    Status free_context(pmx_ctx_t ctx);
    /* The context behind a handle, or nullptr when it is not one. */
    pmx_ctx_t find_context(pmx_ctx_t handle);

    Params params;
    std::unique_ptr<Bootstrap> bootstrap;
    Topology topology;
    ShmSegment heap;
    std::vector<ShmSegment> peers;  /* by rank; empty ones are not mapped */
    std::vector<char*> peer_base;   /* by rank; null: only the proxy gets there */
    std::unique_ptr<OffsetAllocator> allocator;
    std::unique_ptr<Gpu> gpu; /* null with PMX_GPU=off; ends before the heaps that it shares */
    std::unique_ptr<OffsetAllocator> gpu_allocator;
    /* By rank, the heaps as kernels reach them; null: through the proxy. A rank has both or none. */
    std::vector<char*> kernel_peer_base, gpu_peer_base;
    uint32_t near_one_gpu = 0; /* pmx_device_ctx_t */
    int n_ranks_on_gpu = 0;    /* this one included */
    StagingConfig staging; /* of the area that follows the heap of host memory in its segment; without a GPU of 0 bytes */
    uint64_t work_off = 0; /* of the work area, which follows both: what calls need that users must not have */
    uint64_t gpu_barrier_off = 0; /* in the heap of GPU memory */
    std::unique_ptr<Transport> transport; /* null: nobody is beyond direct reach */
    Faults faults{0};
    MonotonicClock clock;
    ProcessWatch watch;
    std::unique_ptr<Engine> engine; /* null with one rank */
    std::unique_ptr<DumpSignal> dump_signal; /* null: PMX_DUMP_SIGNAL is off, or there is no proxy */
    std::unique_ptr<ProxyThread> proxy;
    std::unique_ptr<pmx_ctx> internal_context; /* of the collectives */
    std::unique_ptr<pmx_ctx> default_context;
    std::unique_ptr<AtomicServer> atomic_server;
    std::unique_ptr<pmx_ctx> answer_context; /* of the atomic server and of checked; null without a transport */
    /* By stream; empty where none has been used. They go on counting when a stream has a new context. */
    std::vector<std::unique_ptr<Checked>> checked;
    /* Those that users created, owned; null: free. Changed by collective calls, read by any thread. */
    std::array<std::atomic<pmx_ctx_t>, 64> contexts{};
    std::unique_ptr<Collectives> collectives;
    std::unique_ptr<Teams> teams;
    std::unique_ptr<Bounce> bounce;
    std::unique_ptr<Atomics> atomics;
    std::unique_ptr<Registrations> registrations;
    Groups groups;

  private:
    /* What ranks tell each other first. */
    struct Peer {
        std::vector<std::byte> node;     /* identity of its node */
        std::vector<std::byte> segment;  /* address of its heap */
        std::vector<std::byte> params;   /* those that must be the same */
        std::vector<std::byte> gpu;      /* which one it is; empty without one */
        std::vector<std::byte> gpu_heap; /* address of that part of its heap */
    };
    Status prepare();
    Status exchange(std::vector<Peer>& peers_out);
    Status attach_peers(const std::vector<Peer>& all);
    void drop_context(pmx_ctx_t ctx);
    void plan_staging();
    uint64_t staging_bytes() const;
    HeapMap heaps() const;
    Status open_gpu();
    Status stage(std::unique_ptr<Transport>& transport);
    Status attach_gpus(const std::vector<Peer>& all);
    Status open_network();
    Status start_proxy();
    Status plan_heartbeat(HeartbeatConfig& heartbeat_out);
    Status make_contexts();
    Status reserve_cells();
    Status open_streams(const pmx_ctx& ctx);
    Status open_stream(uint16_t stream);
    Status make_kernel_part(pmx_ctx& ctx, unsigned n_queues);
    Status complete_kernels(const pmx_ctx& ctx);
    Status make_context(pmx_order_t order, int signals, unsigned n_queues, uint16_t stream,
                        std::unique_ptr<pmx_ctx>& ctx_out, AtomicServer* server = nullptr);
    bool threads_move_data() const;
    uint64_t work_bytes() const;
    Checked* checked_of(uint16_t stream);
    static constexpr uint16_t kInternalStream = 0, kDefaultStream = 1, kFirstUserStream = 2, kUserStreams = 64, kAnswerStream = 127,
                              kFirstKernelStream = 128;
};

/* The runtime of this process while it is up, else nullptr. */
Runtime* runtime();

/* Brings the process-wide runtime up, or down. One thread at a time. */
Status runtime_init(const OpenBootstrap& open);
Status runtime_finalize();

/* For the C functions: the runtime, or PMX_ERR_STATE reported and nullptr. call: its name. */
Runtime* runtime_or_report(const char* call);

}  // namespace pmx
