/* SPDX-License-Identifier: BSD-3-Clause */
/* weights.h: where the weights of a layer come from: the generator, or a checkpoint. */
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint.h"
#include "model.h"
#include "numeric.h"
#include "status.h"

namespace pmx::tools {

struct ExpertWeights {
    const void* gate = nullptr; /* [I, H] */
    const void* up = nullptr;   /* [I, H] */
    const void* down = nullptr; /* [H, I] */
};

/* All three, or none: nullptr. */
struct ExpertBiases {
    const float* gate = nullptr; /* [I] */
    const float* up = nullptr;   /* [I] */
    const float* down = nullptr; /* [H] */
};

/* What all ranks have, as in pmx_moe_weights_t; nullptr: the layer has none. */
struct CommonWeights {
    const void* router = nullptr;
    const float* router_bias = nullptr;
    const float* choice_bias = nullptr;
    const void* shared_gate = nullptr;
    const void* shared_up = nullptr;
    const void* shared_down = nullptr;
    const void* shared_router = nullptr;

    void put_into(pmx_moe_weights_t& weights) const;
};

/* Weights of one layer in the dtype asked for, expert by expert. Used by one thread. Throws bad_alloc. */
class WeightSource {
public:
    virtual ~WeightSource() = default;
    /* Valid as long as the source. */
    virtual const CommonWeights& common() = 0;
    virtual ExpertBiases biases(int expert) = 0;
    /* The weights of an expert; space holds at least expert_bytes() and is used when they are not in
     * memory as they are. Valid as long as both the space and the source. */
    virtual ExpertWeights expert(int expert, std::byte* space) = 0;
    /* 0 when expert() needs no space. */
    virtual size_t expert_bytes() const = 0;
};

/* Outputs of the layer are of the order of 1 for inputs of deviation 1. */
std::unique_ptr<WeightSource> random_weights(const Model& model, pmx_moe_dtype_t dtype, uint64_t seed);
/* Borrows layer. Mapped weights are used in place when dtype is theirs and they are aligned. */
std::unique_ptr<WeightSource> checkpoint_weights(const CheckpointLayer& layer, pmx_moe_dtype_t dtype);

/* The biases of experts as pmx_moe_weights_t takes them; none when the experts have none. */
class BiasPointers {
public:
    void add(const ExpertBiases& biases);
    /* Valid as long as this and what was added. */
    void put_into(pmx_moe_weights_t& weights) const;

private:
    std::vector<const float*> gate_, up_, down_;
};

/* The experts in the places of one rank, kept in memory; nullptr in an empty place. */
class LocalExperts {
public:
    using Progress = std::function<void(int n_done, int n_all)>;
    /* experts: in each place, -1: none; matrix_bytes: of one matrix. */
    void load(WeightSource& source, const std::vector<int>& experts, size_t matrix_bytes, const Progress& progress);

    /* Matrices and biases; valid as long as this and the source. */
    void put_into(pmx_moe_weights_t& weights) const;
    const void* down(size_t place) const { return down_[place]; }
    /* Puts other weights in the place of one down matrix; the caller keeps them. */
    void replace_down(size_t place, const void* down) { down_[place] = down; }

private:
    std::vector<std::unique_ptr<std::byte[]>> space_;
    std::vector<const void*> gate_, up_, down_;
    BiasPointers biases_;
};

}  // namespace pmx::tools
