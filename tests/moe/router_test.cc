/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/router.h"

#include <algorithm>
#include <vector>

#include "tests/moe/model.h"
#include "tests/moe/unit.h"

namespace {

/* A router whose logits are the given numbers for the token (1, 0, 0, ...). */
struct Rig {
    using Features = void (*)(pmx_moe_config_t&);

    Rig(
        std::vector<float> logits_given, int top_k, bool renormalise,
        Features features = [](pmx_moe_config_t&) {})
        : logits(std::move(logits_given))
    {
        config = model::config(16, 16, (int)logits.size(), top_k, 4, PMX_MOE_FP32);
        config.renormalise = renormalise;
        features(config);
        pmx::moe::Shape shape;
        assert_int_equal(pmx::moe::check_config(&config, 1, &shape), 0);
        std::vector<float> matrix(logits.size() * 16), x(16);
        for (size_t e = 0; e < logits.size(); e++) matrix[e * 16] = logits[e];
        x[0] = 1;
        ids.resize((size_t)top_k);
        weights.resize((size_t)top_k);
        pmx::moe::Router(shape).route({matrix.data(), bias, choice_bias}, x.data(), 1, ids.data(),
                                      weights.data());
    }
    double softmax(size_t e) const
    {
        double sum = 0;
        for (float l : logits) sum += std::exp((double)l);
        return std::exp((double)logits[e]) / sum;
    }

