/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_moe.cc: the traffic of one MoE layer. Dispatch: each rank sends the rows of each expert to the rank that has
 * it, other nodes first, with a signal. The rows are cut into tiles; a tile is computed when its rows are there, at
 * the rate of the rank, and its result goes back at once, with a signal of its own. A rank is done when it has the
 * results of all its tiles. Rows are spread evenly over the experts. On a node everything is a plain store. */
#include <algorithm>
#include <bit>
#include <deque>

#include "order.h"
#include "sim_cluster.h"
#include "sim_result.h"

namespace pmx::tools {

namespace {

constexpr double kStoreNs = 1000; /* a store to a rank of the node, seen there */
constexpr uint64_t kCombineOff = uint64_t{1} << 32;
constexpr int kDispatch = 0, kCombine = 1;

class Layer {
public:
    explicit Layer(const SimTask& task)
        : task_(task), n_ranks_(task.n_ranks()), n_local_(task.shape.experts / task.n_ranks()),
          cluster_({task.n_ranks(), task.ranks_per_node, task.profile, task.order, task.signals, task.seed, 2,
                    queue_depth(task), static_cast<size_t>(task.shape.experts)}),
          ranks_(static_cast<size_t>(n_ranks_))
    {
        for (int r = 0; r < n_ranks_; r++)
            for (int e = 0; e < task.shape.experts; e++) {
                cluster_.values(r)[e] = static_cast<uint64_t>(n_rows(r, e));
                rank(r).n_expected += n_tiles(n_rows(r, e));
            }
        cluster_.on_timer = [this](int r, uint32_t tag) { on_timer(r, tag); };
        cluster_.on_signal = [this](int r, uint64_t off, uint64_t value, uint64_t) { on_signal(r, off, value); };
        cluster_.on_progress = [this] {
            if (!task_.progress) return;
            double share = static_cast<double>(n_finished_) / n_ranks_;
            task_.progress((n_iterations_ + share) / (task_.iterations + 1));
        };
    }

    Status iterate(double& us_out)
    {
        uint64_t begin_ns = last_ns_ = cluster_.now_ns();
        n_finished_ = 0;
        for (int r = 0; r < n_ranks_; r++) {
            rank(r).n_seen = rank(r).n_issued = 0;
            rank(r).busy_ns = 0;
            cluster_.at(r, static_cast<double>(begin_ns), kIssueTag);
        }
        cluster_.run();
        n_iterations_++;
        if (n_finished_ != n_ranks_)
            return fail(PMX_ERR_INTERNAL, "the simulation stands still: {} of {} ranks have finished", n_finished_, n_ranks_);
        us_out = static_cast<double>(last_ns_ - begin_ns) / 1e3;
        return {};
    }

    double compute_us() const
    {
        double most = 0;
        for (const Rank& each : ranks_) most = std::max(most, each.busy_ns);
        return most / 1e3;
    }
    SimCluster& cluster() { return cluster_; }

private:
    struct Tile {
        int src, n_rows;
    };
    struct Rank {
        int n_expected = 0, n_seen = 0, n_issued = 0;
        std::deque<Tile> tiles; /* the first is being computed */
        std::deque<std::pair<uint64_t, uint64_t>> stores; /* signals by plain stores under way: offset, value */
        double busy_ns = 0;
        double store_free_ns = 0; /* the links of the node carry something until then */
    };
    static constexpr uint32_t kIssueTag = 0, kTileTag = 1, kStoreTag = 2;

    static uint64_t queue_depth(const SimTask& task)
    {
        uint64_t n_rows = static_cast<uint64_t>(task.n_tokens) * static_cast<uint64_t>(task.shape.top_k);
        uint64_t n = 2 * (static_cast<uint64_t>(task.shape.experts) + n_rows / static_cast<uint64_t>(task.tile_rows));
        return std::clamp<uint64_t>(std::bit_ceil(n), 64, 2048);
    }
    Rank& rank(int r) { return ranks_[static_cast<size_t>(r)]; }

