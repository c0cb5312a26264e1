/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_options.cc: the options of pmx_moe and their help, which is also the source of its man page. */
#include "moe_options.h"

#include <climits>

#include "command_line.h"
#include "model.h"
#include "numeric.h"
#include "pmx.h"
#include "shape.h"
#include "strict_json.h"

namespace pmx::tools {

namespace {

constexpr const char* kAbout =
    "pmx_moe: runs one Mixture-of-Experts layer over the ranks of a job and measures it.\n"
    "Start it with mpirun: mpirun -n 4 pmx_moe --shape qwen3-30b-a3b --tokens 64 --check\n";

constexpr const char* kAfter =
    "  H,I,E,k: any other, weights renormalised\n"
    "Widths only: the router, the activation or the shared expert of the model is not taken; --preset takes all.\n"
    "The number of ranks must divide E, or the places of --expert-map, which stand for E below.\n"
    "\n"
    "Result, one line of JSON with --json, else a table; from rank 0:\n"
    "  tokens          of all ranks\n"
    "  p50_us p99_us   latency of a forward, of each the slowest rank\n"
    "  puts signals_sent stalls stalled_us   through the proxy, of the rank that has most, for one\n"
    "                  forward: dispatch and combine\n"
    "  order_points    of the dispatch, for one rank and one forward. It must be (P-L)*E/P with coupled\n"
    "                  and P-L with grouped signals on each of the P ranks, of which L are reached by\n"
    "                  plain stores; ok is false otherwise. combine_order_points: the largest of the "
    "combine\n"
    "  max_rel_err     with --check: largest |y - oracle| / |oracle| of a token, in the 2-norm; else null\n"
    "  ok              false: the error is not below 1e-2 (bf16) or 1e-5 (fp32), or order_points is wrong\n"
    "  compute_us communication_us exposed_us   with --alone: p50 without rows to other ranks, p50 with experts\n"
    "                  that take no time, and what p50_us is above the first\n"
    "  same_bits       the first and the last measured forward gave the same; else ok is false\n"
    "  checksum        of the bits of the result; does not depend on how tokens are divided over ranks\n"
    "\n"
    "Exit status: 0 ok; 1 a wrong result; 2 bad input; 3 a rank, the network or the system failed.\n";

/* Says the rule when it is broken, which the conversions of CLI11 do not. */
CLI::Validator whole(uint64_t lowest, uint64_t highest)
{
    const auto complaint = [=](std::string& text) {
        uint64_t number = 0;
        if (parse_number(text, number) && number >= lowest && number <= highest) return std::string();
        return fmt::format("{} must be a whole number from {} to {}", printable(text), lowest, highest);
    };
    return CLI::Validator(complaint, fmt::format("{}..{}", lowest, highest));
}

void add_work(CLI::App& app, MoeOptions& o)
{
    auto* shape = app.add_option("--shape", o.shape, shape_choices() + "; default qwen3-30b-a3b");
    auto* preset = app.add_option("--preset", o.preset,
                                  "the whole layer of a model, of --list-presets: its router, activation, biases and "
                                  "shared expert too, with random weights");
    auto* widths = app.add_option("--widths", o.widths,
                                  "H,I,E: hidden, intermediate and experts, instead of those of the preset");
    auto* activation = app.add_option("--activation", o.activation, activation_choices() + ", instead of that of the model");
    auto* on_input = app.add_flag("--weight-on-input", o.weight_on_input, "experts get weight * x, whatever the model says");
    app.add_option(
        "--tokens", o.tokens,
        "N or N0,N1,...: tokens of each rank; default 64, or the rows of --tokens-file over the ranks");
    app.add_option(
        "--routing", o.routing,
        "uniform: the router on random weights; zipf:A: the same, biased by ln of (e+1)^-A for expert "
        "e; file:PATH: expert numbers from a .npy of int32 or int64 [tokens, k], equal weights");
    app.add_option("--expert-map", o.expert_map,
                   "E0,E1,...: the expert in each place for one, -1 for none; an expert may have copies");
    auto* capacity = app.add_option("--capacity", o.capacity, "the most rows that a rank sends to one expert; default no limit")
                         ->check(whole(1, 1048576));
    app.add_option("--drop", o.drop, "with --capacity: the rows over it, lowest by weight or latest of tokens; default lowest")
        ->check(CLI::IsMember({"lowest", "latest"}))
        ->needs(capacity);
    auto* checkpoint = app.add_option(
        "--checkpoint", o.checkpoint,
        "Hugging Face directory (qwen3_moe, olmoe, mixtral, deepseek_v2, deepseek_v3, kimi_k2 or gpt_oss; bf16, fp32, and "
        "fp8 of DeepSeek and mxfp4 of GPT-OSS) to take the layer from");
    auto* layer =
        app.add_option("--layer", o.layer, "layer of the checkpoint, from 0")->check(whole(0, INT_MAX));
    app.add_option(
        "--tokens-file", o.tokens_file,
        "activations: a .npy of float32, or of uint16 with the bits of bf16, [tokens of all ranks, H]");
    app.add_option("--out", o.out, "write the result of all ranks to this .npy (float32)");
    app.add_option("--dtype", o.dtype, "bf16 or fp32; default that of the checkpoint, else bf16")
        ->check(CLI::IsMember({"bf16", "fp32"}));
    app.add_option("--seed", o.seed, "of the random weights and activations; default 1")
        ->check(whole(0, UINT64_MAX));
    shape->excludes(checkpoint);
    preset->excludes(shape)->excludes(checkpoint);
    widths->needs(preset);
    activation->excludes(checkpoint);
    on_input->excludes(checkpoint);
    checkpoint->needs(layer);
    layer->needs(checkpoint);
}

void add_run(CLI::App& app, MoeOptions& o)
{
    auto* device = app.add_option("--device", o.device, "host: host blocks; gpu: the kernel of a GPU, for bf16; default host");
    device->check(CLI::IsMember({"host", "gpu"}));
    app.add_flag("--graph", o.graph, "with --device gpu: each forward is the launch of a captured graph");
    app.add_flag("--alone", o.alone, "measure computing alone and communicating alone, too");
    app.add_option("--iters", o.iters, "measured forwards; default 3")->check(whole(1, 1000000));
    app.add_option("--warmup", o.warmup, "forwards before those; default 1")->check(whole(0, 1000000));
    app.add_option("--blocks", o.blocks, "blocks of the kernel; default from the cores, or all that the GPU runs at once")
        ->check(whole(2, 1024));
    app.add_option("--tile-rows", o.tile_rows, "rows of a tile; default 64")->check(whole(1, 1024));
    app.add_option("--order", o.order, "PMX_ORDER: auto, stall-all, stall-rank, deferred, fence, ordered or counted");
    app.add_option("--signals", o.signals, "PMX_SIGNALS: coupled or grouped");
    app.add_option("--transport", o.transport, "PMX_TRANSPORT: auto, shm, ofi, softnic or verbs");
    app.add_option("--provider", o.provider, "PMX_OFI_PROVIDER: such as tcp;ofi_rxm");
    app.add_option("--heap", o.heap,
                   "PMX_HEAP_SIZE; default what the layer takes, unless that variable is set");
    app.add_option("--gpu-heap", o.gpu_heap,
                   "PMX_GPU_HEAP_SIZE; default what the layer takes, unless that variable is set");
    app.add_option("--samples", o.samples, "tokens of each rank that --check compares, evenly spread; default all")
        ->check(whole(1, 1048576));
    app.add_flag("--check", o.check, "compare each token with the oracle in double precision");
    app.add_flag("--json", o.json, "print one line of JSON");
    app.add_flag("--flip-weight", o.flip_weight,
                 "self-test of --check: flips one bit of one weight in the layer, not in the oracle");
}

}  // namespace

Status parse_moe_options(int argc, char** argv, MoeOptions& options_out, std::string& text_out)
{
    CLI::App app(kAbout, "pmx_moe");
    app.footer("Shapes (H hidden, I intermediate, E experts, k experts of a token):\n" + shape_table() + kAfter);
    MoeOptions options;
    add_work(app, options);
    add_run(app, options);
    bool list = false;
    app.add_flag("--list-presets", list, "print the names of --preset and what each is");
    PMX_TRY(parse_command_line(app, argc, argv, text_out));
    if (options.graph && options.device != "gpu")
        return fail(PMX_ERR_ARGUMENT, "--graph: must be with --device gpu");
    if (options.capacity > 0 && options.samples > 0)
        return fail(PMX_ERR_ARGUMENT, "--samples: must be without --capacity, which depends on all tokens of a rank");
    if (text_out.empty() && list) text_out = preset_lines();
    if (!text_out.empty()) return {};
    options_out = options;
    return {};
}

}  // namespace pmx::tools