    static inline const float* bias = nullptr;
    static inline const float* choice_bias = nullptr;
    std::vector<float> logits;
    pmx_moe_config_t config;
    std::vector<int32_t> ids;
    std::vector<float> weights;
};

void the_largest_are_chosen_in_order_with_their_softmax(void**)
{
    Rig rig({0.5f, -1.0f, 2.0f, 1.0f}, 2, false);
    assert_int_equal(rig.ids[0], 2);
    assert_int_equal(rig.ids[1], 3);
    assert_true(std::fabs(rig.weights[0] - rig.softmax(2)) < 1e-7);
    assert_true(std::fabs(rig.weights[1] - rig.softmax(3)) < 1e-7);
}

void renormalised_weights_sum_to_one(void**)
{
    Rig rig({0.5f, -1.0f, 2.0f, 1.0f, 0.0f}, 3, true);
    assert_true(std::fabs(rig.weights[0] + rig.weights[1] + rig.weights[2] - 1.0f) < 1e-6f);
    assert_true(std::fabs(rig.weights[0] / rig.weights[1] - std::exp(1.0f)) < 1e-5f);
}

void ties_go_to_the_lower_index(void**)
{
    Rig rig({1.0f, 3.0f, 1.0f, 3.0f, 3.0f, 1.0f}, 4, true);
    const int32_t expected[] = {1, 3, 4, 0};
    for (int j = 0; j < 4; j++) assert_int_equal(rig.ids[(size_t)j], expected[j]);
}

void all_experts_can_be_chosen(void**)
{
    Rig rig({0.0f, 2.0f, 1.0f}, 3, false);
    const int32_t expected[] = {1, 2, 0};
    float sum = 0;
    for (int j = 0; j < 3; j++) {
        assert_int_equal(rig.ids[(size_t)j], expected[j]);
        sum += rig.weights[(size_t)j];
    }
    assert_true(std::fabs(sum - 1.0f) < 1e-6f);
}

void the_bias_is_added_to_the_logits(void**)
{
    const float bias[] = {0.0f, 0.0f, 3.0f};
    Rig::bias = bias;
    Rig rig({1.0f, 0.5f, 0.0f}, 1, false);
    Rig::bias = nullptr;
    rig.logits[2] += 3.0f;
    assert_int_equal(rig.ids[0], 2);
    assert_true(std::fabs(rig.weights[0] - rig.softmax(2)) < 1e-7);
}

void large_logits_neither_overflow_nor_repeat_an_expert(void**)
{
    Rig large({1e30f, -1e30f, 1e30f}, 3, true);
    assert_true(large.weights[0] == 0.5f && large.weights[1] == 0.5f && large.weights[2] == 0.0f);
    Rig nan({NAN, 1.0f, NAN, 2.0f}, 4, true);
    std::sort(nan.ids.begin(), nan.ids.end());
    for (int j = 0; j < 4; j++) assert_int_equal(nan.ids[(size_t)j], j);
}

void softmax_of_the_chosen_sums_to_scale(void**)
{
    Rig rig({0.5f, -1.0f, 2.0f, 1.0f}, 2, false,
            [](auto& c) { c.scores = PMX_MOE_SOFTMAX_CHOSEN, c.scale = 4; });
    assert_int_equal(rig.ids[0], 2);
    assert_int_equal(rig.ids[1], 3);
    assert_true(std::fabs(rig.weights[0] - 4 / (1 + std::exp(-1.0f))) < 1e-6f);
    assert_true(std::fabs(rig.weights[0] + rig.weights[1] - 4) < 1e-6f);
}

void sigmoid_weighs_each_expert_by_itself(void**)
{
    Rig rig({0.0f, 2.0f, -40.0f}, 3, false, [](auto& c) { c.scores = PMX_MOE_SIGMOID; });
    assert_true(std::fabs(rig.weights[0] - 1 / (1 + std::exp(-2.0f))) < 1e-7f);
    assert_true(rig.weights[1] == 0.5f && rig.weights[2] > 0 && rig.weights[2] < 1e-17f);
}

void sqrt_softplus_neither_overflows_nor_vanishes(void**)
{
    Rig rig({1e4f, 0.0f, -1e4f}, 3, false, [](auto& c) { c.scores = PMX_MOE_SQRT_SOFTPLUS; });
    assert_true(rig.weights[0] == 100.0f && rig.weights[2] == 0.0f);
    assert_true(std::fabs(rig.weights[1] - std::sqrt(std::log(2.0f))) < 1e-7f);
}

void the_choice_bias_chooses_and_does_not_weigh(void**)
{
    const float bias[] = {0.0f, 0.0f, 9.0f, 0.0f};
    Rig::choice_bias = bias;
    Rig rig({1.0f, 3.0f, -1.0f, 2.0f}, 2, true, [](auto& c) { c.scores = PMX_MOE_SIGMOID; });
    Rig::choice_bias = nullptr;
    assert_int_equal(rig.ids[0], 2);
    assert_int_equal(rig.ids[1], 1);
    const double first = 1 / (1 + std::exp(1.0)), second = 1 / (1 + std::exp(-3.0));
    assert_true(std::fabs(rig.weights[0] - first / (first + second)) < 1e-7);
    assert_true(std::fabs(rig.weights[1] - second / (first + second)) < 1e-7);
}

/* Three groups of three: the best expert is in the group whose two best together are the worst. */
void experts_come_from_the_groups_with_the_best_two(void**)
{
    const std::vector<float> logits = {0.9f, 0.8f, -5.0f, 2.0f, -9.0f, -9.0f, 0.7f, 0.6f, 0.5f};
    const auto groups = [](auto& c) { c.scores = PMX_MOE_SIGMOID, c.groups = 3, c.groups_kept = 2; };
    Rig rig(logits, 4, false, groups);
    const int32_t expected[] = {0, 1, 6, 7};
    for (int j = 0; j < 4; j++) assert_int_equal(rig.ids[(size_t)j], expected[j]);
    Rig all(logits, 1, false, [](auto& c) { c.scores = PMX_MOE_SIGMOID; });
    assert_int_equal(all.ids[0], 3);
    Rig nan({NAN, NAN, 1.0f, NAN, NAN, NAN}, 4, false,
            [](auto& c) { c.scores = PMX_MOE_SIGMOID, c.groups = 3, c.groups_kept = 2; });
    std::sort(nan.ids.begin(), nan.ids.end());
    assert_true(std::unique(nan.ids.begin(), nan.ids.end()) == nan.ids.end());
}

/* Tokens are routed some at a time; that must not show. */
void a_token_is_routed_the_same_alone_and_among_others(void**)
{
    pmx_moe_config_t c = model::config(64, 16, 24, 4, 40, PMX_MOE_BF16);
    model::Model m(c);
    pmx::moe::Shape shape;
    assert_int_equal(pmx::moe::check_config(&c, 1, &shape), 0);
    pmx::moe::Router router(shape);
    model::Bytes x = m.tokens(0, 40);
    std::vector<int32_t> ids(40 * 4), one_ids(4);
    std::vector<float> weights(40 * 4), one_weights(4);
    router.route({m.router.data(), nullptr, nullptr}, x.data(), 40, ids.data(), weights.data());
    for (size_t t = 0; t < 40; t++) {
        router.route({m.router.data(), nullptr, nullptr}, x.data() + t * shape.row_bytes, 1, one_ids.data(),
                     one_weights.data());
        assert_memory_equal(one_ids.data(), &ids[t * 4], 4 * sizeof(int32_t));
        assert_memory_equal(one_weights.data(), &weights[t * 4], 4 * sizeof(float));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_largest_are_chosen_in_order_with_their_softmax),
        cmocka_unit_test(renormalised_weights_sum_to_one),
        cmocka_unit_test(ties_go_to_the_lower_index),
        cmocka_unit_test(all_experts_can_be_chosen),
        cmocka_unit_test(the_bias_is_added_to_the_logits),
        cmocka_unit_test(large_logits_neither_overflow_nor_repeat_an_expert),
        cmocka_unit_test(softmax_of_the_chosen_sums_to_scale),
        cmocka_unit_test(sigmoid_weighs_each_expert_by_itself),
        cmocka_unit_test(sqrt_softplus_neither_overflows_nor_vanishes),
        cmocka_unit_test(the_choice_bias_chooses_and_does_not_weigh),
        cmocka_unit_test(experts_come_from_the_groups_with_the_best_two),
        cmocka_unit_test(a_token_is_routed_the_same_alone_and_among_others),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
