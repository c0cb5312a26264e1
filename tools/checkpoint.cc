/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint.cc: config.json says what must be there, the index says where, the files are then checked. */
#include "checkpoint.h"

#include <unistd.h>

#include <map>
#include <nlohmann/json.hpp>

#include "checkpoint_config.h"
#include "strict_json.h"

namespace pmx::tools {

using nlohmann::json;

namespace {

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

    bool has(const std::string& name) const
    {
        return weight_map_.is_null() ? shards_.begin()->second->find(name) != nullptr : weight_map_.contains(name);
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

/* The tensors of a layer whose config.json has been read. */
class LayerReader {
public:
    LayerReader(Shards& shards, const LayerConfig& config, CheckpointLayer& out)
        : shards_(shards), config_(config), shape_(config.shape), out_(out)
    {
    }

    Status read(int layer)
    {
        const Family& family = *config_.family;
        const std::string block = fmt::format("model.layers.{}.{}", layer, family.block);
        const std::string router = block + "." + family.router;
        PMX_TRY(matrix(router + ".weight", shape_.experts, shape_.hidden, out_.router));
        if (config_.model.router_bias) PMX_TRY(floats(router + ".bias", {size(shape_.experts)}, out_.router_bias));
        if (config_.model.choice_bias)
            PMX_TRY(floats(router + ".e_score_correction_bias", {size(shape_.experts)}, out_.choice_bias));
        if (family.naming == ExpertNaming::fused) return fused(block + ".experts.");
        for (int expert = 0; expert < shape_.experts; expert++)
            PMX_TRY(one(fmt::format("{}.experts.{}.", block, expert), shape_.intermediate, out_.experts.emplace_back()));
        const int shared = config_.model.config.shared_intermediate;
        return shared > 0 ? one(block + ".shared_experts.", shared, out_.shared) : Status();
    }

private:
    using Dims = std::vector<uint64_t>;

    static uint64_t size(int n) { return static_cast<uint64_t>(n); }

    /* A tensor of this shape. */
    Status tensor(const std::string& name, const Dims& dims, const Tensor*& tensor_out, std::string& path_out)
    {
        PMX_TRY(shards_.find(name, tensor_out, path_out));
        if (tensor_out->shape == dims) return {};
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": shape {} must be {} as in config.json", path_out, name,
                    excerpt(json(tensor_out->shape)), json(dims).dump());
    }

    /* Of the dtype of config.json. */
    Status plain(const std::string& name, const Dims& dims, const Tensor*& tensor_out)
    {
        std::string path;
        PMX_TRY(tensor(name, dims, tensor_out, path));
        const char* wanted = config_.dtype == PMX_MOE_BF16 ? "BF16" : "F32";
        if (tensor_out->dtype == wanted) return {};
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": dtype {} must be {} as in config.json", path, name,
                    tensor_out->dtype, wanted);
    }

    Status matrix(const std::string& name, int rows, int cols, StoredMatrix& out)
    {
        out = {nullptr, nullptr, size(rows), size(cols), 0, size(cols), 1};
        return plain(name, {out.rows, out.cols}, out.values);
    }

    /* The same, or of F8_E4M3 with a scale for each block. */
    Status scaled(const std::string& name, int rows, int cols, StoredMatrix& out)
    {
        std::string path;
        out = {nullptr, nullptr, size(rows), size(cols), 0, size(cols), 1};
        PMX_TRY(tensor(name, {out.rows, out.cols}, out.values, path));
        if (out.values->dtype != "F8_E4M3") return matrix(name, rows, cols, out);
        const auto blocks = [](size_t n) { return (n + kScaleBlock - 1) / kScaleBlock; };
        const std::string scales = name + "_scale_inv";
        PMX_TRY(tensor(scales, {blocks(out.rows), blocks(out.cols)}, out.scales, path));
        if (out.scales->dtype == "F32") return {};
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": dtype {} must be F32", path, scales, out.scales->dtype);
    }

