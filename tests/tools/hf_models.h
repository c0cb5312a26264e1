/* SPDX-License-Identifier: BSD-3-Clause */
/* hf_models.h: layer 1 of small models in the naming of DeepSeek-V3 and of GPT-OSS, in one file. Keys and names are those
 * of the published models; the weights are those of model::Model. */
#pragma once

#include <cmath>
#include <filesystem>
#include <string>

#include "tests/tools/hf_directory.h"

namespace pmx::tools::test {

inline constexpr int kShared = 2 * kIntermediate;

inline pmx_moe_config_t deepseek_config(pmx_moe_dtype_t dtype)
{
    pmx_moe_config_t config = model::config(kHidden, kIntermediate, kExperts, kTopK, 1, dtype);
    config.scores = PMX_MOE_SIGMOID;
    config.groups = 4;
    config.groups_kept = 2;
    config.scale = 2.5f;
    config.shared_intermediate = kShared;
    return config;
}

inline pmx_moe_config_t gpt_oss_config(pmx_moe_dtype_t dtype)
{
    pmx_moe_config_t config = model::config(kHidden, kIntermediate, kExperts, kTopK, 1, dtype);
    config.activation = PMX_MOE_SWIGLU_CLAMPED;
    config.scores = PMX_MOE_SOFTMAX_CHOSEN;
    config.renormalise = 0;
    return config;
}

inline std::vector<float> gpt_oss_router_bias() { return model::floats(9, kExperts, 0.5f); }

/* E4M3 without the last exponent, by its definition. */
inline float e4m3(unsigned bits)
{
    const int exponent = static_cast<int>(bits >> 3 & 15), mantissa = static_cast<int>(bits & 7);
    const double size = exponent ? (1 + mantissa / 8.0) * std::pow(2.0, exponent - 7) : mantissa / 8.0 * std::pow(2.0, -6);
    return static_cast<float>(bits & 128 ? -size : size);
}

/* Tensors of one file. */
class Tensors {
public:
    explicit Tensors(pmx_moe_dtype_t dtype) : dtype_(dtype) {}
    void add(const std::string& name, std::vector<size_t> dims, const model::Bytes& bytes)
    {
        file_.add(name, dtype_ == PMX_MOE_BF16 ? "BF16" : "F32", shape(dims), {bytes.begin(), bytes.end()});
    }
    void add_floats(const std::string& name, std::vector<size_t> dims, const std::vector<float>& values)
    {
        file_.add(name, "F32", shape(dims), {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)});
    }
    void add_as(const std::string& name, const std::string& type, std::vector<size_t> dims, const std::string& bytes)
    {
        file_.add(name, type, shape(dims), bytes);
    }
    void write(const std::string& directory, const std::string& config_json) const
    {
        std::filesystem::create_directories(directory);
        write_file(directory + "/config.json", config_json);
        write_file(directory + "/model.safetensors", file_.bytes());
    }
    size_t element() const { return dtype_ == PMX_MOE_BF16 ? 2 : 4; }
    const char* torch_dtype() const { return dtype_ == PMX_MOE_BF16 ? "bfloat16" : "float32"; }

private:
    static std::string shape(const std::vector<size_t>& dims)
    {
        std::string text;
        for (const size_t dim : dims) text += (text.empty() ? "[" : ",") + std::to_string(dim);
        return text + "]";
    }

    TensorFile file_;
    pmx_moe_dtype_t dtype_;
};

/* With fp8 the gates of experts have the bytes 0, 1, ... 119, 0, ... and the scale 1/8. */
inline void write_deepseek(const std::string& directory, pmx_moe_dtype_t dtype, bool fp8 = false)
{
    const model::Model m(deepseek_config(dtype));
    Tensors tensors(dtype);
    const std::string block = "model.layers.1.mlp.";
    const auto add = [&](const std::string& prefix, size_t inner, const model::Bytes& gate, const model::Bytes& up,
                         const model::Bytes& down) {
        std::string bytes;
        for (size_t i = 0; i < inner * kHidden; i++) bytes += static_cast<char>(i % 120);
        if (fp8 && inner == kIntermediate) {
            tensors.add_as(prefix + "gate_proj.weight", "F8_E4M3", {inner, kHidden}, bytes);
            tensors.add_floats(prefix + "gate_proj.weight_scale_inv", {1, 1}, {0.125f});
        } else {
            tensors.add(prefix + "gate_proj.weight", {inner, kHidden}, gate);
        }
        tensors.add(prefix + "up_proj.weight", {inner, kHidden}, up);
        tensors.add(prefix + "down_proj.weight", {kHidden, inner}, down);
    };
    tensors.add(block + "gate.weight", {kExperts, kHidden}, m.router);
    tensors.add_floats(block + "gate.e_score_correction_bias", {kExperts}, m.choice_bias);
    for (size_t e = 0; e < kExperts; e++)
        add(block + "experts." + std::to_string(e) + ".", kIntermediate, m.gate[e], m.up[e], m.down[e]);
    add(block + "shared_experts.", kShared, m.shared[0], m.shared[1], m.shared[2]);
    tensors.write(directory,
                  std::string(R"({"architectures":["DeepseekV3ForCausalLM"],"model_type":"deepseek_v3","hidden_act":"silu",)"
                              R"("hidden_size":64,"intermediate_size":999,"moe_intermediate_size":32,"n_routed_experts":8,)"
                              R"("n_shared_experts":2,"n_group":4,"topk_group":2,"norm_topk_prob":true,)"
                              R"("routed_scaling_factor":2.5,"scoring_func":"sigmoid","topk_method":"noaux_tc",)"
                              R"("first_k_dense_replace":1,"moe_layer_freq":1,"num_experts_per_tok":2,)"
                              R"("num_hidden_layers":2,"torch_dtype":")") +
                      tensors.torch_dtype() + "\"}\n");
}

