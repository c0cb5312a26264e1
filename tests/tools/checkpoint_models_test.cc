/* SPDX-License-Identifier: BSD-3-Clause */
/* checkpoint_models_test.cc: directories in the naming of DeepSeek and GPT-OSS give the weights and the layer that they
 * hold, fp8 and mxfp4 with their scales are read, and what is not read is refused by its name. */
#include <cstring>
#include <string>

#include "tests/tools/hf_models.h"
#include "tools/checkpoint.h"
#include "tools/weights.h"

#include "tests/cmocka_cxx.h"
#include "tests/tools/refuse.h"

using namespace pmx;
using namespace pmx::tools;
using namespace pmx::tools::test;

static void assert_same(const void* got, const model::Bytes& wanted)
{
    assert_non_null(got);
    assert_memory_equal(got, wanted.data(), wanted.size());
}
static void assert_same(const float* got, const std::vector<float>& wanted)
{
    assert_non_null(got);
    assert_memory_equal(got, wanted.data(), wanted.size() * sizeof(float));
}

static void assert_experts(WeightSource& source, const model::Model& m, bool with_gate)
{
    std::vector<std::byte> space(source.expert_bytes());
    for (size_t e = 0; e < kExperts; e++) {
        const ExpertWeights weights = source.expert(static_cast<int>(e), space.data());
        if (with_gate) assert_same(weights.gate, m.gate[e]);
        assert_same(weights.up, m.up[e]);
        assert_same(weights.down, m.down[e]);
    }
}

static void deepseek_gives_its_layer(void**)
{
    for (const auto dtype : {PMX_MOE_BF16, PMX_MOE_FP32}) {
        write_deepseek(scratch() / "deepseek", dtype);
        CheckpointLayer opened;
        assert_fine(open_checkpoint(scratch() / "deepseek", 1, opened));
        const pmx_moe_config_t &got = opened.model.config, wanted = deepseek_config(dtype);
        assert_int_equal(got.scores, wanted.scores);
        assert_int_equal(got.renormalise, wanted.renormalise);
        assert_int_equal(got.groups, wanted.groups);
        assert_int_equal(got.groups_kept, wanted.groups_kept);
        assert_true(got.scale == wanted.scale);
        assert_int_equal(got.shared_intermediate, wanted.shared_intermediate);
        const auto source = checkpoint_weights(opened, dtype);
        const model::Model m(wanted);
        assert_same(source->common().router, m.router);
        assert_same(source->common().choice_bias, m.choice_bias);
        assert_null(source->common().router_bias);
        assert_same(source->common().shared_gate, m.shared[0]);
        assert_same(source->common().shared_up, m.shared[1]);
        assert_same(source->common().shared_down, m.shared[2]);
        assert_null(source->common().shared_router);
        assert_experts(*source, m, true);
    }
}

static void gpt_oss_gives_its_layer(void**)
{
    for (const auto dtype : {PMX_MOE_BF16, PMX_MOE_FP32}) {
        write_gpt_oss(scratch() / "gpt_oss", dtype);
        CheckpointLayer opened;
        assert_fine(open_checkpoint(scratch() / "gpt_oss", 1, opened));
        assert_int_equal(opened.model.config.activation, PMX_MOE_SWIGLU_CLAMPED);
        assert_int_equal(opened.model.config.scores, PMX_MOE_SOFTMAX_CHOSEN);
        const auto source = checkpoint_weights(opened, dtype);
        const model::Model m(gpt_oss_config(dtype));
        assert_same(source->common().router, m.router);
        assert_same(source->common().router_bias, gpt_oss_router_bias());
        assert_null(source->common().choice_bias);
        assert_experts(*source, m, true);
        for (size_t e = 0; e < kExperts; e++) {
            const ExpertBiases biases = source->biases(static_cast<int>(e));
            assert_same(biases.gate, m.biases[3 * e]);
            assert_same(biases.up, m.biases[3 * e + 1]);
            assert_same(biases.down, m.biases[3 * e + 2]);
        }
    }
}

static void fp8_is_read_with_its_scales(void**)
{
    write_deepseek(scratch() / "fp8", PMX_MOE_BF16, true);
    CheckpointLayer opened;
    assert_fine(open_checkpoint(scratch() / "fp8", 1, opened));
    const auto source = checkpoint_weights(opened, PMX_MOE_BF16);
    assert_experts(*source, model::Model(deepseek_config(PMX_MOE_BF16)), false);
    std::vector<std::byte> space(source->expert_bytes());
    const auto* gate = static_cast<const uint16_t*>(source->expert(3, space.data()).gate);
    for (size_t i = 0; i < kIntermediate * kHidden; i++)
        assert_true(bf16_to_float(gate[i]) == e4m3(static_cast<unsigned>(i % 120)) / 8);
}