    /* Rows that rank r sends to expert e: as even as can be, the larger shares elsewhere for each rank. */
    int n_rows(int r, int e) const
    {
        int experts = task_.shape.experts, all = task_.n_tokens * task_.shape.top_k;
        int place = (e + r * 7) % experts;
        return all / experts + (place < all % experts ? 1 : 0);
    }
    int n_tiles(int rows) const { return (rows + task_.tile_rows - 1) / task_.tile_rows; }
    uint64_t bytes_of(int rows) const { return static_cast<uint64_t>(rows) * 2 * static_cast<uint64_t>(task_.shape.hidden); }

    /* The i-th block of rank r goes to this expert: one expert of each rank in turn, from the next node on, the own
     * node last. */
    int expert_of(int r, int i) const
    {
        int next_node = r / task_.ranks_per_node * task_.ranks_per_node + task_.ranks_per_node;
        int n_far = n_ranks_ - task_.ranks_per_node, n_far_blocks = n_far * n_local_;
        int dst, local;
        if (i < n_far_blocks) {
            dst = (next_node + (i + r % task_.ranks_per_node) % n_far) % n_ranks_;
            local = i / n_far;
        } else {
            i -= n_far_blocks;
            dst = next_node - task_.ranks_per_node + i % task_.ranks_per_node;
            local = i / task_.ranks_per_node;
        }
        return dst * n_local_ + local;
    }

    void on_timer(int r, uint32_t tag)
    {
        if (tag == kIssueTag) {
            issue(r);
        } else if (tag == kTileTag) {
            end_tile(r);
        } else {
            auto [off, value] = rank(r).stores.front();
            rank(r).stores.pop_front();
            on_signal(r, off, value);
        }
    }

    /* The next block of the dispatch. The group of a rank is committed behind the last put to it. */
    void issue(int r)
    {
        int i = rank(r).n_issued++;
        int e = expert_of(r, i), dst = e / n_local_, rows = n_rows(r, e);
        uint64_t off = 8 * (static_cast<uint64_t>(r) * static_cast<uint64_t>(n_local_));
        if (cluster_.same_node(r, dst))
            store(dst, off + 8 * static_cast<uint64_t>(e % n_local_), static_cast<uint64_t>(rows), bytes_of(rows));
        else
            send_block(r, dst, e, rows, off);
        if (i + 1 < task_.shape.experts)
            cluster_.at(r, static_cast<double>(cluster_.now_ns()) + task_.profile.issue_ns, kIssueTag);
    }

    void send_block(int r, int dst, int e, int rows, uint64_t off)
    {
        uint32_t to = static_cast<uint32_t>(dst);
        pmx_command_t put = pmx_command_make(PMX_CMD_PUT, 0, to, 4096, bytes_of(rows), 4096);
        if (task_.signals == PMX_SIGNALS_COUPLED) {
            cluster_.push(r, kDispatch,
                          {put, pmx_command_make(PMX_CMD_SIGNAL_SET, PMX_CMD_ORDER, to, static_cast<uint64_t>(rows), 0,
                                                 off + 8 * static_cast<uint64_t>(e % n_local_))});
            return;
        }
        cluster_.push(r, kDispatch, {put});
        if (e % n_local_ != n_local_ - 1) return;
        uint64_t values_off = 8 * static_cast<uint64_t>(dst * n_local_);
        cluster_.push(r, kDispatch,
                      {pmx_command_make(PMX_CMD_SIGNAL_RUN, PMX_CMD_ORDER | PMX_CMD_COMMIT, to, values_off,
                                        pmx_command_run_make(static_cast<uint64_t>(n_local_), 8), off)});
    }

    /* A store to a rank of the node, and its signal. What comes to one rank comes one after the other. */
    void store(int dst, uint64_t off, uint64_t value, uint64_t n_bytes)
    {
        Rank& to = rank(dst);
        double now_ns = static_cast<double>(cluster_.now_ns());
        to.store_free_ns = std::max(now_ns, to.store_free_ns) + static_cast<double>(n_bytes) / task_.node_gb_per_s;
        to.stores.push_back({off, value});
        cluster_.at(dst, to.store_free_ns + kStoreNs, kStoreTag);
    }

