/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.cc: the two sources and the local copy. */
#include "weights.h"

#include <cmath>

#include "generator.h"

namespace pmx::tools {

namespace {

size_t matrix_elems(const Shape& shape)
{
    return static_cast<size_t>(shape.hidden) * static_cast<size_t>(shape.intermediate);
}

class RandomWeights final : public WeightSource {
public:
    RandomWeights(const Shape& shape, pmx_moe_dtype_t dtype, uint64_t seed)
        : shape_(shape), dtype_(dtype), seed_(seed)
    {
    }

    const void* router() override
    {
        if (router_.empty()) {
            const size_t hidden = static_cast<size_t>(shape_.hidden);
            router_.resize(hidden * static_cast<size_t>(shape_.experts) * element_bytes(dtype_));
            for (int expert = 0; expert < shape_.experts; expert++)
                generate(seed_, Stream::router, static_cast<uint64_t>(expert), deviation(shape_.hidden),
                         dtype_, hidden,
                         router_.data() + static_cast<size_t>(expert) * hidden * element_bytes(dtype_));
        }
        return router_.data();
    }

    ExpertWeights expert(int expert, std::byte* space) override
    {
        /* silu(g) * u has the mean square 0.36 for g and u of deviation 1. */
        constexpr float kSiluGain = 0.6f;
        const size_t n = matrix_elems(shape_), step = n * element_bytes(dtype_);
        const auto index = static_cast<uint64_t>(expert);
        generate(seed_, Stream::gate, index, deviation(shape_.hidden), dtype_, n, space);
        generate(seed_, Stream::up, index, deviation(shape_.hidden), dtype_, n, space + step);
        generate(seed_, Stream::down, index, deviation(shape_.intermediate) / kSiluGain, dtype_, n,
                 space + 2 * step);
        return {space, space + step, space + 2 * step};
    }

    size_t expert_bytes() const override { return 3 * matrix_elems(shape_) * element_bytes(dtype_); }

private:
    /* Sums of this many products have deviation 1 then. */
    static float deviation(int n_terms) { return 1.0f / std::sqrt(static_cast<float>(n_terms)); }

    Shape shape_;
    pmx_moe_dtype_t dtype_;
    uint64_t seed_;
    std::vector<std::byte> router_;
};

class CheckpointWeights final : public WeightSource {
public:
    CheckpointWeights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype) : layer_(layer), dtype_(dtype)
    {
        for (const ExpertTensors& expert : layer.experts)
            for (const Tensor* tensor : {expert.gate, expert.up, expert.down})
                in_place_ = in_place_ && usable(*tensor);
    }

    const void* router() override
    {
        if (usable(*layer_.router)) return layer_.router->data;
        if (router_.empty()) {
            router_.resize(n_elems(*layer_.router) * element_bytes(dtype_));
            convert(*layer_.router, router_.data());
        }
        return router_.data();
    }

    ExpertWeights expert(int expert, std::byte* space) override
    {
        const ExpertTensors& tensors = layer_.experts[static_cast<size_t>(expert)];
        if (in_place_) {
            for (const Tensor* tensor : {tensors.gate, tensors.up, tensors.down}) read_ahead(*tensor);
            return {tensors.gate->data, tensors.up->data, tensors.down->data};
        }
        const size_t step = matrix_elems(layer_.shape) * element_bytes(dtype_);
        convert(*tensors.gate, space);
        convert(*tensors.up, space + step);
        convert(*tensors.down, space + 2 * step);
        return {space, space + step, space + 2 * step};
    }

    size_t expert_bytes() const override
    {
        return in_place_ ? 0 : 3 * matrix_elems(layer_.shape) * element_bytes(dtype_);
    }

private:
    bool usable(const Tensor& tensor) const
    {
        return layer_.dtype == dtype_ &&
               reinterpret_cast<uintptr_t>(tensor.data) % element_bytes(dtype_) == 0;
    }
    size_t n_elems(const Tensor& tensor) const { return tensor.n_bytes / element_bytes(layer_.dtype); }
    void convert(const Tensor& tensor, std::byte* to) const
    {
        convert_elements(tensor.data, layer_.dtype, to, dtype_, n_elems(tensor));
    }
    void read_ahead(const Tensor& tensor) const
    {
        for (const auto& file : layer_.files) {
            const auto bytes = file->file().bytes();
            if (tensor.data >= bytes.data() && tensor.data < bytes.data() + bytes.size())
                file->file().will_need(tensor.data, tensor.n_bytes);
        }
    }

    const CheckpointLayer& layer_;
    pmx_moe_dtype_t dtype_;
    bool in_place_ = true;
    std::vector<std::byte> router_;
};

/* Reads one byte of each page, so that the pages of a mapped file are in memory when the clock runs. */
void touch(const void* data, size_t n_bytes)
{
    constexpr size_t kPage = 4096;
    const auto* bytes = static_cast<const volatile unsigned char*>(data);
    for (size_t i = 0; i < n_bytes; i += kPage) (void)bytes[i];
}

}  // namespace

std::unique_ptr<WeightSource> random_weights(const Shape& shape, pmx_moe_dtype_t dtype, uint64_t seed)
{
    return std::make_unique<RandomWeights>(shape, dtype, seed);
}

std::unique_ptr<WeightSource> checkpoint_weights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype)
{
    return std::make_unique<CheckpointWeights>(layer, dtype);
}

void LocalExperts::load(WeightSource& source, int first, int n, size_t matrix_bytes, const Progress& progress)
{
    for (int i = 0; i < n; i++) {
        if (source.expert_bytes() > 0) space_.emplace_back(new std::byte[source.expert_bytes()]);
        std::byte* space = source.expert_bytes() > 0 ? space_.back().get() : nullptr;
        const ExpertWeights weights = source.expert(first + i, space);
        for (const void* matrix : {weights.gate, weights.up, weights.down}) touch(matrix, matrix_bytes);
        gate_.push_back(weights.gate);
        up_.push_back(weights.up);
        down_.push_back(weights.down);
        progress(i + 1, n);
    }
}

}  // namespace pmx::tools
