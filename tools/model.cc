/* SPDX-License-Identifier: BSD-3-Clause */
/* model.cc: presets with the weights that go with them, and names of activations and scores. */
#include "model.h"

#include <iterator>

#include "strict_json.h"

namespace pmx::tools {

namespace {

/* By number. */
constexpr const char* kActivations[] = {"swiglu", "swiglu-clamped", "geglu",     "geglu-tanh",
                                        "silu",   "gelu",           "gelu-tanh", "relu"};
constexpr const char* kScores[] = {"softmax", "softmax-chosen", "sigmoid", "sqrt-softplus"};

std::string preset_names()
{
    std::string names;
    const char* name = nullptr;
    for (int i = 0; pmx_moe_preset_list(i, &name) == PMX_SUCCESS; i++) names += (i ? "|" : "") + std::string(name);
    return names;
}

/* The rows of pmx_moe_preset(3) do not say which biases their models have; their pages do. */
void find_weights(const std::string& name, Model& model)
{
    const pmx_moe_config_t& config = model.config;
    model.expert_biases = model.router_bias = config.activation == PMX_MOE_SWIGLU_CLAMPED;
    model.choice_bias = config.scores == PMX_MOE_SIGMOID && !config.weight_on_input;
    model.shared_router = config.shared_intermediate > 0 && name.starts_with("qwen");
}

}  // namespace

Model plain_model(const Shape& shape)
{
    Model model;
    model.config.size_bytes = sizeof model.config;
    model.config.hidden = shape.hidden;
    model.config.intermediate = shape.intermediate;
    model.config.experts = shape.experts;
    model.config.top_k = shape.top_k;
    model.config.renormalise = shape.renormalise;
    return model;
}

Status find_preset(const std::string& name, Model& model_out, Shape& shape_out)
{
    Model model;
    model.config.size_bytes = sizeof model.config;
    if (pmx_moe_preset(name.c_str(), &model.config) != PMX_SUCCESS)
        return fail(PMX_ERR_ARGUMENT, "--preset {}: must be {}", printable(name), preset_names());
    find_weights(name, model);
    const pmx_moe_config_t& config = model.config;
    shape_out = {name, config.hidden, config.intermediate, config.experts, config.top_k, config.renormalise != 0, ""};
    model_out = model;
    return {};
}

std::string preset_lines()
{
    std::string lines;
    const char* name = nullptr;
    for (int i = 0; pmx_moe_preset_list(i, &name) == PMX_SUCCESS; i++) {
        pmx_moe_config_t config = {};
        config.size_bytes = sizeof config;
        if (pmx_moe_preset(name, &config) != PMX_SUCCESS) continue;
        lines += fmt::format("{:<20} hidden {}, intermediate {}, {} experts, top {}, {}, {}", name, config.hidden,
                             config.intermediate, config.experts, config.top_k, activation_name(config.activation),
                             scores_name(config.scores));
        if (config.renormalise) lines += ", renormalised";
        if (config.groups > 1) lines += fmt::format(", {} of {} groups", config.groups_kept, config.groups);
        if (config.scale != 1.0f) lines += fmt::format(", scale {}", config.scale);
        if (config.weight_on_input) lines += ", weight on the input";
        if (config.shared_intermediate) lines += fmt::format(", shared {}", config.shared_intermediate);
        lines += "\n";
    }
    return lines;
}

const char* activation_name(pmx_moe_activation_t activation) { return kActivations[activation]; }
const char* scores_name(pmx_moe_scores_t scores) { return kScores[scores]; }

std::string activation_choices()
{
    std::string choices;
    for (const char* name : kActivations) choices += (choices.empty() ? "" : "|") + std::string(name);
    return choices;
}

Status parse_activation(const std::string& text, pmx_moe_activation_t& activation_out)
{
    for (size_t i = 0; i < std::size(kActivations); i++) {
        if (text != kActivations[i]) continue;
        activation_out = static_cast<pmx_moe_activation_t>(i);
        return {};
    }
    return fail(PMX_ERR_ARGUMENT, "--activation {}: must be {}", printable(text), activation_choices());
}

}  // namespace pmx::tools
