/* SPDX-License-Identifier: BSD-3-Clause */
/* hf_directory.h: a model of two small MoE layers as Hugging Face directories have it. Keys and names are
 * those of the published models. Layer 1 is model::Model; layer 0 has its experts in reverse. */
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/moe/model.h"
#include "tests/tools/files.h"

namespace pmx::tools::test {

inline constexpr int kHidden = 64, kIntermediate = 32, kExperts = 8, kTopK = 2, kLayers = 2;

struct Family {
    const char* model_type;
    bool renormalise;
    const char* config; /* the keys of its config.json that others have not */
    const char* block;
    const char *gate, *up, *down;
};

inline const std::vector<Family>& families()
{
    static const std::vector<Family> all = {
        {"qwen3_moe", true,
         R"("architectures":["Qwen3MoeForCausalLM"],"intermediate_size":6144,"moe_intermediate_size":32,)"
         R"("num_experts":8,"norm_topk_prob":true,"shared_expert_intermediate_size":0,)",
         "mlp", "gate_proj", "up_proj", "down_proj"},
        {"olmoe", false,
         R"("architectures":["OlmoeForCausalLM"],"intermediate_size":32,"num_experts":8,)"
         R"("norm_topk_prob":false,"clip_qkv":null,)",
         "mlp", "gate_proj", "up_proj", "down_proj"},
        {"mixtral", true,
         R"("architectures":["MixtralForCausalLM"],"intermediate_size":32,"num_local_experts":8,)",
         "block_sparse_moe", "w1", "w3", "w2"},
    };
    return all;
}

/* nullptr: there is none of this name. */
inline const Family* find_family(const std::string& model_type)
{
    for (const Family& family : families())
        if (model_type == family.model_type) return &family;
    return nullptr;
}

inline pmx_moe_config_t layer_config(const Family& family, pmx_moe_dtype_t dtype)
{
    pmx_moe_config_t config = model::config(kHidden, kIntermediate, kExperts, kTopK, 1, dtype);
    config.renormalise = family.renormalise;
    return config;
}

inline std::string config_json(const Family& family, pmx_moe_dtype_t dtype)
{
    const std::string torch_dtype = dtype == PMX_MOE_BF16 ? "bfloat16" : "float32";
    return std::string("{") + family.config + "\"model_type\":\"" + family.model_type +
           "\",\"hidden_act\":\"silu\",\"hidden_size\":64,\"num_experts_per_tok\":2,\"num_hidden_layers\":"
           "2," +
           "\"rope_theta\":1e6,\"torch_dtype\":\"" + torch_dtype + "\"}\n";
}

/* Collects tensors of one dtype into shards, and writes them with their index. */
class ShardedModel {
public:
    ShardedModel(size_t n_shards, pmx_moe_dtype_t dtype) : shards_(n_shards), dtype_(dtype) {}

    void add(size_t shard, const std::string& name, int rows, int cols, const model::Bytes& bytes)
    {
        shards_[shard].add(name, dtype_ == PMX_MOE_BF16 ? "BF16" : "F32",
                           "[" + std::to_string(rows) + "," + std::to_string(cols) + "]",
                           {bytes.begin(), bytes.end()});
        map_ += (map_.empty() ? "\"" : ",\"") + name + "\":\"" + file_name(shard) + "\"";
    }
    void write(const std::string& directory, size_t shift) const
    {
        for (size_t shard = 0; shard < shards_.size(); shard++)
            write_file(directory + "/" + file_name(shard), shards_[shard].bytes(shift));
        write_file(directory + "/model.safetensors.index.json",
                   "{\"metadata\":{\"total_size\":1},\"weight_map\":{" + map_ + "}}\n");
    }

private:
    std::string file_name(size_t shard) const
    {
        return "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(shards_.size()) +
               ".safetensors";
    }

    std::vector<TensorFile> shards_;
    std::string map_;
    pmx_moe_dtype_t dtype_;
};

/* shift: by how many bytes the data in the files miss the alignment that they usually have. */
inline void write_hf_directory(const std::string& directory, const Family& family, pmx_moe_dtype_t dtype,
                               size_t shift = 0)
{
    const model::Model m(layer_config(family, dtype));
    std::filesystem::create_directories(directory);
    write_file(directory + "/config.json", config_json(family, dtype));
    ShardedModel files(2, dtype);
    for (int layer = 0; layer < kLayers; layer++) {
        const std::string block = "model.layers." + std::to_string(layer) + "." + family.block;
        files.add(0, block + ".gate.weight", kExperts, kHidden, m.router);
        for (int e = 0; e < kExperts; e++) {
            const std::string expert = block + ".experts." + std::to_string(e) + ".";
            const auto from = static_cast<size_t>(layer == 1 ? e : kExperts - 1 - e);
            const size_t shard = static_cast<size_t>(e % 2);
            files.add(shard, expert + family.gate + ".weight", kIntermediate, kHidden, m.gate[from]);
            files.add(1 - shard, expert + family.up + ".weight", kIntermediate, kHidden, m.up[from]);
            files.add(shard, expert + family.down + ".weight", kHidden, kIntermediate, m.down[from]);
        }
    }
    files.write(directory, shift);
}

}  // namespace pmx::tools::test
