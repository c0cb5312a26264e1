/* SPDX-License-Identifier: BSD-3-Clause */
/* The oracle against the formula of pmx_moe.h, written out in long double. */
#include <algorithm>
#include <vector>

#include "tests/moe/model.h"
#include "tests/moe/unit.h"

namespace {

using Row = std::vector<long double>;

constexpr int kHidden = 32, kInter = 16, kExperts = 6, kTokens = 3;

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

long double activation(pmx_moe_activation_t kind, long double g, long double u)
{
    const auto sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
    const auto normal = [](long double x) { return (1 + std::erf(x / std::sqrt(2.0L))) / 2; };
    const auto normal_tanh = [](long double x) {
        return (1 + std::tanh(std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x))) / 2;
    };
    switch (kind) {
        case PMX_MOE_SWIGLU:
            return g * sigmoid(g) * u;
        case PMX_MOE_SWIGLU_CLAMPED:
            g = std::min(g, 7.0L);
            u = std::max(std::min(u, 7.0L), -7.0L);
            return (u + 1) * g * sigmoid(1.702L * g);
        case PMX_MOE_GEGLU:
            return g * normal(g) * u;
        case PMX_MOE_GEGLU_TANH:
            return g * normal_tanh(g) * u;
        case PMX_MOE_SILU:
            return u * sigmoid(u);
        case PMX_MOE_GELU:
            return u * normal(u);
        case PMX_MOE_GELU_TANH:
            return u * normal_tanh(u);
        case PMX_MOE_RELU:
            return std::max(u, 0.0L);
    }
    return NAN;
}

Row expert(const model::Model& m, int e, const Row& x, bool bf16)
{
    Row gate = times(floats(m.gate[(size_t)e], bf16), kInter, x),
        up = times(floats(m.up[(size_t)e], bf16), kInter, x);
    const auto bias = [&](size_t part, size_t i) {
        return m.biases.empty() ? 0.0L : (long double)m.biases[3 * (size_t)e + part][i];
    };
    for (size_t i = 0; i < kInter; i++)
        gate[i] = activation(m.config.activation, gate[i] + bias(0, i), up[i] + bias(1, i));
    Row out = times(floats(m.down[(size_t)e], bf16), kHidden, gate);
    for (size_t h = 0; h < kHidden; h++) out[h] += bias(2, h);
    return out;
}

/* Where the value of the group of expert e is among the groups, 0 being the best. */
int place_of_group(const Row& values, size_t n_groups, size_t e)
{
    const size_t n = values.size() / n_groups;
    std::vector<long double> sums;
    for (size_t g = 0; g < n_groups; g++) {
        long double best = -INFINITY;
        for (size_t a = g * n; a < g * n + n; a++)
            for (size_t b = g * n; b < a; b++) best = std::max(best, values[a] + values[b]);
        sums.push_back(best);
    }
    return (int)std::count_if(sums.begin(), sums.end(), [&](long double sum) { return sum > sums[e / n]; });
}

/* The routing of one token by the words of pmx_moe.h. */
void route(const model::Model& m, const float* bias, const Row& x, bool bf16, std::vector<int32_t>& ids_out,
           Row& weights_out)
{
    const pmx_moe_config_t& c = m.config;
    const size_t experts = (size_t)c.experts;
    Row p = times(floats(m.router, bf16), experts, x), logits;
    long double sum = 0, kept = 0;
    for (size_t e = 0; e < experts; e++) logits.push_back(p[e] += bias ? bias[e] : 0);
    for (size_t e = 0; e < experts; e++) sum += std::exp(logits[e]);
    for (size_t e = 0; e < experts; e++)
        p[e] = c.scores == PMX_MOE_SIGMOID         ? 1 / (1 + std::exp(-logits[e]))
               : c.scores == PMX_MOE_SQRT_SOFTPLUS ? std::sqrt(std::log(1 + std::exp(logits[e])))
                                                   : std::exp(logits[e]) / sum;
    Row values = p;
    for (size_t e = 0; e < experts && !m.choice_bias.empty(); e++) values[e] += m.choice_bias[e];
    const Row all = values;
    for (size_t e = 0; e < experts && c.groups; e++)
        if (place_of_group(all, (size_t)c.groups, e) >= c.groups_kept) values[e] = -INFINITY;
    for (int j = 0; j < c.top_k; j++) {
        int32_t best = (int32_t)(std::max_element(values.begin(), values.end()) - values.begin());
        ids_out.push_back(best);
        weights_out.push_back(p[(size_t)best]);
        kept += p[(size_t)best];
        values[(size_t)best] = -INFINITY;
    }
    for (long double& weight : weights_out) {
        if (c.renormalise || c.scores == PMX_MOE_SOFTMAX_CHOSEN) weight /= kept;
        if (c.scale > 0) weight *= c.scale;
    }
}

