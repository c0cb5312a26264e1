/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint_test.cc: a Hugging Face directory of each known model type gives its weights to the layer, and a
 * directory that is not as it must be is refused with a line that names it. */
#include <algorithm>
#include <cstring>
#include <string>

#include "tests/tools/hf_directory.h"
#include "tools/checkpoint.h"
#include "tools/weights.h"

#include "tests/cmocka_cxx.h"
#include "tests/tools/refuse.h"

using namespace pmx;
using namespace pmx::tools;
using namespace pmx::tools::test;

static std::string read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

static void assert_expert(const ExpertWeights& weights, const model::Model& m, size_t expert)
{
    assert_memory_equal(weights.gate, m.gate[expert].data(), m.gate[expert].size());
    assert_memory_equal(weights.up, m.up[expert].data(), m.up[expert].size());
    assert_memory_equal(weights.down, m.down[expert].data(), m.down[expert].size());
}

/* Layer 1 as written, layer 0 in reverse, wherever in the file the tensors begin. */
static void gives_the_weights(const Family& family, pmx_moe_dtype_t dtype, size_t shift)
{
    const std::string directory = scratch() / "good";
    write_hf_directory(directory, family, dtype, shift);
    const model::Model m(layer_config(family, dtype));
    for (int layer = 0; layer < kLayers; layer++) {
        CheckpointLayer opened;
        assert_fine(open_checkpoint(directory, layer, opened));
        assert_int_equal(opened.dtype, dtype);
        assert_int_equal(opened.shape.hidden, kHidden);
        assert_int_equal(opened.shape.intermediate, kIntermediate);
        assert_int_equal(opened.shape.experts, kExperts);
        assert_int_equal(opened.shape.top_k, kTopK);
        assert_int_equal(opened.shape.renormalise, family.renormalise);
        const auto source = checkpoint_weights(opened, dtype);
        assert_memory_equal(source->common().router, m.router.data(), m.router.size());
        const bool in_place = shift % element_bytes(dtype) == 0;
        assert_int_equal(source->expert_bytes() == 0, in_place);
        std::vector<std::byte> space(source->expert_bytes());
        for (int e = 0; e < kExperts; e++)
            assert_expert(source->expert(e, space.data()), m,
                          static_cast<size_t>(layer == 1 ? e : kExperts - 1 - e));
    }
}

static void each_family_gives_its_weights(void**)
{
    for (const Family& family : families())
        for (const auto dtype : {PMX_MOE_BF16, PMX_MOE_FP32})
            for (const size_t shift : {0, 1, 2}) gives_the_weights(family, dtype, shift);
}

static void weights_are_converted(void**)
{
    const std::string directory = scratch() / "converted";
    const Family& family = families().front();
    write_hf_directory(directory, family, PMX_MOE_BF16);
    CheckpointLayer opened;
    assert_fine(open_checkpoint(directory, 1, opened));
    const auto source = checkpoint_weights(opened, PMX_MOE_FP32);
    std::vector<std::byte> space(source->expert_bytes());
    const ExpertWeights weights = source->expert(3, space.data());
    const model::Model m(layer_config(family, PMX_MOE_BF16));
    std::vector<float> wanted(m.down[3].size() / 2);
    pmx::moe::load_floats(wanted.data(), m.down[3].data(), wanted.size(), true);
    assert_memory_equal(weights.down, wanted.data(), wanted.size() * sizeof(float));
}

/* The first `from` in a file of the directory becomes `to`; then layer 1 is refused with `named`. */
static void refused_with(const std::string& file, const std::string& from, const std::string& to,
                         const std::string& named)
{
    const std::string directory = scratch() / "bad";
    write_hf_directory(directory, *find_family("qwen3_moe"), PMX_MOE_BF16);
    std::string text = read_file(directory + "/" + file);
    const size_t at = text.find(from);
    assert_true(at != std::string::npos);
    write_file(directory + "/" + file, text.replace(at, from.size(), to));
    CheckpointLayer opened;
    assert_refused(open_checkpoint(directory, 1, opened), PMX_ERR_ARGUMENT, named);
}

