/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint.h: one MoE layer of a Hugging Face directory: config.json, and either model.safetensors or
 * the shards that model.safetensors.index.json names. Model types: qwen3_moe, olmoe, mixtral, deepseek_v2, deepseek_v3,
 * kimi_k2 and gpt_oss. */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model.h"
#include "safetensors.h"
#include "shape.h"
#include "status.h"
#include "stored_matrix.h"

namespace pmx::tools {

/* gate and up: [I, H], down: [H, I]; in the mapped files. */
struct ExpertTensors {
    StoredMatrix gate, up, down;
};

struct CheckpointLayer {
    Shape shape; /* from config.json, as model is */
    Model model;
    pmx_moe_dtype_t dtype = PMX_MOE_BF16;
    StoredMatrix router; /* [E, H] */
    std::vector<ExpertTensors> experts;
    ExpertTensors shared; /* of length S, when model has a shared expert */
    std::vector<float> router_bias, choice_bias; /* [E], where model has them */
    std::vector<float> biases;                   /* [E][gate, up, down], likewise */
    std::vector<std::unique_ptr<Safetensors>> files; /* own the mappings and the tensors */
};

/* PMX_ERR_ARGUMENT, naming file, value and rule, unless config.json is of a known model type that the layer of pmx
 * computes, the layer exists and has experts, and all its tensors are there with the shape and the dtype (bfloat16 or
 * float32) that config.json says; experts of DeepSeek may also be of F8_E4M3 with a scale for each block, those of
 * GPT-OSS of mxfp4. Files outside of
 * the directory are not opened. */
Status open_checkpoint(const std::string& directory, int layer, CheckpointLayer& layer_out);

}  // namespace pmx::tools