    void on_signal(int r, uint64_t off, uint64_t value)
    {
        if (off >= kCombineOff) {
            if (++rank(r).n_seen != rank(r).n_expected) return;
            n_finished_++;
            last_ns_ = std::max(last_ns_, cluster_.now_ns());
            return;
        }
        int src = static_cast<int>(off / 8) / n_local_, rows = static_cast<int>(value);
        bool idle = rank(r).tiles.empty();
        for (; rows > 0; rows -= task_.tile_rows) rank(r).tiles.push_back({src, std::min(rows, task_.tile_rows)});
        if (idle && !rank(r).tiles.empty()) begin_tile(r);
    }

    void begin_tile(int r)
    {
        /* Three matrices, two operations for each weight. GFLOP/s are operations in a ns. */
        double flop = 6.0 * task_.shape.hidden * task_.shape.intermediate * rank(r).tiles.front().n_rows;
        double ns = flop / (task_.tflops * 1e3);
        rank(r).busy_ns += ns;
        cluster_.at(r, static_cast<double>(cluster_.now_ns()) + ns, kTileTag);
    }

    /* Its result goes to the rank its rows came from. */
    void end_tile(int r)
    {
        Tile tile = rank(r).tiles.front();
        rank(r).tiles.pop_front();
        if (!rank(r).tiles.empty()) begin_tile(r);
        uint64_t n_bytes = bytes_of(tile.n_rows), off = kCombineOff + 8 * static_cast<uint64_t>(r);
        if (cluster_.same_node(r, tile.src)) {
            store(tile.src, off, 1, n_bytes);
            return;
        }
        uint32_t to = static_cast<uint32_t>(tile.src);
        cluster_.push(r, kCombine, {pmx_command_make(PMX_CMD_PUT, 0, to, 4096, n_bytes, 4096),
                                    pmx_command_make(PMX_CMD_SIGNAL_SET, PMX_CMD_ORDER, to, 1, 0, off)});
    }

    const SimTask task_;
    const int n_ranks_;
    const int n_local_; /* experts of a rank */
    SimCluster cluster_;
    std::vector<Rank> ranks_;
    int n_finished_ = 0, n_iterations_ = 0;
    uint64_t last_ns_ = 0;
};

}  // namespace

Status sim_moe(const SimTask& asked, SimResult& result_out)
{
    SimResult result;
    result.task = asked;
    PMX_TRY(resolve_order(asked.order, softnic_caps(asked.profile), result.task.order));
    Layer layer(result.task);
    std::vector<double> times;
    double us = 0;
    PMX_TRY(layer.iterate(us)); /* the first meets its peers: not measured */
    SimCounters dispatch = layer.cluster().counters(kDispatch), combine = layer.cluster().counters(kCombine);
    for (int i = 0; i < asked.iterations; i++) {
        PMX_TRY(layer.iterate(us));
        times.push_back(us);
    }
    dispatch = layer.cluster().counters(kDispatch) - dispatch;
    combine = layer.cluster().counters(kCombine) - combine;
    double share = 1.0 / asked.n_ranks() / asked.iterations;
    result.order_points = static_cast<double>(dispatch.order_points + combine.order_points) * share;
    result.dispatch_order_points = static_cast<double>(dispatch.order_points) * share;
    result.stalls = static_cast<double>(dispatch.stalls + combine.stalls) * share;
    result.stalled_us = static_cast<double>(dispatch.stalled_ns + combine.stalled_ns) * share / 1e3;
    result.doorbells = static_cast<double>(dispatch.doorbells + combine.doorbells) * share;
    result.p50_us = percentile(times, 50);
    result.p99_us = percentile(times, 99);
    result.compute_us = layer.compute_us();
    result.n_events = layer.cluster().n_events();
    result_out = result;
    return {};
}

}  // namespace pmx::tools
