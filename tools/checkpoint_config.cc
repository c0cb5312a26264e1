/* SPDX-License-Identifier: BSD-3-Clause */
#include "checkpoint_config.h"

#include <array>
#include <nlohmann/json.hpp>

#include "mapped_file.h"
#include "strict_json.h"

namespace pmx::tools {

using nlohmann::json;

namespace {

constexpr size_t kMaxJsonBytes = 64u << 20;

#define PMX_EACH "gate_proj", "up_proj", "down_proj", ExpertNaming::of_each
constexpr std::array<Family, 7> kFamilies = {{
    {"qwen3_moe", "num_experts", "moe_intermediate_size", "mlp", "gate", PMX_EACH, false},
    {"olmoe", "num_experts", "intermediate_size", "mlp", "gate", PMX_EACH, false},
    {"mixtral", "num_local_experts", "intermediate_size", "block_sparse_moe", "gate", "w1", "w3", "w2",
     ExpertNaming::of_each, true},
    {"deepseek_v2", "n_routed_experts", "moe_intermediate_size", "mlp", "gate", PMX_EACH, false},
    {"deepseek_v3", "n_routed_experts", "moe_intermediate_size", "mlp", "gate", PMX_EACH, false},
    {"kimi_k2", "n_routed_experts", "moe_intermediate_size", "mlp", "gate", PMX_EACH, false},
    {"gpt_oss", "num_local_experts", "intermediate_size", "mlp", "router", "", "", "", ExpertNaming::fused, true},
}};
#undef PMX_EACH

/* The values of one config.json; the first that is not as it must be is the failure. */
class Reader {
public:
    Reader(const std::string& path, const json& config) : path_(path), config_(config) {}

