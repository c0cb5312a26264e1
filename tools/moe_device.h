/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_device.h: what computes the layer of pmx_moe: host blocks, or the kernel of a GPU. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "pmx_moe.h"
#include "status.h"

namespace pmx::tools {

struct OwnTokens {
    int n_tokens = 0;
    std::vector<std::byte> x, y; /* [T, H] in the dtype of the layer: activations and results */
    std::vector<int32_t> ids;    /* [T, k]: what the router chose, or what the routing file says */
    std::vector<float> weights;  /* [T, k] */
    bool routed = false;         /* the layer is given ids and weights; else it routes by itself */
};

/* How far the last forward had come after how long on this rank; 0: not known. */
struct MoePhases {
    uint64_t packed_ns = 0, multiplied_ns = 0, combined_ns = 0;
};

/* One layer at a time. All memory that is passed is that of the host. */
class MoeDevice {
public:
    virtual ~MoeDevice() = default;
    /* Bytes of the symmetric heap of each rank that a layer takes: of host memory, and of GPU memory. */
    virtual Status heap_bytes(const pmx_moe_config_t& config, int n_ranks, size_t& host_out, size_t& gpu_out) = 0;
    /* Collective. */
    virtual Status create(const pmx_moe_config_t& config) = 0;
    /* Local; what weights points to is borrowed until free. */
    virtual Status set_weights(const pmx_moe_weights_t& weights) = 0;
    /* Collective: which experts the tokens go to, and whether the layer must be given that. */
    virtual Status route(OwnTokens& own) = 0;
    /* Local: what forward works on; own is borrowed. */
    virtual Status set_tokens(const OwnTokens& own) = 0;
    /* Collective: one call, and how long it took on this rank. */
    virtual Status forward(uint64_t& ns_out) = 0;
    virtual Status result(std::vector<std::byte>& y_out) = 0;
    virtual Status phases(MoePhases& phases_out) = 0;
    virtual Status counters(pmx_moe_counters_t& counters_out) = 0;
    virtual Status reset_counters() = 0;
    /* Collective. No layer: does nothing. */
    virtual Status free() = 0;
};

std::unique_ptr<MoeDevice> moe_host();
/* graph: calls are captured once and replayed. nullptr: this build has no CUDA. */
std::unique_ptr<MoeDevice> moe_gpu(bool graph);

}  // namespace pmx::tools
