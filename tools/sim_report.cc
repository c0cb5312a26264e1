/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "order.h"

namespace pmx::tools {

namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double unit = 1e-3) { return std::round(value / unit) * unit; }

Json number(double value)
{
    value = std::round(value * 1e3) / 1e3;
    if (value == std::floor(value)) return static_cast<int64_t>(value);
    return value;
}

/* The row of this mode, or nullptr. */
const SimResult* find(std::span<const SimResult> rows, pmx_order_t order, int signals)
{
    for (const SimResult& row : rows)
        if (row.task.order == order && row.task.signals == signals) return &row;
    return nullptr;
}

/* The time of a as a multiple of that of b. */
std::string times(const SimResult& a, const SimResult& b) { return fmt::format("{:.2f}x", a.p50_us / b.p50_us); }

/* How much faster each of the two remedies is, alone and together, from stall-all with coupled signals. */
std::string explanation(std::span<const SimResult> rows)
{
    const SimResult* base = find(rows, PMX_ORDER_STALL_ALL, PMX_SIGNALS_COUPLED);
    const SimResult* grouped = find(rows, PMX_ORDER_STALL_ALL, PMX_SIGNALS_GROUPED);
    if (!base || !grouped) return "";
    const SimResult* best = nullptr;
    for (pmx_order_t order : {PMX_ORDER_ORDERED, PMX_ORDER_COUNTED, PMX_ORDER_FENCE, PMX_ORDER_DEFERRED})
        if (!best) best = find(rows, order, PMX_SIGNALS_COUPLED);
    const SimResult* both = best ? find(rows, best->task.order, PMX_SIGNALS_GROUPED) : nullptr;
    if (!both) return "";
    const char* name = order_name(best->task.order);
    std::string text = fmt::format(
        "Batching alone (stall-all, coupled to grouped) is {} faster; ordering alone (coupled, stall-all to {}) is {};\n"
        "both together are {}. Once order costs no wait, batching is worth {} (below 1: it costs).\n",
        times(*base, *grouped), name, times(*base, *best), times(*base, *both), times(*best, *both));
    if (best->task.order == PMX_ORDER_ORDERED)
        text += "\"ordered coupled\" is what one queue that keeps the order of writes does with no help: the baseline\n"
                "for every gain that is claimed on such a fabric.\n";
    return text;
}

std::string row_text(const SimResult& row, double one_node_us)
{
    double last = row.task.op == "fan" ? row.ratio_to_put_only() : row.p50_us / one_node_us;
    double beside = row.task.op == "fan" ? row.put_only_us : row.compute_us;
    return fmt::format("{:<11} {:<8} {:>11.1f} {:>11.1f} {:>11.1f} {:>8.2f} {:>12.1f} {:>8.1f} {:>11.1f} {:>10.1f}\n",
                       order_name(row.task.order), signals_name(row.task.signals), row.p50_us, row.p99_us, beside, last,
                       row.order_points, row.stalls, row.stalled_us, row.doorbells);
}

}  // namespace

std::string sim_json(const SimResult& r, double one_node_us)
{
    const SimTask& t = r.task;
    bool fan = t.op == "fan";
    Json line = {{"tool", "pmx_sim"},
                 {"op", t.op},
                 {"profile", t.profile.name},
                 {"transport", "softnic"},
                 {"order", order_name(t.order)},
                 {"signals", signals_name(t.signals)},
                 {"ranks", t.n_ranks()},
                 {"nodes", t.n_nodes},
                 {"bytes", fan ? Json(t.n_bytes) : Json()},
                 {"concurrency", fan ? Json(t.concurrency) : Json()},
                 {"iters", t.iterations},
                 {"seed", t.seed},
                 {"p50_us", number(r.p50_us)},
                 {"p99_us", number(r.p99_us)},
                 {"order_points", number(r.order_points)},
                 {"stalls", number(r.stalls)},
                 {"stalled_us", number(r.stalled_us)},
                 {"doorbells", number(r.doorbells)},
                 {"put_only_us", fan ? number(r.put_only_us) : Json()},
                 {"ratio_to_put_only", fan ? number(r.ratio_to_put_only()) : Json()}};
    if (!fan) {
        line["shape"] = t.shape.name;
        line["tokens"] = t.n_tokens;
        line["tile_rows"] = t.tile_rows;
        line["tflops"] = t.tflops;
        line["compute_us"] = number(r.compute_us);
        line["dispatch_order_points"] = number(r.dispatch_order_points);
        line["one_node_us"] = number(one_node_us);
        line["degradation"] = number(one_node_us > 0 ? r.p50_us / one_node_us : 0);
    }
    line["events"] = r.n_events;
    return line.dump();
}