    int count(const char* key, int least = 1)
    {
        if (!config_.contains(key) && failure_.ok()) failure_ = fail(PMX_ERR_ARGUMENT, "{}: \"{}\" is missing", path_, key);
        return count_or(key, least, least);
    }
    /* Absent, or null: as given. */
    int count_or(const char* key, int absent, int least)
    {
        const json value = config_.value(key, json());
        if (value.is_null() || !failure_.ok()) return absent;
        if (value.is_number_unsigned() && value.get<uint64_t>() >= static_cast<uint64_t>(least) &&
            value.get<uint64_t>() <= 1u << 20)
            return value.get<int>();
        bad(key, value, fmt::format("a whole number from {} to {}", least, 1u << 20));
        return absent;
    }
    bool flag(const char* key)
    {
        const json value = config_.value(key, json(false));
        if (value.is_boolean()) return value.get<bool>();
        bad(key, value, "true or false");
        return false;
    }
    float number(const char* key, float absent)
    {
        const json value = config_.value(key, json());
        if (value.is_null()) return absent;
        if (value.is_number() && value.get<float>() > 0) return value.get<float>();
        bad(key, value, "a number above 0");
        return absent;
    }
    /* One of "first|second". */
    std::string choice(const char* key, const std::string& absent, const std::string& allowed)
    {
        const json value = config_.value(key, json());
        if (value.is_null()) return absent;
        if (value.is_string() && ("|" + allowed + "|").find("|" + value.get<std::string>() + "|") != std::string::npos)
            return value.get<std::string>();
        std::string names = allowed;
        for (size_t at; (at = names.find('|')) != std::string::npos;) names.replace(at, 1, " or ");
        bad(key, value, names);
        return absent;
    }
    void bad(const char* key, const json& value, const std::string& rule)
    {
        if (failure_.ok()) failure_ = fail(PMX_ERR_ARGUMENT, "{}: \"{}\" {} must be {}", path_, key, excerpt(value), rule);
    }
    const Status& failure() const { return failure_; }

private:
    const std::string& path_;
    const json& config_;
    Status failure_;
};

Status find_family(const std::string& path, const json& config, const Family*& family_out)
{
    const json type = config.value("model_type", json());
    for (const Family& family : kFamilies) {
        if (type != family.model_type) continue;
        family_out = &family;
        return {};
    }
    return fail(PMX_ERR_ARGUMENT,
                "{}: \"model_type\" {} must be qwen3_moe, olmoe, mixtral, deepseek_v2, deepseek_v3, kimi_k2 or gpt_oss",
                path, excerpt(type));
}

/* Router and shared expert, in the words of DeepSeek. */
void read_deepseek(Reader& reader, const Family& family, Model& model)
{
    const bool v2 = std::string_view(family.model_type) == "deepseek_v2";
    pmx_moe_config_t& config = model.config;
    const std::string scores = reader.choice("scoring_func", v2 ? "softmax" : "sigmoid", "softmax|sigmoid");
    config.scores = scores == "sigmoid" ? PMX_MOE_SIGMOID : PMX_MOE_SOFTMAX;
    const std::string method = reader.choice("topk_method", v2 ? "greedy" : "noaux_tc", "greedy|noaux_tc");
    const int groups = reader.count_or("n_group", 1, 1), kept = reader.count_or("topk_group", 1, 1);
    if (method == "noaux_tc" && groups > 1) {
        config.groups = groups;
        config.groups_kept = kept;
    }
    model.choice_bias = method == "noaux_tc";
    config.scale = reader.number("routed_scaling_factor", 1.0f);
    if (v2 && config.renormalise && config.scale != 1.0f)
        reader.bad("routed_scaling_factor", config.scale, "1 with norm_topk_prob in deepseek_v2");
    config.shared_intermediate = reader.count_or("n_shared_experts", 0, 0) * config.intermediate;
}

void read_gpt_oss(Reader& reader, Model& model)
{
    model.config.activation = PMX_MOE_SWIGLU_CLAMPED;
    model.config.scores = PMX_MOE_SOFTMAX_CHOSEN;
    model.config.renormalise = 0;
    model.router_bias = model.expert_biases = true;
    const float limit = reader.number("swiglu_limit", 7.0f);
    if (limit != 7.0f) reader.bad("swiglu_limit", limit, "7");
}

/* Layers of DeepSeek without experts. */
Status check_layer(Reader& reader, const std::string& path, int layer, int n_layers)
{
    if (layer < 0 || layer >= n_layers)
        return fail(PMX_ERR_ARGUMENT, "--layer {}: must be from 0 to {} ({})", layer, n_layers - 1, path);
    const int n_dense = reader.count_or("first_k_dense_replace", 0, 0), every = reader.count_or("moe_layer_freq", 1, 1);
    if (layer < n_dense)
        return fail(PMX_ERR_ARGUMENT, "--layer {}: must be from {} on, where layers have experts ({})", layer, n_dense, path);
    if (layer % every != 0)
        return fail(PMX_ERR_ARGUMENT, "--layer {}: must be a multiple of {}, where layers have experts ({})", layer, every,
                    path);
    return {};
}

}  // namespace

Status read_json_file(const std::string& path, json& object_out)
{
    std::shared_ptr<const MappedFile> file;
    PMX_TRY(MappedFile::open(path, file));
    const auto bytes = file->bytes();
    if (bytes.size() > kMaxJsonBytes)
        return fail(PMX_ERR_ARGUMENT, "{}: {} bytes of JSON must be at most {}", path, bytes.size(),
                    kMaxJsonBytes);
    return parse_json_object(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, object_out);
}

Status read_layer_config(const std::string& path, int layer, LayerConfig& out)
{
    json config;
    LayerConfig read;
    PMX_TRY(read_json_file(path, config));
    PMX_TRY(find_family(path, config, read.family));
    const Family& family = *read.family;
    Reader reader(path, config);
    const int n_layers = reader.count("num_hidden_layers");
    PMX_TRY(reader.failure());
    PMX_TRY(check_layer(reader, path, layer, n_layers));
    Shape& shape = read.shape;
    shape.name = family.model_type;
    shape.hidden = reader.count("hidden_size");
    shape.intermediate = reader.count(family.intermediate_key);
    shape.experts = reader.count(family.experts_key);
    shape.top_k = reader.count("num_experts_per_tok");
    /* transformers 5 writes "dtype", earlier ones "torch_dtype". */
    const char* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
    const std::string dtype = reader.choice(key, "", "bfloat16|float32");
    if (dtype.empty()) reader.bad(key, json(), "bfloat16 or float32");
    read.dtype = dtype == "float32" ? PMX_MOE_FP32 : PMX_MOE_BF16;
    (void)reader.choice("hidden_act", "silu", "silu");
    const bool renormalise = reader.flag("norm_topk_prob");
    shape.renormalise = family.always_renormalise || renormalise;
    read.model = plain_model(shape);
    if (std::string_view(family.experts_key) == "n_routed_experts") read_deepseek(reader, family, read.model);
    if (family.naming == ExpertNaming::fused) read_gpt_oss(reader, read.model);
    PMX_TRY(reader.failure());
    out = std::move(read);
    return {};
}

}  // namespace pmx::tools