static void bad_configs_are_refused(void**)
{
    const auto config = [](const char* from, const char* to, const char* named) {
        refused_with("config.json", from, to, named);
    };
    config("qwen3_moe", "qwen9_moe", "\"qwen9_moe\" must be qwen3_moe, olmoe, mixtral, deepseek_v2");
    config("\"num_hidden_layers\":2", "\"num_hidden_layers\":1", "--layer 1: must be from 0 to 0");
    config("\"hidden_size\":64", "\"hidden_size\":-64", "\"hidden_size\" -64 must be a whole number");
    config("\"hidden_size\":64", "\"hidden_size\":48", "shape [8,64] must be [8,48]");
    config("\"moe_intermediate_size\":32", "\"moe_intermediate_size\":16", "shape [32,64] must be [16,64]");
    config("\"num_experts\":8", "\"num_experts\":9", "shape [8,64] must be [9,64]");
    config("num_experts_per_tok", "num_experts_per_tik", "\"num_experts_per_tok\" is missing");
    config("silu", "gelu", "\"gelu\" must be silu");
    config("bfloat16", "float16", "\"float16\" must be bfloat16 or float32");
    config("bfloat16", "float32", "dtype BF16 must be F32");
    config("\"norm_topk_prob\":true", "\"norm_topk_prob\":1", "\"norm_topk_prob\" 1 must be true or false");
    config("{", "{{", "not JSON");
}

static void bad_indexes_are_refused(void**)
{
    const auto index = [](const char* from, const char* to, const char* named) {
        refused_with("model.safetensors.index.json", from, to, named);
    };
    index("weight_map", "weight_mop", "\"weight_map\" null must be an object");
    index("layers.1.mlp.gate.weight", "layers.1.mlp.gite.weight", "layers.1.mlp.gate.weight\" is missing");
    const std::string router = "layers.1.mlp.gate.weight\":\"model-00001-of-00002.safetensors\"";
    const auto router_in = [&](const char* file, const char* named) {
        refused_with("model.safetensors.index.json", router,
                     std::string("layers.1.mlp.gate.weight\":") + file, named);
    };
    router_in("7", "7, must be a string");
    router_in("\"../good/model-00001-of-00002.safetensors\"", "must be a plain name");
    router_in("\"..\"", "must be a plain name");
    router_in("\"absent.safetensors\"", "absent.safetensors: cannot be opened");
    router_in("\"model-00002-of-00002.safetensors\"", "model-00002-of-00002.safetensors: tensor");
}

static void bad_shards_are_refused(void**)
{
    const std::string shard = "model-00001-of-00002.safetensors";
    refused_with(shard, "layers.1.mlp.experts.0.gate", "layers.1.mlp.experts.0.gite", "is missing");
    refused_with(shard, "\"dtype\"", "\"dtyqe\"", shard + ": tensor");
    CheckpointLayer opened;
    const std::string directory = scratch() / "cut";
    write_hf_directory(directory, families().front(), PMX_MOE_BF16);
    const std::string bytes = read_file(directory + "/" + shard);
    write_file(directory + "/" + shard, bytes.substr(0, bytes.size() - 1));
    assert_refused(open_checkpoint(directory, 1, opened), PMX_ERR_ARGUMENT, shard);
    std::filesystem::remove(directory + "/model.safetensors.index.json");
    assert_refused(open_checkpoint(directory, 1, opened), PMX_ERR_ARGUMENT, "must hold model.safetensors");
    assert_refused(open_checkpoint(scratch() / "absent", 1, opened), PMX_ERR_ARGUMENT, "cannot be opened");
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(each_family_gives_its_weights), cmocka_unit_test(weights_are_converted),
        cmocka_unit_test(bad_configs_are_refused),       cmocka_unit_test(bad_indexes_are_refused),
        cmocka_unit_test(bad_shards_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