std::string sim_table(std::span<const SimResult> rows, double one_node_us)
{
    if (rows.empty()) return "";
    const SimTask& t = rows[0].task;
    bool fan = t.op == "fan";
    std::string text = fmt::format("{} over {}: {} nodes of {} ranks, ", t.op, t.profile.name, t.n_nodes, t.ranks_per_node);
    text += fan ? fmt::format("{} transfers of {} bytes from each rank, each with a signal\n\n", t.concurrency, t.n_bytes)
                : fmt::format("{}, {} tokens a rank, tiles of {} rows at {} TFLOP/s; one node: {:.1f} us\n\n", t.shape.name,
                              t.n_tokens, t.tile_rows, t.tflops, one_node_us);
    text += fmt::format("{:<11} {:<8} {:>11} {:>11} {:>11} {:>8} {:>12} {:>8} {:>11} {:>10}\n", "order", "signals",
                        "p50_us", "p99_us", fan ? "put_only_us" : "compute_us", fan ? "ratio" : "degrad.",
                        "order_points", "stalls", "stalled_us", "doorbells");
    for (const SimResult& row : rows) text += row_text(row, one_node_us);
    std::string below = explanation(rows);
    return below.empty() ? text : text + "\n" + below;
}

std::string sim_profiles()
{
    std::string text = fmt::format("{:<12} {:>7} {:>7} {:>9} {:>9} {:>10} {:>6} {:>6} {:>9} {:>8} {:>8} {:>6}\n", "profile",
                                   "gap_ns", "GB/s", "latency", "jitter", "jit./rank", "paths", "ops", "window", "max_put",
                                   "order", "host");
    for (const SoftNicProfile& p : softnic_profiles()) {
        auto size = [](uint64_t n) { return n == UINT64_MAX ? std::string("any") : fmt::format("{}k", n / 1024); };
        std::string order = fmt::format("{}{}{}", p.ordered ? "o" : "-", p.fence ? "f" : "-", p.counted ? "c" : "-");
        text += fmt::format("{:<12} {:>7} {:>7} {:>9} {:>9} {:>10} {:>6} {:>6} {:>9} {:>8} {:>8} {:>6}\n", p.name, p.gap_ns,
                            p.ns_per_byte > 0 ? fmt::format("{:.3g}", 1 / p.ns_per_byte) : "any", p.latency_ns, p.jitter_ns,
                            p.jitter_per_peer_ns, p.n_paths, p.queue_ops, size(p.window_bytes), size(p.max_put_bytes),
                            order, p.command_ns + p.post_ns);
    }
    text += "\nTimes in ns. order: o ordered, f fence, c counted. host: of the proxy for one operation.\n";
    for (const SoftNicProfile& p : softnic_profiles()) text += fmt::format("{}: {}\n", p.name, p.source);
    return text;
}

Status sim_check(const SimResult& r)
{
    const SimTask& t = r.task;
    std::string mode = fmt::format("{} {}", order_name(t.order), signals_name(t.signals));
    if (!stalls(t.order) && r.stalls != 0)
        return fail(PMX_ERR_INTERNAL, "{}: {} stalls, must be 0", mode, r.stalls);
    int n_far = t.n_ranks() - t.ranks_per_node;
    bool coupled = t.signals == PMX_SIGNALS_COUPLED;
    double seen = r.order_points, expected = coupled ? t.concurrency : std::min(t.concurrency, n_far);
    if (t.op == "moe") {
        seen = r.dispatch_order_points;
        expected = coupled ? n_far * (t.shape.experts / t.n_ranks()) : n_far;
    }
    if (rounded(seen, 1e-6) != expected)
        return fail(PMX_ERR_INTERNAL, "{}: {} order points, the formula says {}", mode, seen, expected);
    return {};
}

}  // namespace pmx::tools
