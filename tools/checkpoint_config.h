/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint_config.h: what config.json says of a MoE layer. */
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model.h"
#include "shape.h"
#include "status.h"

namespace pmx::tools {

/* How tensors of experts are arranged. */
enum class ExpertNaming { of_each, fused };

/* How a model type names things in config.json and in its tensors. */
struct Family {
    const char* model_type;
    const char* experts_key;
    const char* intermediate_key;
    const char* block; /* of the layer, before the router and experts */
    const char* router;
    const char *gate, *up, *down; /* of_each: experts.E.NAME.weight */
    ExpertNaming naming;
    bool always_renormalise; /* false: norm_topk_prob says */
};

struct LayerConfig {
    const Family* family = nullptr;
    Shape shape;
    Model model;
    pmx_moe_dtype_t dtype = PMX_MOE_BF16;
};

/* PMX_ERR_ARGUMENT, naming path, value and rule, unless the model type is known, the layer is there and has experts, and
 * the layer of pmx can compute what it is. */
Status read_layer_config(const std::string& path, int layer, LayerConfig& out);
/* The JSON of a file. */
Status read_json_file(const std::string& path, nlohmann::json& object_out);

}  // namespace pmx::tools
