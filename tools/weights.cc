/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.cc: the two sources and the local copy. */
#include "weights.h"

#include <algorithm>
#include <cmath>

#include "generator.h"

namespace pmx::tools {

namespace {

size_t matrix_elems(const pmx_moe_config_t& config)
{
    return static_cast<size_t>(config.hidden) * static_cast<size_t>(config.intermediate);
}

/* Sums of this many products of values of deviation 1 have deviation 1 then. */
float deviation(int n_terms) { return 1.0f / std::sqrt(static_cast<float>(n_terms)); }

/* silu(g) * u has the mean square 0.36 for g and u of deviation 1. */
constexpr float kSiluGain = 0.6f;
constexpr float kBiasDeviation = 0.1f;

class RandomWeights final : public WeightSource {
public:
    RandomWeights(const Model& model, pmx_moe_dtype_t dtype, uint64_t seed)
        : model_(model), dtype_(dtype), seed_(seed)
    {
        make_router();
        if (config_.shared_intermediate > 0) make_shared();
        if (model_.expert_biases) make_biases();
    }

    const CommonWeights& common() override { return common_; }

    ExpertBiases biases(int expert) override
    {
        if (!model_.expert_biases) return {};
        const size_t inner = static_cast<size_t>(config_.intermediate);
        const float* gate = biases_.data() + static_cast<size_t>(expert) * bias_elems();
        return {gate, gate + inner, gate + 2 * inner};
    }

    ExpertWeights expert(int expert, std::byte* space) override
    {
        const size_t n = matrix_elems(config_), step = n * element_bytes(dtype_);
        const auto index = static_cast<uint64_t>(expert);
        generate(seed_, Stream::gate, index, deviation(config_.hidden), dtype_, n, space);
        generate(seed_, Stream::up, index, deviation(config_.hidden), dtype_, n, space + step);
        generate(seed_, Stream::down, index, deviation(config_.intermediate) / kSiluGain, dtype_, n,
                 space + 2 * step);
        return {space, space + step, space + 2 * step};
    }

    size_t expert_bytes() const override { return 3 * matrix_elems(config_) * element_bytes(dtype_); }

private:
    size_t bias_elems() const { return 2 * static_cast<size_t>(config_.intermediate) + static_cast<size_t>(config_.hidden); }

    const void* make(std::vector<std::byte>& data, Stream stream, float deviation, size_t n_elems)
    {
        data.resize(n_elems * element_bytes(dtype_));
        generate(seed_, stream, 0, deviation, dtype_, n_elems, data.data());
        return data.data();
    }

    const float* make_floats(std::vector<float>& data, Stream stream, size_t n_elems)
    {
        data.resize(n_elems);
        generate(seed_, stream, 0, kBiasDeviation, PMX_MOE_FP32, n_elems, data.data());
        return data.data();
    }

    /* A row for each expert: the same whatever E is. */
    void make_router()
    {
        const size_t hidden = static_cast<size_t>(config_.hidden), experts = static_cast<size_t>(config_.experts);
        const size_t row_bytes = hidden * element_bytes(dtype_);
        router_.resize(experts * row_bytes);
        for (size_t expert = 0; expert < experts; expert++)
            generate(seed_, Stream::router, expert, deviation(config_.hidden), dtype_, hidden,
                     router_.data() + expert * row_bytes);
        common_.router = router_.data();
        if (model_.router_bias) common_.router_bias = make_floats(router_bias_, Stream::router_bias, experts);
        if (model_.choice_bias) common_.choice_bias = make_floats(choice_bias_, Stream::choice_bias, experts);
    }

    void make_shared()
    {
        const size_t hidden = static_cast<size_t>(config_.hidden);
        const size_t n = hidden * static_cast<size_t>(config_.shared_intermediate);
        common_.shared_gate = make(shared_[0], Stream::shared_gate, deviation(config_.hidden), n);
        common_.shared_up = make(shared_[1], Stream::shared_up, deviation(config_.hidden), n);
        common_.shared_down =
            make(shared_[2], Stream::shared_down, deviation(config_.shared_intermediate) / kSiluGain, n);
        if (model_.shared_router)
            common_.shared_router = make(shared_[3], Stream::shared_router, deviation(config_.hidden), hidden);
    }

    void make_biases()
    {
        biases_.resize(static_cast<size_t>(config_.experts) * bias_elems());
        for (size_t expert = 0; expert < static_cast<size_t>(config_.experts); expert++)
            generate(seed_, Stream::biases, expert, kBiasDeviation, PMX_MOE_FP32, bias_elems(),
                     biases_.data() + expert * bias_elems());
    }

    const Model model_;
    const pmx_moe_config_t& config_ = model_.config;
    pmx_moe_dtype_t dtype_;
    uint64_t seed_;
    CommonWeights common_;
    std::vector<std::byte> router_, shared_[4];
    std::vector<float> router_bias_, choice_bias_;
    std::vector<float> biases_; /* [E][gate, up, down] */
};

class CheckpointWeights final : public WeightSource {
public:
    CheckpointWeights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype) : layer_(layer), dtype_(dtype)
    {
        for (const ExpertTensors& expert : layer.experts)
            for (const StoredMatrix* matrix : {&expert.gate, &expert.up, &expert.down})
                in_place_ = in_place_ && in_place(*matrix, dtype);
        common_.router = keep(layer.router, 0);
        common_.router_bias = or_none(layer.router_bias);
        common_.choice_bias = or_none(layer.choice_bias);
        if (!layer.shared.gate.values) return;
        common_.shared_gate = keep(layer.shared.gate, 1);
        common_.shared_up = keep(layer.shared.up, 2);
        common_.shared_down = keep(layer.shared.down, 3);
    }

