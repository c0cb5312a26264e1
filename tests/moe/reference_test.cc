/* SPDX-License-Identifier: BSD-3-Clause */
/* The oracle against the formula of pmx_moe.h, written out in long double. */
#include <algorithm>
#include <vector>

#include "tests/moe/model.h"
#include "tests/moe/unit.h"

namespace {

using Row = std::vector<long double>;

constexpr int kHidden = 32, kInter = 16, kExperts = 5, kTokens = 3;

std::vector<float> floats(const model::Bytes& bytes, bool bf16)
{
    std::vector<float> values(bytes.size() / (bf16 ? 2 : 4));
    pmx::moe::load_floats(values.data(), bytes.data(), values.size(), bf16);
    return values;
}

/* matrix [n_out, in.size()] times in. */
Row times(const std::vector<float>& matrix, size_t n_out, const Row& in)
{
    Row out(n_out);
    for (size_t o = 0; o < n_out; o++)
        for (size_t i = 0; i < in.size(); i++) out[o] += (long double)matrix[o * in.size() + i] * in[i];
    return out;
}

Row expert(const model::Model& m, int e, const Row& x, bool bf16)
{
    Row gate = times(floats(m.gate[(size_t)e], bf16), kInter, x), up = times(floats(m.up[(size_t)e], bf16), kInter, x);
    for (size_t i = 0; i < kInter; i++) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
    return times(floats(m.down[(size_t)e], bf16), kHidden, gate);
}

/* y of one token; ids_out and weights_out: its routing. */
Row layer(const model::Model& m, const float* bias, const Row& x, bool bf16, std::vector<int32_t>& ids_out, Row& weights_out)
{
    Row p = times(floats(m.router, bf16), kExperts, x);
    long double sum = 0, kept = 0;
    for (size_t e = 0; e < kExperts; e++) sum += p[e] = std::exp(p[e] + (bias ? bias[e] : 0));
    for (long double& value : p) value /= sum;
    for (int j = 0; j < m.config.top_k; j++) {
        int32_t best = (int32_t)(std::max_element(p.begin(), p.end()) - p.begin());
        ids_out.push_back(best);
        weights_out.push_back(p[(size_t)best]);
        kept += p[(size_t)best];
        p[(size_t)best] = -1;
    }
    Row y(kHidden);
    for (int j = 0; j < m.config.top_k; j++) {
        if (m.config.renormalise) weights_out[(size_t)j] /= kept;
        Row out = expert(m, ids_out[(size_t)j], x, bf16);
        for (size_t h = 0; h < kHidden; h++) y[h] += weights_out[(size_t)j] * out[h];
    }
    return y;
}

void compare(pmx_moe_dtype_t dtype, int renormalise, const float* bias)
{
    pmx_moe_config_t c = model::config(kHidden, kInter, kExperts, 2, kTokens, dtype);
    c.renormalise = renormalise;
    model::Model m(c);
    const bool bf16 = dtype == PMX_MOE_BF16;
    model::Bytes x = m.tokens(0, kTokens);
    std::vector<float> tokens = floats(x, bf16);
    std::vector<double> y(kTokens * kHidden), routed(kTokens * kHidden);
    assert_int_equal(pmx_moe_reference(&c, m.router.data(), bias, model::Model::fetch, &m, x.data(), kTokens, nullptr,
                                       nullptr, y.data()),
                     0);
    std::vector<int32_t> all_ids;
    std::vector<float> all_weights;
    std::vector<long double> expected;
    for (size_t t = 0; t < kTokens; t++) {
        std::vector<int32_t> ids;
        Row weights, one = layer(m, bias, Row(&tokens[t * kHidden], &tokens[t * kHidden] + kHidden), bf16, ids, weights);
        expected.insert(expected.end(), one.begin(), one.end());
        all_ids.insert(all_ids.end(), ids.begin(), ids.end());
        all_weights.insert(all_weights.end(), weights.begin(), weights.end());
    }
    assert_int_equal(pmx_moe_reference(&c, nullptr, nullptr, model::Model::fetch, &m, x.data(), kTokens, all_ids.data(),
                                       all_weights.data(), routed.data()),
                     0);
    for (size_t i = 0; i < y.size(); i++) {
        assert_true(std::fabs((double)(y[i] - expected[i])) < 1e-12);
        assert_true(std::fabs((double)(routed[i] - expected[i])) < 1e-6); /* the weights were rounded */
    }
}

void the_oracle_is_the_formula(void**)
{
    const float bias[kExperts] = {0.5f, -0.5f, 1.0f, 0.0f, 0.25f};
    for (pmx_moe_dtype_t dtype : {PMX_MOE_FP32, PMX_MOE_BF16})
        for (int renormalise : {0, 1})
            for (const float* b : {(const float*)nullptr, bias}) compare(dtype, renormalise, b);
}

int failing_fetch(void*, int expert_wanted, const void**, const void**, const void**)
{
    return expert_wanted == 3 ? PMX_ERR_SYSTEM : PMX_ERR_MEMORY;
}

void a_failing_fetch_ends_the_oracle(void**)
{
    pmx_moe_config_t c = model::config(kHidden, kInter, kExperts, 1, 1, PMX_MOE_FP32);
    model::Model m(c);
    model::Bytes x = m.tokens(0, 1);
    std::vector<double> y(kHidden, 7.0);
    const int32_t ids[] = {3};
    const float weights[] = {1};
    assert_int_equal(pmx_moe_reference(&c, nullptr, nullptr, failing_fetch, nullptr, x.data(), 1, ids, weights, y.data()),
                     PMX_ERR_SYSTEM);
    for (double value : y) assert_true(value == 7.0);
}

void bad_arguments_of_the_oracle_are_refused(void**)
{
    pmx_moe_config_t c = model::config(kHidden, kInter, kExperts, 1, 1, PMX_MOE_FP32);
    model::Model m(c);
    model::Bytes x = m.tokens(0, 1);
    std::vector<double> y(kHidden);
    const int32_t outside[] = {kExperts};
    const float weights[] = {1};
    auto call = [&](const void* router, pmx_moe_fetch_fn fetch, int n_tokens, const int32_t* ids, const float* w) {
        return pmx_moe_reference(&c, router, nullptr, fetch, &m, x.data(), n_tokens, ids, w, y.data());
    };
    assert_int_equal(call(nullptr, model::Model::fetch, 1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(m.router.data(), nullptr, 1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(m.router.data(), model::Model::fetch, -1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(nullptr, model::Model::fetch, 1, outside, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(nullptr, model::Model::fetch, 1, outside, weights), PMX_ERR_ARGUMENT);
    assert_string_equal(pmx_last_error_detail(), "ids[0][0] is 5: must be 0 to 4");
    assert_int_equal(call(m.router.data(), model::Model::fetch, 0, nullptr, nullptr), PMX_SUCCESS);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_oracle_is_the_formula),
        cmocka_unit_test(a_failing_fetch_ends_the_oracle),
        cmocka_unit_test(bad_arguments_of_the_oracle_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
