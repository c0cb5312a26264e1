/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint.cc: config.json says what must be there, the index says where, the files are then checked. */
#include "checkpoint.h"

#include <unistd.h>

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "strict_json.h"

namespace pmx::tools {

using nlohmann::json;

namespace {

constexpr size_t kMaxJsonBytes = 64u << 20;

/* How a model type names things in config.json and in its tensors. */
struct Family {
    const char* model_type;
    const char* experts_key;
    const char* intermediate_key;
    const char* block; /* of the layer, before gate.weight and experts.E */
    const char *gate, *up, *down;
    bool always_renormalise; /* false: norm_topk_prob says */
};

constexpr std::array<Family, 3> kFamilies = {{
    {"qwen3_moe", "num_experts", "moe_intermediate_size", "mlp", "gate_proj", "up_proj", "down_proj", false},
    {"olmoe", "num_experts", "intermediate_size", "mlp", "gate_proj", "up_proj", "down_proj", false},
    {"mixtral", "num_local_experts", "intermediate_size", "block_sparse_moe", "w1", "w3", "w2", true},
}};

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

Status read_count(const std::string& path, const json& config, const char* key, int& count_out)
{
    if (!config.contains(key)) return fail(PMX_ERR_ARGUMENT, "{}: \"{}\" is missing", path, key);
    const json& value = config[key];
    if (!value.is_number_unsigned() || value.get<uint64_t>() < 1 || value.get<uint64_t>() > 1u << 20)
        return fail(PMX_ERR_ARGUMENT, "{}: \"{}\" {} must be a whole number from 1 to {}", path, key,
                    excerpt(value), 1u << 20);
    count_out = value.get<int>();
    return {};
}

Status read_family(const std::string& path, const json& config, const Family*& family_out)
{
    const json type = config.value("model_type", json());
    for (const Family& family : kFamilies) {
        if (type != family.model_type) continue;
        family_out = &family;
        return {};
    }
    return fail(PMX_ERR_ARGUMENT, "{}: \"model_type\" {} must be qwen3_moe, olmoe or mixtral", path,
                excerpt(type));
}

/* transformers 5 writes "dtype", earlier ones "torch_dtype". */
Status read_dtype(const std::string& path, const json& config, pmx_moe_dtype_t& dtype_out)
{
    const char* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
    const json dtype = config.value(key, json());
    if (dtype != "bfloat16" && dtype != "float32")
        return fail(PMX_ERR_ARGUMENT, "{}: \"{}\" {} must be bfloat16 or float32", path, key, excerpt(dtype));
    dtype_out = dtype == "bfloat16" ? PMX_MOE_BF16 : PMX_MOE_FP32;
    return {};
}

Status read_config(const std::string& path, int layer, const Family*& family_out, CheckpointLayer& out)
{
    json config;
    PMX_TRY(read_json_file(path, config));
    PMX_TRY(read_family(path, config, family_out));
    int n_layers = 0;
    PMX_TRY(read_count(path, config, "num_hidden_layers", n_layers));
    if (layer < 0 || layer >= n_layers)
        return fail(PMX_ERR_ARGUMENT, "--layer {}: must be from 0 to {} ({})", layer, n_layers - 1, path);
    PMX_TRY(read_count(path, config, "hidden_size", out.shape.hidden));
    PMX_TRY(read_count(path, config, family_out->intermediate_key, out.shape.intermediate));
    PMX_TRY(read_count(path, config, family_out->experts_key, out.shape.experts));
    PMX_TRY(read_count(path, config, "num_experts_per_tok", out.shape.top_k));
    PMX_TRY(read_dtype(path, config, out.dtype));
    if (config.value("hidden_act", json("silu")) != "silu")
        return fail(PMX_ERR_ARGUMENT, "{}: \"hidden_act\" {} must be silu", path,
                    excerpt(config["hidden_act"]));
    const json renormalise = config.value("norm_topk_prob", json(false));
    if (!renormalise.is_boolean())
        return fail(PMX_ERR_ARGUMENT, "{}: \"norm_topk_prob\" {} must be true or false", path,
                    excerpt(renormalise));
    out.shape.renormalise = family_out->always_renormalise || renormalise.get<bool>();
    out.shape.name = family_out->model_type;
    out.model = plain_model(out.shape);
    return {};
}

/* Which file holds a tensor; opens each file once. */
class Shards {
public:
    explicit Shards(std::string directory) : directory_(std::move(directory)) {}

