/* SPDX-License-Identifier: BSD-3-Clause */
/* engine.h: the proxy's loop: takes commands from the queues, posts them by destination, keeps the order
 * that was asked for, and reports completion. Knows neither threads nor MPI: its transport and its clock
 * are parameters. One thread at a time calls step(), and sees what those before it did: "the proxy thread" below is
 * that one, see proxy_thread.h. Contexts are added and removed by other threads. */
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "clock.h"
#include "command_queue.h"
#include "counters.h"
#include "faults.h"
#include "heap_map.h"
#include "heartbeat.h"
#include "lane.h"
#include "transport.h"

namespace pmx {

struct EngineConfig {
    int size = 1;                /* ranks */
    HeapMap heaps;
    unsigned batch = 32;         /* commands pulled from a queue a visit, 1..32 */
    uint64_t timeout_ns = 0;     /* a stall longer than this fails the ranks it waits for */
    uint64_t peer_check_ns = 0;  /* how often the watch is asked */
    HeartbeatConfig heartbeat = {}; /* its size is not looked at */
};

/* Says which ranks have died, by means other than the transport, and hears what the engine finds. Proxy thread. */
class PeerWatch {
  public:
    virtual ~PeerWatch() = default;
    virtual int next_dead() = 0; /* a rank that has died and was not reported before, or -1 */
    virtual void changed(const PeerChange& change) { (void)change; }
    virtual bool report_wanted() { return false; } /* then report() gets what Engine::report() gives */
    virtual void report(const std::string& text) { (void)text; }
};

/* What the proxy thread does for the runtime at each visit. Never waits. */
class ProxyWork {
  public:
    virtual ~ProxyWork() = default;
    virtual bool step() = 0; /* whether anything moved */
};

/* One context as the engine sees it. Filled by the creator, then the engine's until removed; counters and
 * queues' device views may be read by any thread. */
struct EngineContext {
    /* stream: 0..kMaxStreams-1, the same on all ranks, of no other context at the same time. */
    EngineContext(int size, pmx_order_t order_mode, int signal_mode, uint16_t stream_number);
    const pmx_order_t order; /* never AUTO */
    const int signals;       /* pmx_signals_t */
    const uint16_t stream;   /* of its operations in order mode counted */
    std::vector<std::unique_ptr<CommandQueue>> queues;
    std::vector<Lane> lanes; /* by destination */
    Counters counters;
    ProxyWork* work = nullptr; /* done while the engine has the context; may use its queues as a producer */
};

class Engine {
  public:
    /* transport and watch may be null: then nothing is posted, nobody watched. All outlive the engine. */
    Engine(const EngineConfig& config, Transport* transport, const Clock& clock, Faults& faults, PeerWatch* watch);

    /* Number for the next queue of a context about to be added. Any thread. */
    uint32_t next_queue_id();
    /* Returns when the proxy thread has taken the context in, or given it back. Any thread but that one;
     * needs a thread that calls step() meanwhile. */
    void add(EngineContext& context);
    void remove(EngineContext& context);
    /* Does the work on the proxy thread, between two visits, and returns when it is done. As add(). */
    void between_visits(const std::function<void()>& work);

    /* Adds the state in lines of text, for people. Any thread but the proxy's. False: it did not answer within 2 s. */
    bool report(std::string& text_out);

    /* One visit: polls, pulls up to `batch` commands from each queue, posts. Never waits. Returns whether
     * anything moved. */
    bool step();

  private:
    friend class EngineProbe; /* tools/perf_engine.h: times the stages of step() */
    void serve_requests();
    void check_peers();
    void mark_oldest(uint64_t now_ns);
    void describe(std::string& text_out);
    void serve_report();
    void poll();
    void on_completion(const Completion& completion);
    bool still_stalled();
    void pull(EngineContext& context);
    void activate(Lane& lane);
    void visit_active_lanes();

    enum class Gate { go, wait, stall };
    bool well_formed(const Node& node) const;
    void advance(Lane& lane);
    void admit(Lane& lane);
    void admit_put(Lane& lane, Node& node);
    void admit_get(Lane& lane, Node& node);
    void admit_signal(Lane& lane, Node& node, Node*& first_ordered);
    bool fence_holds(const Lane& lane) const;
    void emit(Lane& lane);
    Gate gate(const Lane& lane, const Node& signal) const;
    bool must_stall(const Lane& lane) const;
    void append_transfer(Lane& lane);
    void append_signal(Lane& lane);
    void number_chain(const Lane& lane);
    bool post_chain(Lane& lane);
    void on_taken(Lane& lane, size_t n_taken);
    void put_back(Lane& lane, size_t first, size_t n);
    void begin_stall(Lane& lane);
    void fail_pending(Lane& lane);

    void complete(Node& node);
    void fail_peer(int rank, PeerFault why);
    void on_change(PeerChange change);
    void give_up(int rank, PeerFault why);
    void fail_job(pmx_err_t err);

    const EngineConfig config_;
    Transport* const transport_;
    const Clock& clock_;
    Faults& faults_;
    PeerWatch* const watch_;
    Heartbeat heartbeat_;
    uint64_t last_check_ns_ = 0;

    /* By queue, the first command that is not complete, and since when that has been so. */
    struct Mark {
        uint64_t ticket = 0;
        uint64_t since_ns = 0; /* 0: nothing was under way */
    };
    std::vector<Mark> marks_;

    std::vector<EngineContext*> contexts_;
    std::vector<CommandQueue*> queues_; /* by id; null when gone */
    /* Op::seq of the next counted operation, by stream, then by destination. Outlives the contexts, since the
     * targets go on counting when a stream has a new one. */
    std::vector<std::vector<uint64_t>> stream_seq_;
    uint64_t outstanding_ = 0;          /* operations posted and not complete, all lanes */
    uint64_t progress_ = 0;             /* grows whenever anything moves */
    Lane* active_head_ = nullptr;       /* lanes with something to do, in turn */
    Lane* active_tail_ = nullptr;

    /* While a stalling mode waits at an order point, nothing else is taken: this is the baseline. */
    Lane* stalled_ = nullptr;
    uint64_t stall_begin_ns_ = 0;

    /* Operations of one lane about to be posted together, and the nodes they came from. */
    static constexpr size_t kChain = 64;
    static constexpr uint64_t kNoPut = UINT64_MAX;
    std::array<Op, kChain> chain_;
    std::array<Node*, kChain> chain_nodes_;
    size_t n_chain_ = 0;
    uint64_t chain_first_put_ = kNoPut; /* number of the first put in it */
    std::array<Completion, 64> completions_;

    /* Requests from other threads: written under the mutex, the flag is what step() looks at. */
    std::mutex mutex_;
    std::condition_variable served_;
    EngineContext* adding_ = nullptr;
    EngineContext* removing_ = nullptr;
    const std::function<void()>* work_ = nullptr;
    std::string* reporting_ = nullptr;
    std::mutex report_mutex_; /* one asks at a time; taken before mutex_ */
    std::atomic<bool> request_{false};
    std::atomic<uint32_t> next_queue_id_{0};
};

}  // namespace pmx
