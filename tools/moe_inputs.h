/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_inputs.h: what pmx_moe works on: shape, weights, activations and routing, read and checked. */
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint.h"
#include "moe_options.h"
#include "npy.h"
#include "numeric.h"
#include "shape.h"
#include "weights.h"

namespace pmx::tools {

/* Which tokens each rank has. */
struct TokenPlan {
    std::vector<int> tokens;     /* of each rank */
    std::vector<uint64_t> first; /* number of the first token of each rank, in the whole job */
    uint64_t total = 0;
    int most = 0; /* of one rank */
};

class MoeInputs {
public:
    /* Reads what the options name; needs no pmx. PMX_ERR_ARGUMENT with one line. */
    Status load(const MoeOptions& options);
    /* Divides the tokens; PMX_ERR_ARGUMENT when options, files and n_ranks do not go together. */
    Status plan(int n_ranks, TokenPlan& plan_out) const;
    /* For pmx_moe_create; not checked. */
    pmx_moe_config_t config(const TokenPlan& plan) const;

    const Shape& shape() const { return shape_; }
    pmx_moe_dtype_t dtype() const { return dtype_; }
    bool routed() const { return ids_file_.file != nullptr; } /* the routing comes from a file */
    bool random() const { return !checkpoint_; }              /* the weights do */
    const Model& model() const { return model_; }
    /* [places] as pmx_moe_weights_t has it; empty: expert e is in place e. */
    const std::vector<int32_t>& expert_map() const { return expert_map_; }
    /* The expert in each place of a rank; -1: none. */
    std::vector<int> experts_of(int rank, int n_ranks) const;
    /* [E]: that of the weights and what --routing adds; empty when there is neither. */
    std::vector<float> router_bias(const CommonWeights& weights) const;
    std::unique_ptr<WeightSource> weights() const;

    /* Rows first .. first + n_tokens - 1 of the activations, in the dtype of the layer. */
    std::vector<std::byte> activations(uint64_t first, int n_tokens) const;
    /* The same rows of the routing file: [n_tokens, k] each. PMX_ERR_ARGUMENT: an expert out of range, or
     * twice for one token. */
    Status routing(uint64_t first, int n_tokens, std::vector<int32_t>& ids_out,
                   std::vector<float>& weights_out) const;

private:
    Status load_layer();
    Status load_tokens_file(const std::string& path);
    Status load_routing(const std::string& text);
    Status load_expert_map(const std::string& text);

    MoeOptions options_;
    Shape shape_;
    Model model_;
    pmx_moe_dtype_t dtype_ = PMX_MOE_BF16;
    std::optional<CheckpointLayer> checkpoint_;
    std::vector<int> tokens_; /* as given; empty: from a file, or the default */
    std::vector<float> bias_;
    std::vector<int32_t> expert_map_;
    Npy tokens_file_, ids_file_; /* file is null without one */
};

}  // namespace pmx::tools