/* 200 rows of 300 elements have 2 x 3 blocks, of which the last are not full. */
static void each_block_has_its_scale(void**)
{
    constexpr size_t rows = 200, cols = 300;
    std::vector<unsigned char> bytes(rows * cols);
    for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<unsigned char>(i * i % 127 + 128 * (i % 2));
    const std::vector<float> scales = {1.0f, 2.0f, 3.0f, 5.0f, 7.0f, 0.1f};
    const Tensor values = {"F8_E4M3", {rows, cols}, reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
    const Tensor factors = {"F32", {2, 3}, reinterpret_cast<const std::byte*>(scales.data()), 24};
    std::vector<float> got(rows * cols);
    read_matrix({&values, &factors, rows, cols, 0, cols, 1}, PMX_MOE_FP32, reinterpret_cast<std::byte*>(got.data()));
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            assert_true(got[r * cols + c] == e4m3(bytes[r * cols + c]) * scales[r / 128 * 3 + c / 128]);
}

/* The first `from` in config.json becomes `to`; then the layer is refused with `named`. */
static void refused_with(const std::string& directory, const std::string& from, const std::string& to, int layer,
                         const std::string& named)
{
    std::ifstream file(directory + "/config.json");
    const std::string whole{std::istreambuf_iterator<char>(file), {}};
    std::string text = whole;
    const size_t at = text.find(from);
    assert_true(at != std::string::npos);
    write_file(directory + "/config.json", text.replace(at, from.size(), to));
    CheckpointLayer opened;
    assert_refused(open_checkpoint(directory, layer, opened), PMX_ERR_ARGUMENT, named);
    write_file(directory + "/config.json", whole);
}

static void what_is_not_computed_is_refused(void**)
{
    const std::string deepseek = scratch() / "deepseek", gpt_oss = scratch() / "gpt_oss";
    write_deepseek(deepseek, PMX_MOE_BF16);
    write_gpt_oss(gpt_oss, PMX_MOE_BF16);
    refused_with(deepseek, "silu", "silu", 0, "--layer 0: must be from 1 on, where layers have experts");
    refused_with(deepseek, "\"moe_layer_freq\":1", "\"moe_layer_freq\":2", 1, "--layer 1: must be a multiple of 2");
    refused_with(deepseek, "noaux_tc", "group_limited_greedy", 1,
                 "\"topk_method\" \"group_limited_greedy\" must be greedy or noaux_tc");
    refused_with(deepseek, "\"sigmoid\"", "\"tanh\"", 1, "\"scoring_func\" \"tanh\" must be softmax or sigmoid");
    refused_with(deepseek, "2.5", "-1", 1, "\"routed_scaling_factor\" -1 must be a number above 0");
    refused_with(deepseek, "\"n_shared_experts\":2", "\"n_shared_experts\":1", 1, "shape [64,64] must be [32,64]");
    refused_with(gpt_oss, "7.0", "5.0", 1, "\"swiglu_limit\" 5.0 must be 7");
    write_gpt_oss(gpt_oss, PMX_MOE_BF16, "I8");
    CheckpointLayer opened;
    assert_refused(open_checkpoint(gpt_oss, 1, opened), PMX_ERR_ARGUMENT,
                   "gate_up_proj_blocks\": dtype I8 must be U8 (mxfp4)");
}

/* Element c of a row of blocks, by the definition of E2M1. */
static float mxfp4(size_t row, size_t cols, size_t c)
{
    const unsigned byte = packed_byte(row * cols / 2 + c / 32 * 16 + c % 32 / 2);
    const unsigned bits = c % 2 ? byte / 16 : byte % 16, exponent = bits / 2 % 4;
    const double size = exponent ? (1 + bits % 2 / 2.0) * std::pow(2.0, exponent - 1.0) : bits % 2 / 2.0;
    const double scale = std::pow(2.0, static_cast<double>(scale_byte(row * (cols / 32) + c / 32)) - 127);
    return static_cast<float>((bits >= 8 ? -size : size) * scale);
}

static void mxfp4_is_read_with_its_scales(void**)
{
    constexpr size_t h = kHidden, inner = kIntermediate;
    write_gpt_oss(scratch() / "mxfp4", PMX_MOE_BF16, "U8");
    CheckpointLayer opened;
    assert_fine(open_checkpoint(scratch() / "mxfp4", 1, opened));
    const auto source = checkpoint_weights(opened, PMX_MOE_FP32);
    std::vector<std::byte> space(source->expert_bytes());
    for (size_t e = 0; e < kExperts; e++) {
        const ExpertWeights weights = source->expert(static_cast<int>(e), space.data());
        const auto *gate = static_cast<const float*>(weights.gate), *up = static_cast<const float*>(weights.up);
        const auto* down = static_cast<const float*>(weights.down);
        for (size_t i = 0; i < inner; i++)
            for (size_t c = 0; c < h; c++) {
                const size_t row = 2 * (e * inner + i);
                assert_true(gate[i * h + c] == mxfp4(row, h, c));
                assert_true(up[i * h + c] == mxfp4(row + 1, h, c));
                assert_true(down[c * inner + i] == mxfp4(e * h + c, inner, i));
            }
    }
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(deepseek_gives_its_layer),    cmocka_unit_test(gpt_oss_gives_its_layer),
        cmocka_unit_test(fp8_is_read_with_its_scales), cmocka_unit_test(each_block_has_its_scale),
        cmocka_unit_test(mxfp4_is_read_with_its_scales), cmocka_unit_test(what_is_not_computed_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