/* y of one token; ids_out and weights_out: its routing. */
Row layer(const model::Model& m, const float* bias, const Row& x, bool bf16, std::vector<int32_t>& ids_out,
          Row& weights_out)
{
    route(m, bias, x, bf16, ids_out, weights_out);
    Row y(kHidden);
    for (size_t j = 0; j < ids_out.size(); j++) {
        const bool on_input = m.config.weight_on_input;
        Row in = x;
        for (long double& value : in) value *= on_input ? weights_out[j] : 1;
        Row out = expert(m, ids_out[j], in, bf16);
        for (size_t h = 0; h < kHidden; h++) y[h] += (on_input ? 1 : weights_out[j]) * out[h];
    }
    return y;
}

void compare(const pmx_moe_config_t& c, const float* bias)
{
    model::Model m(c);
    const bool bf16 = c.dtype == PMX_MOE_BF16;
    model::Bytes x = m.tokens(0, kTokens);
    std::vector<float> tokens = floats(x, bf16);
    std::vector<double> y(kTokens * kHidden), routed(kTokens * kHidden);
    pmx_moe_weights_t weights = m.weights(0, c.experts);
    weights.router_bias = bias;
    assert_int_equal(pmx_moe_reference_layer(&c, &weights, nullptr, nullptr, x.data(), kTokens, nullptr,
                                             nullptr, y.data()),
                     0);
    std::vector<int32_t> all_ids;
    std::vector<float> all_weights;
    std::vector<long double> expected;
    for (size_t t = 0; t < kTokens; t++) {
        std::vector<int32_t> ids;
        Row chosen, one = layer(m, bias, Row(&tokens[t * kHidden], &tokens[t * kHidden] + kHidden), bf16, ids,
                                chosen);
        expected.insert(expected.end(), one.begin(), one.end());
        all_ids.insert(all_ids.end(), ids.begin(), ids.end());
        all_weights.insert(all_weights.end(), chosen.begin(), chosen.end());
    }
    weights.router = nullptr;
    weights.gate = weights.up = weights.down = nullptr;
    assert_int_equal(pmx_moe_reference_layer(&c, &weights, model::Model::fetch, &m, x.data(), kTokens,
                                             all_ids.data(), all_weights.data(), routed.data()),
                     0);
    for (size_t i = 0; i < y.size(); i++) {
        assert_true(std::fabs((double)(y[i] - expected[i])) < 1e-11);
        assert_true(std::fabs((double)(routed[i] - expected[i])) < 1e-5); /* the weights were rounded */
    }
}

pmx_moe_config_t small(pmx_moe_dtype_t dtype)
{
    return model::config(kHidden, kInter, kExperts, 2, kTokens, dtype);
}

void the_oracle_is_the_formula(void**)
{
    const float bias[kExperts] = {0.5f, -0.5f, 1.0f, 0.0f, 0.25f, -0.125f};
    for (pmx_moe_dtype_t dtype : {PMX_MOE_FP32, PMX_MOE_BF16})
        for (int renormalise : {0, 1})
            for (const float* b : {(const float*)nullptr, bias}) {
                pmx_moe_config_t c = small(dtype);
                c.renormalise = renormalise;
                compare(c, b);
            }
}

void every_activation_is_its_formula(void**)
{
    for (int kind = PMX_MOE_SWIGLU; kind <= PMX_MOE_RELU; kind++)
        for (pmx_moe_dtype_t dtype : {PMX_MOE_FP32, PMX_MOE_BF16}) {
            pmx_moe_config_t c = small(dtype);
            c.activation = (pmx_moe_activation_t)kind;
            compare(c, nullptr);
        }
}