    Status open()
    {
        index_path_ = directory_ + "/model.safetensors.index.json";
        const std::string single = directory_ + "/model.safetensors";
        if (access(index_path_.c_str(), F_OK) != 0) {
            if (access(single.c_str(), F_OK) != 0)
                return fail(PMX_ERR_ARGUMENT,
                            "{}: must hold model.safetensors or model.safetensors.index.json", directory_);
            return open_shard("model.safetensors");
        }
        json index;
        PMX_TRY(read_json_file(index_path_, index));
        weight_map_ = index.value("weight_map", json());
        if (!weight_map_.is_object())
            return fail(PMX_ERR_ARGUMENT, "{}: \"weight_map\" {} must be an object", index_path_,
                        excerpt(weight_map_));
        return {};
    }

    Status find(const std::string& name, const Tensor*& tensor_out, std::string& path_out)
    {
        std::string shard = "model.safetensors";
        if (!weight_map_.is_null()) {
            const json entry = weight_map_.value(name, json());
            if (entry.is_null())
                return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\" is missing", index_path_, name);
            if (!entry.is_string())
                return fail(PMX_ERR_ARGUMENT, "{}: the file of tensor \"{}\", {}, must be a string",
                            index_path_, name, excerpt(entry));
            shard = entry.get<std::string>();
            PMX_TRY(open_shard(shard));
        }
        path_out = directory_ + "/" + shard;
        tensor_out = shards_.at(shard)->find(name);
        if (!tensor_out) return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\" is missing", path_out, name);
        return {};
    }

    std::vector<std::unique_ptr<Safetensors>> take_files() { return std::move(files_); }

private:
    Status open_shard(const std::string& shard)
    {
        if (shards_.contains(shard)) return {};
        /* A plain name: whatever a downloaded index says, no other directory is read. */
        if (shard.empty() || shard == "." || shard == ".." || shard.find('/') != std::string::npos ||
            shard.find('\0') != std::string::npos)
            return fail(PMX_ERR_ARGUMENT, "{}: file \"{}\" must be a plain name in this directory",
                        index_path_, printable(shard));
        auto file = std::make_unique<Safetensors>();
        PMX_TRY(Safetensors::open(directory_ + "/" + shard, *file));
        shards_[shard] = file.get();
        files_.push_back(std::move(file));
        return {};
    }

    std::string directory_, index_path_;
    json weight_map_; /* null: one file holds everything */
    std::map<std::string, const Safetensors*> shards_;
    std::vector<std::unique_ptr<Safetensors>> files_;
};

/* A tensor [rows, cols] of this dtype, or a line that says what it is instead. */
Status find_matrix(Shards& shards, const std::string& name, int rows, int cols, pmx_moe_dtype_t dtype,
                   const Tensor*& tensor_out)
{
    const Tensor* tensor = nullptr;
    std::string path;
    PMX_TRY(shards.find(name, tensor, path));
    const char* wanted = dtype == PMX_MOE_BF16 ? "BF16" : "F32";
    if (tensor->dtype != wanted)
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": dtype {} must be {} as in config.json", path, name,
                    tensor->dtype, wanted);
    if (tensor->shape != std::vector<uint64_t>{static_cast<uint64_t>(rows), static_cast<uint64_t>(cols)})
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": shape {} must be [{},{}] as in config.json", path,
                    name, excerpt(json(tensor->shape)), rows, cols);
    tensor_out = tensor;
    return {};
}

}  // namespace

Status open_checkpoint(const std::string& directory, int layer, CheckpointLayer& layer_out)
{
    CheckpointLayer out;
    const Family* family = nullptr;
    PMX_TRY(read_config(directory + "/config.json", layer, family, out));
    Shards shards(directory);
    PMX_TRY(shards.open());
    const Shape& shape = out.shape;
    const std::string block = fmt::format("model.layers.{}.{}", layer, family->block);
    PMX_TRY(find_matrix(shards, block + ".gate.weight", shape.experts, shape.hidden, out.dtype, out.router));
    for (int expert = 0; expert < shape.experts; expert++) {
        const auto find = [&](const char* name, int rows, int cols, const Tensor*& tensor_out) {
            return find_matrix(shards, fmt::format("{}.experts.{}.{}.weight", block, expert, name), rows,
                               cols, out.dtype, tensor_out);
        };
        ExpertTensors& tensors = out.experts.emplace_back();
        PMX_TRY(find(family->gate, shape.intermediate, shape.hidden, tensors.gate));
        PMX_TRY(find(family->up, shape.intermediate, shape.hidden, tensors.up));
        PMX_TRY(find(family->down, shape.hidden, shape.intermediate, tensors.down));
    }
    out.files = shards.take_files();
    layer_out = std::move(out);
    return {};
}

}  // namespace pmx::tools
