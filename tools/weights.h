/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.h: where the weights of a layer come from: the generator, or a checkpoint. */
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint.h"
#include "numeric.h"
#include "status.h"

namespace pmx::tools {

struct ExpertWeights {
    const void* gate = nullptr; /* [I, H] */
    const void* up = nullptr;   /* [I, H] */
    const void* down = nullptr; /* [H, I] */
};

/* Weights of one layer in the dtype asked for, expert by expert. Used by one thread. Throws bad_alloc. */
class WeightSource {
public:
    virtual ~WeightSource() = default;
    /* [E, H]; valid as long as the source. */
    virtual const void* router() = 0;
    /* The weights of an expert; space holds at least expert_bytes() and is used when they are not in
     * memory as they are. Valid as long as both the space and the source. */
    virtual ExpertWeights expert(int expert, std::byte* space) = 0;
    /* 0 when expert() needs no space. */
    virtual size_t expert_bytes() const = 0;
};

/* Outputs of the layer are of the order of 1 for inputs of deviation 1. */
std::unique_ptr<WeightSource> random_weights(const Shape& shape, pmx_moe_dtype_t dtype, uint64_t seed);
/* Borrows layer. Mapped weights are used in place when dtype is theirs and they are aligned. */
std::unique_ptr<WeightSource> checkpoint_weights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype);

/* The experts first .. first + n - 1, kept in memory. */
class LocalExperts {
public:
    using Progress = std::function<void(int n_done, int n_all)>;
    /* matrix_bytes: of one matrix. */
    void load(WeightSource& source, int first, int n, size_t matrix_bytes, const Progress& progress);

    const void* const* gate() const { return gate_.data(); }
    const void* const* up() const { return up_.data(); }
    const void* const* down() const { return down_.data(); }
    /* Puts other weights in the place of one down matrix; the caller keeps them. */
    void replace_down(int local_expert, const void* down) { down_[static_cast<size_t>(local_expert)] = down; }

private:
    std::vector<std::unique_ptr<std::byte[]>> space_;
    std::vector<const void*> gate_, up_, down_;
};

}  // namespace pmx::tools