void every_router_is_its_formula(void**)
{
    for (int kind = PMX_MOE_SOFTMAX; kind <= PMX_MOE_SQRT_SOFTPLUS; kind++)
        for (int groups : {0, 2, 3})
            for (int renormalise : {0, 1})
                for (int weight_on_input : {0, 1}) {
                    pmx_moe_config_t c = small(PMX_MOE_FP32);
                    c.scores = (pmx_moe_scores_t)kind;
                    c.groups = groups;
                    c.groups_kept = groups / 2;
                    c.renormalise = renormalise;
                    c.weight_on_input = weight_on_input;
                    c.scale = groups ? 2.5f : 0;
                    compare(c, nullptr);
                }
}

/* y without the shared expert or without rows, and what comes to it. */
void the_shared_expert_is_added_to_every_token(void**)
{
    for (int top_k : {1, 2}) {
        pmx_moe_config_t c = small(PMX_MOE_FP32);
        c.top_k = top_k;
        c.shared_intermediate = 48;
        model::Model m(c);
        model::Bytes x = m.tokens(0, kTokens);
        const std::vector<float> tokens = floats(x, false);
        std::vector<int32_t> none((size_t)(kTokens * top_k), -1);
        std::vector<float> weights(none.size());
        std::vector<double> y(kTokens * kHidden);
        assert_int_equal(m.reference(x, kTokens, none.data(), weights.data(), y.data()), 0);
        for (size_t t = 0; t < kTokens; t++) {
            const Row in(&tokens[t * kHidden], &tokens[t * kHidden] + kHidden);
            Row gate = times(floats(m.shared[0], false), 48, in),
                up = times(floats(m.shared[1], false), 48, in);
            for (size_t i = 0; i < 48; i++) gate[i] = activation(c.activation, gate[i], up[i]);
            const Row out = times(floats(m.shared[2], false), kHidden, gate);
            const long double logit = times(floats(m.shared[3], false), 1, in)[0];
            const long double factor = top_k == 2 ? 1 / (1 + std::exp(-logit)) : 1;
            for (size_t h = 0; h < kHidden; h++)
                assert_true(std::fabs((double)(y[t * kHidden + h] - factor * out[h])) < 1e-12);
        }
        assert_int_equal(pmx_moe_reference(&c, m.router.data(), nullptr, model::Model::fetch, &m, x.data(), 1,
                                           nullptr, nullptr, y.data()),
                         PMX_ERR_ARGUMENT);
    }
}

/* Three tokens for one expert with room for two: which one gets nothing. */
void a_capacity_drops_by_weight_or_by_token(void**)
{
    const int32_t ids[] = {3, 3, 3};
    const float weights[] = {0.25f, 0.5f, 0.25f}, other[] = {0.25f, 0.5f, 0.75f};
    const auto first_without = [&](pmx_moe_drop_t drop, const float* w) {
        pmx_moe_config_t c = model::config(kHidden, kInter, kExperts, 1, 3, PMX_MOE_FP32);
        c.capacity = 2;
        c.drop = drop;
        model::Model m(c);
        model::Bytes x = m.tokens(0, 3);
        std::vector<double> y(3 * kHidden);
        assert_int_equal(m.reference(x, 3, ids, w, y.data()), 0);
        int without = -1, n = 0;
        for (int t = 0; t < 3; t++)
            if (y[(size_t)t * kHidden] == 0 && y[(size_t)t * kHidden + 1] == 0) without = t, n++;
        assert_int_equal(n, 1);
        return without;
    };
    assert_int_equal(first_without(PMX_MOE_DROP_LOWEST, weights), 2);
    assert_int_equal(first_without(PMX_MOE_DROP_LOWEST, other), 0);
    assert_int_equal(first_without(PMX_MOE_DROP_LATEST, other), 2);
}

