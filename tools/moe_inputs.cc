/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_inputs.cc: reads the inputs and checks them against each other. */
#include "moe_inputs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "generator.h"

namespace pmx::tools {

namespace {

constexpr int kDefaultTokens = 64;

}  // namespace

Status MoeInputs::load(const MoeOptions& options)
{
    options_ = options;
    PMX_TRY(load_layer());
    if (!options.dtype.empty()) dtype_ = options.dtype == "bf16" ? PMX_MOE_BF16 : PMX_MOE_FP32;
    if (!options.tokens.empty()) PMX_TRY(parse_tokens(options.tokens, tokens_));
    if (!options.expert_map.empty()) PMX_TRY(load_expert_map(options.expert_map));
    if (!options.tokens_file.empty()) PMX_TRY(load_tokens_file(options.tokens_file));
    return load_routing(options.routing);
}

/* Shape, model and dtype. */
Status MoeInputs::load_layer()
{
    if (!options_.preset.empty()) {
        PMX_TRY(find_preset(options_.preset, model_, shape_));
    } else if (options_.checkpoint.empty()) {
        PMX_TRY(parse_shape(options_.shape, shape_));
        model_ = plain_model(shape_);
    } else {
        CheckpointLayer layer;
        PMX_TRY(open_checkpoint(options_.checkpoint, options_.layer, layer));
        shape_ = layer.shape;
        model_ = layer.model;
        dtype_ = layer.dtype;
        checkpoint_ = std::move(layer);
    }
    if (!options_.widths.empty()) {
        PMX_TRY(parse_widths(options_.widths, shape_));
        model_.config.hidden = shape_.hidden;
        model_.config.intermediate = shape_.intermediate;
        model_.config.experts = shape_.experts;
    }
    if (options_.weight_on_input) model_.config.weight_on_input = 1;
    if (!options_.activation.empty()) PMX_TRY(parse_activation(options_.activation, model_.config.activation));
    return {};
}

Status MoeInputs::load_tokens_file(const std::string& path)
{
    PMX_TRY(open_npy(path, tokens_file_));
    if (tokens_file_.type != NpyType::f4 && tokens_file_.type != NpyType::u2)
        return fail(PMX_ERR_ARGUMENT, "{}: activations must be '<f4', or '<u2' with the bits of bf16", path);
    if (tokens_file_.cols != static_cast<uint64_t>(shape_.hidden))
        return fail(PMX_ERR_ARGUMENT, "{}: shape ({}, {}) must be (tokens of all ranks, {})", path,
                    tokens_file_.rows, tokens_file_.cols, shape_.hidden);
    return {};
}

Status MoeInputs::load_routing(const std::string& text)
{
    Routing routing;
    PMX_TRY(parse_routing(text, routing));
    if (routing.kind == RoutingKind::zipf)
        for (int expert = 0; expert < std::min(shape_.experts, 1 << 20); expert++)
            bias_.push_back(static_cast<float>(-routing.exponent * std::log(expert + 1.0)));
    if (routing.kind != RoutingKind::file) return {};
    PMX_TRY(open_npy(routing.path, ids_file_));
    if (ids_file_.type != NpyType::i4 && ids_file_.type != NpyType::i8)
        return fail(PMX_ERR_ARGUMENT, "{}: expert numbers must be '<i4' or '<i8'", routing.path);
    if (ids_file_.cols != static_cast<uint64_t>(shape_.top_k))
        return fail(PMX_ERR_ARGUMENT, "{}: shape ({}, {}) must be (tokens of all ranks, {})", routing.path,
                    ids_file_.rows, ids_file_.cols, shape_.top_k);
    return {};
}

/* That each expert is there the layer says, when it gets the map. */
Status MoeInputs::load_expert_map(const std::string& text)
{
    PMX_TRY(parse_expert_map(text, expert_map_));
    for (const int32_t expert : expert_map_)
        if (expert >= shape_.experts)
            return fail(PMX_ERR_ARGUMENT, "--expert-map: {} must be from -1 to {}", expert, shape_.experts - 1);
    return {};
}

std::vector<int> MoeInputs::experts_of(int rank, int n_ranks) const
{
    const int n = (expert_map_.empty() ? shape_.experts : static_cast<int>(expert_map_.size())) / n_ranks;
    std::vector<int> experts;
    for (int place = rank * n; place < (rank + 1) * n; place++)
        experts.push_back(expert_map_.empty() ? place : expert_map_[static_cast<size_t>(place)]);
    return experts;
}

Status MoeInputs::plan(int n_ranks, TokenPlan& plan_out) const
{
    TokenPlan plan;
    if (!tokens_.empty())
        PMX_TRY(tokens_of_ranks(tokens_, n_ranks, plan.tokens));
    else if (tokens_file_.file || ids_file_.file) {
        const Npy& file = tokens_file_.file ? tokens_file_ : ids_file_;
        if (file.rows / static_cast<uint64_t>(n_ranks) >= 1u << 30)
            return fail(PMX_ERR_ARGUMENT, "{}: {} rows are too many for {} ranks", file.file->path(),
                        file.rows, n_ranks);
        plan.tokens = divide_tokens(file.rows, n_ranks);
    } else
        plan.tokens.assign(static_cast<size_t>(n_ranks), kDefaultTokens);
    for (const int tokens : plan.tokens) {
        plan.first.push_back(plan.total);
        plan.total += static_cast<uint64_t>(tokens);
        plan.most = std::max(plan.most, tokens);
    }
    for (const Npy* file : {&tokens_file_, &ids_file_})
        if (file->file && file->rows != plan.total)
            return fail(PMX_ERR_ARGUMENT, "{}: {} rows must be as many as all ranks have tokens, {}",
                        file->file->path(), file->rows, plan.total);
    plan_out = std::move(plan);
    return {};
}

pmx_moe_config_t MoeInputs::config(const TokenPlan& plan) const
{
    pmx_moe_config_t config = model_.config;
    config.max_tokens = std::max(plan.most, 1);
    config.dtype = dtype_;
    config.tile_rows = options_.tile_rows;
    config.n_blocks = options_.blocks;
    config.capacity = options_.capacity;
    config.drop = options_.drop == "latest" ? PMX_MOE_DROP_LATEST : PMX_MOE_DROP_LOWEST;
    config.physical_experts = static_cast<int>(expert_map_.size());
    return config;
}

std::unique_ptr<WeightSource> MoeInputs::weights() const
{
    return checkpoint_ ? checkpoint_weights(*checkpoint_, dtype_)
                       : random_weights(model_, dtype_, options_.seed);
}

std::vector<float> MoeInputs::router_bias(const CommonWeights& weights) const
{
    std::vector<float> sum = bias_;
    if (!weights.router_bias) return sum;
    sum.resize(static_cast<size_t>(shape_.experts));
    for (size_t expert = 0; expert < sum.size(); expert++) sum[expert] += weights.router_bias[expert];
    return sum;
}

std::vector<std::byte> MoeInputs::activations(uint64_t first, int n_tokens) const
{
    const size_t hidden = static_cast<size_t>(shape_.hidden), row_bytes = hidden * element_bytes(dtype_);
    std::vector<std::byte> x(static_cast<size_t>(n_tokens) * row_bytes);
    if (tokens_file_.file) {
        const auto from = tokens_file_.type == NpyType::f4 ? PMX_MOE_FP32 : PMX_MOE_BF16;
        convert_elements(tokens_file_.data + first * hidden * element_bytes(from), from, x.data(), dtype_,
                         static_cast<size_t>(n_tokens) * hidden);
        return x;
    }
    for (size_t row = 0; row < static_cast<size_t>(n_tokens); row++)
        generate(options_.seed, Stream::tokens, first + row, 1.0f, dtype_, hidden,
                 x.data() + row * row_bytes);
    return x;
}

Status MoeInputs::routing(uint64_t first, int n_tokens, std::vector<int32_t>& ids_out,
                          std::vector<float>& weights_out) const
{
    const auto k = static_cast<size_t>(shape_.top_k);
    const size_t n = static_cast<size_t>(n_tokens) * k;
    std::vector<int32_t> ids(n);
    for (size_t i = 0; i < n; i++) {
        int64_t id = 0;
        if (ids_file_.type == NpyType::i8) {
            std::memcpy(&id, ids_file_.data + (first * k + i) * 8, 8);
        } else {
            int32_t narrow = 0;
            std::memcpy(&narrow, ids_file_.data + (first * k + i) * 4, 4);
            id = narrow;
        }
        const uint64_t row = first + i / k;
        if (id < 0 || id >= shape_.experts)
            return fail(PMX_ERR_ARGUMENT, "{}: row {}: expert {} must be from 0 to {}",
                        ids_file_.file->path(), row, id, shape_.experts - 1);
        ids[i] = static_cast<int32_t>(id);
        const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(i / k * k);
        const auto end = ids.begin() + static_cast<std::ptrdiff_t>(i);
        if (std::find(begin, end, ids[i]) != end)
            return fail(PMX_ERR_ARGUMENT, "{}: row {}: expert {} must not be there twice",
                        ids_file_.file->path(), row, id);
    }
    ids_out = std::move(ids);
    weights_out.assign(n, 1.0f / static_cast<float>(k));
    return {};
}

}  // namespace pmx::tools