/* Element (r, c) of from, [rows, cols], to (c, step * r + first) of to. */
inline void transpose(const model::Bytes& from, size_t rows, size_t cols, size_t element, size_t step, size_t first,
                      char* to)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            std::memcpy(to + (c * step * rows + step * r + first) * element, from.data() + (r * cols + c) * element, element);
}

/* Byte i of the blocks and of the scales of mxfp4. */
inline unsigned packed_byte(size_t i) { return static_cast<unsigned>((i * 37 + i / 256 + 11) % 256); }
inline unsigned scale_byte(size_t i) { return static_cast<unsigned>(118 + i % 7); }

/* type: of the blocks of mxfp4, which the matrices of experts then are; "": they are of dtype. */
inline void write_gpt_oss(const std::string& directory, pmx_moe_dtype_t dtype, const std::string& type = "")
{
    const model::Model m(gpt_oss_config(dtype));
    Tensors tensors(dtype);
    const size_t h = kHidden, i = kIntermediate, element = tensors.element(), n = h * i * element;
    model::Bytes gate_up(2 * n * kExperts), down(n * kExperts);
    std::vector<float> gate_up_bias, down_bias;
    for (size_t e = 0; e < kExperts; e++) {
        transpose(m.gate[e], i, h, element, 2, 0, gate_up.data() + 2 * n * e);
        transpose(m.up[e], i, h, element, 2, 1, gate_up.data() + 2 * n * e);
        transpose(m.down[e], h, i, element, 1, 0, down.data() + n * e);
        for (size_t row = 0; row < i; row++)
            for (size_t which = 0; which < 2; which++) gate_up_bias.push_back(m.biases[3 * e + which][row]);
        down_bias.insert(down_bias.end(), m.biases[3 * e + 2].begin(), m.biases[3 * e + 2].end());
    }
    const std::string block = "model.layers.1.mlp.";
    tensors.add(block + "router.weight", {kExperts, h}, m.router);
    tensors.add_floats(block + "router.bias", {kExperts}, gpt_oss_router_bias());
    const auto packed = [&](const std::string& name, size_t rows, size_t cols) {
        std::string blocks, scales;
        for (size_t n_bytes = kExperts * rows * cols / 2; blocks.size() < n_bytes;)
            blocks += static_cast<char>(packed_byte(blocks.size()));
        while (scales.size() < blocks.size() / 16) scales += static_cast<char>(scale_byte(scales.size()));
        tensors.add_as(name + "_blocks", type, {kExperts, rows, cols / 32, 16}, blocks);
        tensors.add_as(name + "_scales", "U8", {kExperts, rows, cols / 32}, scales);
    };
    if (type.empty()) {
        tensors.add(block + "experts.gate_up_proj", {kExperts, h, 2 * i}, gate_up);
        tensors.add(block + "experts.down_proj", {kExperts, i, h}, down);
    } else {
        packed(block + "experts.gate_up_proj", 2 * i, h);
        packed(block + "experts.down_proj", h, i);
    }
    tensors.add_floats(block + "experts.gate_up_proj_bias", {kExperts, 2 * i}, gate_up_bias);
    tensors.add_floats(block + "experts.down_proj_bias", {kExperts, h}, down_bias);
    tensors.write(directory,
                  std::string(R"({"architectures":["GptOssForCausalLM"],"model_type":"gpt_oss","hidden_act":"silu",)"
                              R"("hidden_size":64,"intermediate_size":32,"num_local_experts":8,"num_experts_per_tok":2,)"
                              R"("num_hidden_layers":2,"swiglu_limit":7.0,"torch_dtype":")") +
                      tensors.torch_dtype() + "\"}\n");
}

}  // namespace pmx::tools::test