/* The clamps are out of the reach of random weights: one input of 1, an identity, and a large bias. */
void the_clamps_of_gpt_oss_are_at_7(void**)
{
    pmx_moe_config_t c = model::config(16, 16, 1, 1, 1, PMX_MOE_FP32);
    c.activation = PMX_MOE_SWIGLU_CLAMPED;
    float router[16] = {}, zero[16][16] = {}, one[16][16] = {}, x[16] = {}, gate_bias[16], up_bias[16];
    for (int i = 0; i < 16; i++) {
        one[i][i] = 1;
        gate_bias[i] = (float)(4 * i - 30);
        up_bias[i] = (float)(30 - 5 * i);
    }
    const void *matrix = zero, *down = one;
    const float *gate_biases = gate_bias, *up_biases = up_bias;
    pmx_moe_weights_t w{};
    w.size_bytes = sizeof w;
    w.router = router;
    w.gate = w.up = &matrix;
    w.down = &down;
    w.gate_bias = &gate_biases;
    w.up_bias = &up_biases;
    double y[16];
    assert_int_equal(pmx_moe_reference_layer(&c, &w, nullptr, nullptr, x, 1, nullptr, nullptr, y), 0);
    for (int i = 0; i < 16; i++)
        assert_true(std::fabs(y[i] - (double)activation(c.activation, gate_bias[i], up_bias[i])) < 1e-12);
}

void a_masked_choice_adds_nothing(void**)
{
    pmx_moe_config_t c = model::config(kHidden, kInter, kExperts, 2, 2, PMX_MOE_FP32);
    pmx_moe_config_t single = c;
    single.top_k = 1;
    model::Model m(c);
    model::Bytes x = m.tokens(0, 2);
    const int32_t ids[] = {3, -1, -1, -1}, one[] = {3};
    const float weights[] = {0.5f, NAN, NAN, NAN};
    std::vector<double> y(2 * kHidden, 7.0), expected(kHidden);
    assert_int_equal(m.reference(x, 2, ids, weights, y.data()), 0);
    m.config = single;
    assert_int_equal(m.reference(x, 1, one, weights, expected.data()), 0);
    for (size_t h = 0; h < kHidden; h++) {
        assert_true(y[h] == expected[h]);
        assert_true(y[kHidden + h] == 0);
    }
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
    assert_int_equal(
        pmx_moe_reference(&c, nullptr, nullptr, failing_fetch, nullptr, x.data(), 1, ids, weights, y.data()),
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
    auto call = [&](const void* router, pmx_moe_fetch_fn fetch, int n_tokens, const int32_t* ids,
                    const float* w) {
        return pmx_moe_reference(&c, router, nullptr, fetch, &m, x.data(), n_tokens, ids, w, y.data());
    };
    assert_int_equal(call(nullptr, model::Model::fetch, 1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(m.router.data(), nullptr, 1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(m.router.data(), model::Model::fetch, -1, nullptr, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(nullptr, model::Model::fetch, 1, outside, nullptr), PMX_ERR_ARGUMENT);
    assert_int_equal(call(nullptr, model::Model::fetch, 1, outside, weights), PMX_ERR_ARGUMENT);
    assert_string_equal(pmx_last_error_detail(), "ids[0][0] is 6: must be -1 to 5");
    assert_int_equal(call(m.router.data(), model::Model::fetch, 0, nullptr, nullptr), PMX_SUCCESS);
    pmx_moe_weights_t w = m.weights(0, kExperts);
    auto layer = [&] {
        return pmx_moe_reference_layer(&c, &w, nullptr, nullptr, x.data(), 1, nullptr, nullptr, y.data());
    };
    assert_int_equal(layer(), PMX_SUCCESS);
    w.up = nullptr;
    assert_int_equal(layer(), PMX_ERR_ARGUMENT);
    assert_string_equal(pmx_last_error_detail(), "up is NULL: must be an array of 6 pointers");
    assert_int_equal(
        pmx_moe_reference_layer(&c, nullptr, nullptr, nullptr, x.data(), 1, nullptr, nullptr, y.data()),
        PMX_ERR_ARGUMENT);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_oracle_is_the_formula),
        cmocka_unit_test(every_activation_is_its_formula),
        cmocka_unit_test(every_router_is_its_formula),
        cmocka_unit_test(the_shared_expert_is_added_to_every_token),
        cmocka_unit_test(a_capacity_drops_by_weight_or_by_token),
        cmocka_unit_test(the_clamps_of_gpt_oss_are_at_7),
        cmocka_unit_test(a_masked_choice_adds_nothing),
        cmocka_unit_test(a_failing_fetch_ends_the_oracle),
        cmocka_unit_test(bad_arguments_of_the_oracle_are_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
