/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint.h: one MoE layer of a Hugging Face directory: config.json, and either model.safetensors or
 * the shards that model.safetensors.index.json names. Model types: qwen3_moe, olmoe, mixtral. */
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model.h"
#include "numeric.h"
#include "safetensors.h"
#include "shape.h"
#include "status.h"

namespace pmx::tools {

/* gate and up: [I, H], down: [H, I]; in the mapped files. */
struct ExpertTensors {
    const Tensor* gate = nullptr;
    const Tensor* up = nullptr;
    const Tensor* down = nullptr;
};

struct CheckpointLayer {
    Shape shape; /* from config.json, as model is */
    Model model;
    pmx_moe_dtype_t dtype = PMX_MOE_BF16;
    const Tensor* router = nullptr; /* [E, H] */
    std::vector<ExpertTensors> experts;
    std::vector<std::unique_ptr<Safetensors>> files; /* own the mappings and the tensors */
};

/* PMX_ERR_ARGUMENT, naming file, value and rule, unless config.json is of a known model type with SiLU, the
 * layer exists, and all its tensors are there with the shape and the dtype (bfloat16 or float32) that
 * config.json says. Files outside of the directory are not opened. */
Status open_checkpoint(const std::string& directory, int layer, CheckpointLayer& layer_out);

}  // namespace pmx::tools
