/* SPDX-License-Identifier: BSD-3-Clause */
/* model.h: what the layer of a model is, beyond its widths. */
#pragma once

#include <string>

#include "pmx_moe.h"
#include "shape.h"
#include "status.h"

namespace pmx::tools {

struct Model {
    /* Widths, router, activation and shared expert; dtype and what belongs to a run stay 0. */
    pmx_moe_config_t config = {};
    /* Which of the weights that a layer may have are there. */
    bool router_bias = false;
    bool choice_bias = false;
    bool expert_biases = false;
    bool shared_router = false;
};

/* The widths of a shape: softmax, SwiGLU, nothing else. */
Model plain_model(const Shape& shape);
/* The whole layer of a preset of pmx_moe_preset(3), and its name and widths. PMX_ERR_ARGUMENT: there is none of this
 * name. */
Status find_preset(const std::string& name, Model& model_out, Shape& shape_out);
/* A line for each preset. */
std::string preset_lines();

/* A number of PMX_MOE_..., by the name that options and reports have. */
const char* activation_name(pmx_moe_activation_t activation);
const char* scores_name(pmx_moe_scores_t scores);
/* "name|name|..." */
std::string activation_choices();
Status parse_activation(const std::string& text, pmx_moe_activation_t& activation_out);

}  // namespace pmx::tools
