/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_options.h: the command line of pmx_moe. */
#pragma once

#include <cstdint>
#include <string>

#include "status.h"

namespace pmx::tools {

struct MoeOptions {
    std::string shape = "qwen3-30b-a3b";
    std::string preset; /* "": shape or checkpoint */
    std::string widths; /* "": those of the preset */
    std::string activation; /* "": that of the model */
    bool weight_on_input = false; /* also where that of the model is not */
    std::string tokens; /* "": the rows of the tokens or routing file, else 64 for each rank */
    std::string routing = "uniform";
    std::string checkpoint; /* "": random weights */
    int layer = -1;         /* of the checkpoint */
    std::string tokens_file;
    std::string expert_map; /* "": expert e in place e */
    int capacity = 0;       /* 0: none */
    std::string drop = "lowest";
    std::string out;
    std::string dtype; /* "": that of the checkpoint, else bf16 */
    std::string device = "host";
    bool graph = false;
    bool alone = false;
    int samples = 0; /* 0: all tokens */
    int iters = 3;
    int warmup = 1;
    /* Texts for pmx_param_set; "": not set. */
    std::string order, signals, transport, provider, heap, gpu_heap;
    bool check = false;
    bool json = false;
    uint64_t seed = 1;
    unsigned blocks = 0;
    int tile_rows = 0;
    bool flip_weight = false;
};

/* PMX_ERR_ARGUMENT with one line for the user. text_out: what --help or --version print; not empty: print
 * it and end well. */
Status parse_moe_options(int argc, char** argv, MoeOptions& options_out, std::string& text_out);

}  // namespace pmx::tools