    /* A bias, of BF16 or F32. */
    Status floats(const std::string& name, const Dims& dims, std::vector<float>& out)
    {
        const Tensor* found = nullptr;
        std::string path;
        PMX_TRY(tensor(name, dims, found, path));
        if (found->dtype != "BF16" && found->dtype != "F32")
            return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": dtype {} must be BF16 or F32", path, name, found->dtype);
        const pmx_moe_dtype_t from = found->dtype == "F32" ? PMX_MOE_FP32 : PMX_MOE_BF16;
        out.resize(found->n_bytes / element_bytes(from));
        convert_elements(found->data, from, out.data(), PMX_MOE_FP32, out.size());
        return {};
    }

    Status one(const std::string& prefix, int inner, ExpertTensors& out)
    {
        const Family& family = *config_.family;
        const auto name = [&](const char* which) { return prefix + which + ".weight"; };
        PMX_TRY(scaled(name(family.gate), inner, shape_.hidden, out.gate));
        PMX_TRY(scaled(name(family.up), inner, shape_.hidden, out.up));
        return scaled(name(family.down), shape_.hidden, inner, out.down);
    }

    /* Of GPT-OSS: all experts in one tensor, transposed, gate and up in turn. */
    Status fused(const std::string& prefix)
    {
        if (shards_.has(prefix + "gate_up_proj_blocks")) return packed(prefix);
        const size_t experts = size(shape_.experts), hidden = size(shape_.hidden), inner = size(shape_.intermediate);
        const Tensor *gate_up = nullptr, *down = nullptr;
        PMX_TRY(plain(prefix + "gate_up_proj", {experts, hidden, 2 * inner}, gate_up));
        PMX_TRY(plain(prefix + "down_proj", {experts, inner, hidden}, down));
        for (size_t e = 0; e < experts; e++) {
            const size_t first = e * hidden * 2 * inner;
            out_.experts.push_back({{gate_up, nullptr, inner, hidden, first, 2, 2 * inner},
                                    {gate_up, nullptr, inner, hidden, first + 1, 2, 2 * inner},
                                    {down, nullptr, hidden, inner, e * inner * hidden, 1, hidden}});
        }
        return fused_biases(prefix);
    }

    /* The same in mxfp4, not transposed: rows of gate and up in turn. */
    Status packed(const std::string& prefix)
    {
        const size_t experts = size(shape_.experts), hidden = size(shape_.hidden), inner = size(shape_.intermediate);
        StoredMatrix gate_up, down;
        PMX_TRY(packed_one(prefix + "gate_up_proj", 2 * inner, hidden, gate_up));
        PMX_TRY(packed_one(prefix + "down_proj", hidden, inner, down));
        for (size_t e = 0; e < experts; e++) {
            const size_t first = e * 2 * inner * hidden;
            out_.experts.push_back({{gate_up.values, gate_up.scales, inner, hidden, first, 2 * hidden, 1},
                                    {gate_up.values, gate_up.scales, inner, hidden, first + hidden, 2 * hidden, 1},
                                    {down.values, down.scales, hidden, inner, e * hidden * inner, inner, 1}});
        }
        return fused_biases(prefix);
    }

    /* Of all experts: [E, rows, cols / 32, 16] bytes, and a scale for each 32 elements. */
    Status packed_one(const std::string& name, size_t rows, size_t cols, StoredMatrix& out)
    {
        if (cols % kPackedBlock != 0)
            return fail(PMX_ERR_ARGUMENT, "tensor \"{}_blocks\": rows of {} must be of a multiple of {}", name, cols,
                        kPackedBlock);
        const uint64_t experts = size(shape_.experts), blocks = cols / kPackedBlock;
        PMX_TRY(bytes(name + "_blocks", {experts, rows, blocks, kPackedBlock / 2}, out.values));
        return bytes(name + "_scales", {experts, rows, blocks}, out.scales);
    }
    Status bytes(const std::string& name, const Dims& dims, const Tensor*& tensor_out)
    {
        std::string path;
        PMX_TRY(tensor(name, dims, tensor_out, path));
        if (tensor_out->dtype == "U8") return {};
        return fail(PMX_ERR_ARGUMENT, "{}: tensor \"{}\": dtype {} must be U8 (mxfp4)", path, name, tensor_out->dtype);
    }

    Status fused_biases(const std::string& prefix)
    {
        const size_t experts = size(shape_.experts), hidden = size(shape_.hidden), inner = size(shape_.intermediate);
        std::vector<float> gate_up, down;
        PMX_TRY(floats(prefix + "gate_up_proj_bias", {experts, 2 * inner}, gate_up));
        PMX_TRY(floats(prefix + "down_proj_bias", {experts, hidden}, down));
        for (size_t e = 0; e < experts; e++) {
            for (size_t which = 0; which < 2; which++)
                for (size_t i = 0; i < inner; i++) out_.biases.push_back(gate_up[2 * (e * inner + i) + which]);
            const auto begin = down.begin() + static_cast<std::ptrdiff_t>(e * hidden);
            out_.biases.insert(out_.biases.end(), begin, begin + static_cast<std::ptrdiff_t>(hidden));
        }
        return {};
    }

    Shards& shards_;
    const LayerConfig& config_;
    const Shape& shape_;
    CheckpointLayer& out_;
};

}  // namespace

Status open_checkpoint(const std::string& directory, int layer, CheckpointLayer& layer_out)
{
    LayerConfig config;
    PMX_TRY(read_layer_config(directory + "/config.json", layer, config));
    Shards shards(directory);
    PMX_TRY(shards.open());
    CheckpointLayer out;
    out.shape = config.shape;
    out.model = config.model;
    out.dtype = config.dtype;
    PMX_TRY(LayerReader(shards, config, out).read(layer));
    out.files = shards.take_files();
    layer_out = std::move(out);
    return {};
}

}  // namespace pmx::tools