    const CommonWeights& common() override { return common_; }

    ExpertBiases biases(int expert) override
    {
        if (layer_.biases.empty()) return {};
        const size_t inner = static_cast<size_t>(layer_.shape.intermediate);
        const size_t n = 2 * inner + static_cast<size_t>(layer_.shape.hidden);
        const float* gate = layer_.biases.data() + static_cast<size_t>(expert) * n;
        return {gate, gate + inner, gate + 2 * inner};
    }

    ExpertWeights expert(int expert, std::byte* space) override
    {
        const ExpertTensors& tensors = layer_.experts[static_cast<size_t>(expert)];
        if (in_place_) {
            for (const StoredMatrix* matrix : {&tensors.gate, &tensors.up, &tensors.down}) read_ahead(*matrix);
            return {in_place(tensors.gate, dtype_), in_place(tensors.up, dtype_), in_place(tensors.down, dtype_)};
        }
        const size_t step = matrix_elems(layer_.model.config) * element_bytes(dtype_);
        read_matrix(tensors.gate, dtype_, space);
        read_matrix(tensors.up, dtype_, space + step);
        read_matrix(tensors.down, dtype_, space + 2 * step);
        return {space, space + step, space + 2 * step};
    }

    size_t expert_bytes() const override
    {
        return in_place_ ? 0 : 3 * matrix_elems(layer_.model.config) * element_bytes(dtype_);
    }

private:
    static const float* or_none(const std::vector<float>& values) { return values.empty() ? nullptr : values.data(); }

    /* In place, or converted into memory of this source. */
    const void* keep(const StoredMatrix& matrix, size_t i)
    {
        if (const std::byte* data = in_place(matrix, dtype_)) return data;
        kept_[i].resize(matrix.n_elems() * element_bytes(dtype_));
        read_matrix(matrix, dtype_, kept_[i].data());
        return kept_[i].data();
    }
    void read_ahead(const StoredMatrix& matrix) const
    {
        const std::byte* data = in_place(matrix, dtype_);
        for (const auto& file : layer_.files) {
            const auto bytes = file->file().bytes();
            if (data >= bytes.data() && data < bytes.data() + bytes.size())
                file->file().will_need(data, matrix.n_elems() * element_bytes(dtype_));
        }
    }

    const CheckpointLayer& layer_;
    pmx_moe_dtype_t dtype_;
    bool in_place_ = true;
    CommonWeights common_;
    std::vector<std::byte> kept_[4]; /* router; gate, up and down of the shared expert */
};

/* Reads one byte of each page, so that the pages of a mapped file are in memory when the clock runs. */
void touch(const void* data, size_t n_bytes)
{
    constexpr size_t kPage = 4096;
    const auto* bytes = static_cast<const volatile unsigned char*>(data);
    for (size_t i = 0; i < n_bytes; i += kPage) (void)bytes[i];
}

}  // namespace

std::unique_ptr<WeightSource> random_weights(const Model& model, pmx_moe_dtype_t dtype, uint64_t seed)
{
    return std::make_unique<RandomWeights>(model, dtype, seed);
}

std::unique_ptr<WeightSource> checkpoint_weights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype)
{
    return std::make_unique<CheckpointWeights>(layer, dtype);
}

void CommonWeights::put_into(pmx_moe_weights_t& weights) const
{
    weights.router = router;
    weights.router_bias = router_bias;
    weights.choice_bias = choice_bias;
    weights.shared_gate = shared_gate;
    weights.shared_up = shared_up;
    weights.shared_down = shared_down;
    weights.shared_router = shared_router;
}

void BiasPointers::add(const ExpertBiases& biases)
{
    gate_.push_back(biases.gate);
    up_.push_back(biases.up);
    down_.push_back(biases.down);
}

void BiasPointers::put_into(pmx_moe_weights_t& weights) const
{
    if (std::all_of(down_.begin(), down_.end(), [](const float* bias) { return !bias; })) return;
    weights.gate_bias = gate_.data();
    weights.up_bias = up_.data();
    weights.down_bias = down_.data();
}

void LocalExperts::load(WeightSource& source, const std::vector<int>& experts, size_t matrix_bytes,
                        const Progress& progress)
{
    for (const int expert : experts) {
        if (expert < 0) {
            for (auto* matrices : {&gate_, &up_, &down_}) matrices->push_back(nullptr);
            biases_.add({});
            continue;
        }
        if (source.expert_bytes() > 0) space_.emplace_back(new std::byte[source.expert_bytes()]);
        std::byte* space = source.expert_bytes() > 0 ? space_.back().get() : nullptr;
        const ExpertWeights weights = source.expert(expert, space);
        for (const void* matrix : {weights.gate, weights.up, weights.down}) touch(matrix, matrix_bytes);
        gate_.push_back(weights.gate);
        up_.push_back(weights.up);
        down_.push_back(weights.down);
        biases_.add(source.biases(expert));
        progress(static_cast<int>(gate_.size()), static_cast<int>(experts.size()));
    }
}

void LocalExperts::put_into(pmx_moe_weights_t& weights) const
{
    weights.gate = gate_.data();
    weights.up = up_.data();
    weights.down = down_.data();
    biases_.put_into(weights);
}

}  // namespace pmx::tools
