/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_options.cc: the options of pmx_sim and their help, which is also the source of its man page. */
#include "sim_options.h"

#include "command_line.h"
#include "order.h"

namespace pmx::tools {

namespace {

constexpr int kMaxRanks = 4096;

constexpr const char* kAbout =
    "pmx_sim: many ranks in one process, each with the real proxy engine over a software NIC, in virtual time.\n"
    "The same seed gives the same result. For example:\n"
    "  pmx_sim --profile slingshot11 --op fan --nodes 8 --table\n";

constexpr const char* kAfter =
    "Result, one line of JSON for each mode with --json, else a table:\n"
    "  p50_us p99_us   time of an iteration, of each the slowest rank\n"
    "  order_points stalls stalled_us doorbells   of one rank in one iteration, on average; stalled_us is\n"
    "                  the sum over its transfers\n"
    "  put_only_us     of a fan: the same puts without signals, and one quiet. ratio_to_put_only: that\n"
    "                  divided by p50_us\n"
    "  degradation     of a MoE layer: p50_us divided by that of the same layer on one node\n"
    "\n"
    "Exit status: 0 ok; 1 a mode stalls that never should, or order points are not what the formula says;\n"
    "2 bad input; 3 the system failed.\n";

struct Text {
    std::string profile = "slingshot11", order = "auto", signals = "grouped", shape = "qwen3-30b-a3b";
};

void add_options(CLI::App& app, SimOptions& o, Text& text)
{
    SimTask& t = o.task;
    app.add_option("--op", t.op, "fan: transfers with signals to all ranks beyond the node; moe: one MoE layer")
        ->check(CLI::IsMember({"fan", "moe"}));
    app.add_option("--profile", text.profile, "the fabric, see --profiles; default slingshot11");
    app.add_option("--nodes", t.n_nodes, "1 to 4096, at least 2 for a fan; default 2")->check(CLI::Range(1, kMaxRanks));
    app.add_option("--ranks-per-node", t.ranks_per_node, "1 to 64; default 4. Ranks in all: 2 to 4096")
        ->check(CLI::Range(1, 64));
    app.add_option("--order", text.order, "as PMX_ORDER: auto, stall-all, stall-rank, deferred, fence, ordered, counted");
    app.add_option("--signals", text.signals, "as PMX_SIGNALS: coupled or grouped (default)")
        ->check(CLI::IsMember({"coupled", "grouped"}));
    app.add_option("--bytes", t.n_bytes, "fan: of a transfer, 1 to 1073741824; default 4096")
        ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 30));
    app.add_option("--concurrency", t.concurrency, "fan: transfers of a rank, 1 to 4096; default 96")
        ->check(CLI::Range(1, 4096));
    app.add_option("--shape", text.shape, "moe: " + shape_choices() + "; default qwen3-30b-a3b");
    app.add_option("--tokens", t.n_tokens, "moe: of each rank, 1 to 65536; default 1024")->check(CLI::Range(1, 65536));
    app.add_option("--tile-rows", t.tile_rows, "moe: rows of a tile, 1 to 65536; default 128")->check(CLI::Range(1, 65536));
    app.add_option("--tflops", t.tflops, "moe: what a rank computes, 0.001 to 100000 TFLOP/s; default 35")
        ->check(CLI::Range(0.001, 1e5));
    app.add_option("--node-gbs", t.node_gb_per_s, "moe: into a rank from its node, 0.001 to 100000 GB/s; default 200")
        ->check(CLI::Range(0.001, 1e5));
    app.add_option("--iters", t.iterations, "measured iterations, 1 to 1000; one more goes before. Default 5")
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", t.seed, "of all that is drawn; default 1");
    app.add_flag("--json", o.json, "print JSON");
    app.add_flag("--table", o.table, "all order and signal modes of the fabric, and what each does");
    app.add_flag("--paper", o.paper, "published figures beside those of pmx_sim, and no other run; takes a minute");
    app.add_flag("--profiles", o.profiles, "print the fabrics, their numbers and where those come from");
}

Status find_order(const std::string& name, pmx_order_t& order_out)
{
    for (int order = PMX_ORDER_AUTO; order <= PMX_ORDER_COUNTED; order++) {
        if (name != order_name(static_cast<pmx_order_t>(order))) continue;
        order_out = static_cast<pmx_order_t>(order);
        return {};
    }
    return fail(PMX_ERR_ARGUMENT, "--order: \"{}\": must be one of auto, stall-all, stall-rank, deferred, fence, "
                "ordered, counted", name);
}

/* What one option alone cannot tell. */
Status check_together(const SimTask& t)
{
    if (t.n_nodes > kMaxRanks / t.ranks_per_node || t.n_ranks() < 2)
        return fail(PMX_ERR_ARGUMENT, "--nodes {} of --ranks-per-node {}: {} ranks, allowed 2..{}", t.n_nodes,
                    t.ranks_per_node, int64_t{t.n_nodes} * t.ranks_per_node, kMaxRanks);
    if (t.op == "fan" && t.n_nodes < 2)
        return fail(PMX_ERR_ARGUMENT, "--nodes {}: a fan needs 2..{}", t.n_nodes, kMaxRanks);
    if (t.op == "moe" && t.shape.experts % t.n_ranks() != 0)
        return fail(PMX_ERR_ARGUMENT, "{} ranks: must divide the {} experts", t.n_ranks(), t.shape.experts);
    return {};
}

}  // namespace

Status parse_sim_options(int argc, char** argv, SimOptions& options_out, std::string& text_out)
{
    CLI::App app(kAbout, "pmx_sim");
    app.footer(kAfter);
    SimOptions options;
    Text text;
    add_options(app, options, text);
    PMX_TRY(parse_command_line(app, argc, argv, text_out));
    if (!text_out.empty()) return {};
    SimTask& task = options.task;
    PMX_TRY(softnic_profile(text.profile, task.profile));
    PMX_TRY(find_order(text.order, task.order));
    PMX_TRY(parse_shape(text.shape, task.shape));
    task.signals = text.signals == "coupled" ? PMX_SIGNALS_COUPLED : PMX_SIGNALS_GROUPED;
    if (!options.paper && !options.profiles) PMX_TRY(check_together(task));
    options_out = options;
    return {};
}

}  // namespace pmx::tools
