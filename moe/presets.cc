/* SPDX-License-Identifier: BSD-3-Clause */
/* presets.cc: pmx_moe_preset and pmx_moe_preset_list. */
#include <cstring>

#include "moe/error.h"
#include "pmx_moe.h"

namespace {

struct Preset {
    const char* name;
    int hidden, intermediate, experts, top_k, shared_intermediate;
    pmx_moe_activation_t activation;
    pmx_moe_scores_t scores;
    int renormalise, groups, groups_kept;
    float scale;
    int weight_on_input;
};

constexpr Preset kPresets[] = {
#define PMX_PRESET(name, hidden, intermediate, experts, top_k, shared, activation, scores, renormalise,   \
                   groups, kept, scale, on_input)                                                         \
    {name,        hidden, intermediate, experts, top_k,   shared, PMX_MOE_##activation, PMX_MOE_##scores, \
     renormalise, groups, kept,         scale,   on_input},
#include "moe/presets.def"
#undef PMX_PRESET
};
constexpr int kNumPresets = (int)(sizeof kPresets / sizeof *kPresets);

const Preset* find(const char* name)
{
    for (const Preset& preset : kPresets)
        if (strcmp(preset.name, name) == 0) return &preset;
    return nullptr;
}

}  // namespace

extern "C" {

int pmx_moe_preset(const char* name, pmx_moe_config_t* config_out)
{
    using pmx::moe::fail;
    if (!name || !config_out) return fail(PMX_ERR_ARGUMENT, "{} is NULL", name ? "config_out" : "name");
    if (config_out->size_bytes < sizeof *config_out)
        return fail(PMX_ERR_ARGUMENT, "size_bytes of pmx_moe_config_t is {}: must be {}",
                    config_out->size_bytes, sizeof *config_out);
    const Preset* preset = find(name);
    if (!preset)
        return fail(PMX_ERR_ARGUMENT, "preset \"{}\": must be one of the {} that pmx_moe_preset_list names",
                    name, kNumPresets);
    config_out->hidden = preset->hidden;
    config_out->intermediate = preset->intermediate;
    config_out->experts = preset->experts;
    config_out->top_k = preset->top_k;
    config_out->dtype = PMX_MOE_BF16;
    config_out->renormalise = preset->renormalise;
    config_out->activation = preset->activation;
    config_out->scores = preset->scores;
    config_out->groups = preset->groups;
    config_out->groups_kept = preset->groups_kept;
    config_out->scale = preset->scale;
    config_out->weight_on_input = preset->weight_on_input;
    config_out->shared_intermediate = preset->shared_intermediate;
    return PMX_SUCCESS;
}

int pmx_moe_preset_list(int index, const char** name_out)
{
    if (!name_out) return pmx::moe::fail(PMX_ERR_ARGUMENT, "name_out is NULL");
    if (index < 0 || index >= kNumPresets)
        return pmx::moe::fail(PMX_ERR_ARGUMENT, "preset {}: must be 0 to {}", index, kNumPresets - 1);
    *name_out = kPresets[index].name;
    return PMX_SUCCESS;
}

}  // extern "C"
