/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_check.cc: the oracle makes or reads each expert again, from the source and not from the layer. */
#include "moe_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "launcher.h"

namespace pmx::tools {

namespace {

struct Fetch {
    WeightSource& source;
    std::vector<std::byte> space;
    const std::function<void(int, int)>& progress;
    int n_experts;
    int n_done = 0;
};

int fetch_expert(void* arg, int expert, const void** gate_out, const void** up_out, const void** down_out)
{
    auto& fetch = *static_cast<Fetch*>(arg);
    const ExpertWeights weights = fetch.source.expert(expert, fetch.space.data());
    *gate_out = weights.gate;
    *up_out = weights.up;
    *down_out = weights.down;
    fetch.progress(std::min(++fetch.n_done, fetch.n_experts), fetch.n_experts);
    return PMX_SUCCESS;
}

double element(const std::vector<std::byte>& data, size_t i, pmx_moe_dtype_t dtype)
{
    float value;
    convert_elements(data.data() + i * element_bytes(dtype), dtype, &value, PMX_MOE_FP32, 1);
    return value;
}

double relative_error(const std::vector<std::byte>& y, size_t first, const double* oracle, size_t n,
                      pmx_moe_dtype_t dtype)
{
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        const double delta = element(y, first + i, dtype) - oracle[i];
        difference += delta * delta;
        norm += oracle[i] * oracle[i];
    }
    if (difference == 0) return 0;
    const double error = std::sqrt(difference / norm);
    return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

/* [E]: router x + bias of one token, in double. */
std::vector<double> logits_of(const MoeInputs& inputs, const pmx_moe_weights_t& all, const OwnTokens& own, size_t token,
                              double& largest_product_out)
{
    const auto hidden = static_cast<size_t>(inputs.shape().hidden);
    const pmx_moe_dtype_t dtype = inputs.dtype();
    const auto* rows = static_cast<const std::byte*>(all.router);
    std::vector<double> logits(static_cast<size_t>(inputs.shape().experts));
    largest_product_out = 0;
    for (size_t expert = 0; expert < logits.size(); expert++) {
        if (all.router_bias) logits[expert] = all.router_bias[expert];
        for (size_t i = 0; i < hidden; i++) {
            float weight;
            convert_elements(rows + (expert * hidden + i) * element_bytes(dtype), dtype, &weight,
                             PMX_MOE_FP32, 1);
            const double product = weight * element(own.x, token * hidden + i, dtype);
            logits[expert] += product;
            largest_product_out = std::max(largest_product_out, std::fabs(product));
        }
    }
    return logits;
}

/* Two experts can have logits so near to each other that fp32 sums order them in another way than double
 * ones. Then the layer and the oracle use different experts, and both are right. True when that is so for
 * this token: some expert that the layer left out is better than one that it chose, but by no more than
 * fp32 sums may be wrong. Asked of softmax routers without groups and choice bias alone. weights_out: [k], what the experts that the layer chose weigh in double. */
bool near_tie(const MoeInputs& inputs, const pmx_moe_weights_t& all, const OwnTokens& own, size_t token,
              std::vector<float>& weights_out)
{
    const pmx_moe_config_t& model = inputs.model().config;
    const bool of_chosen_only = model.renormalise || model.scores == PMX_MOE_SOFTMAX_CHOSEN;
    if (model.scores > PMX_MOE_SOFTMAX_CHOSEN || model.groups > 1 || all.choice_bias) return false;
    const auto k = static_cast<size_t>(inputs.shape().top_k);
    const int32_t* chosen = own.ids.data() + token * k;
    double largest_product = 0;
    const std::vector<double> logits = logits_of(inputs, all, own, token, largest_product);
    const double best = *std::max_element(logits.begin(), logits.end());
    double worst_chosen = best, best_other = -std::numeric_limits<double>::infinity(), of_all = 0, of_chosen = 0;
    for (size_t expert = 0; expert < logits.size(); expert++) {
        const double share = std::exp(logits[expert] - best);
        of_all += share;
        if (std::find(chosen, chosen + k, static_cast<int32_t>(expert)) != chosen + k) {
            worst_chosen = std::min(worst_chosen, logits[expert]);
            of_chosen += share;
        } else {
            best_other = std::max(best_other, logits[expert]);
        }
    }
    for (size_t i = 0; i < k; i++)
        weights_out.push_back(static_cast<float>(std::exp(logits[static_cast<size_t>(chosen[i])] - best) /
                                                 (of_chosen_only ? of_chosen : of_all)));
    /* Each of hidden sums rounds by half a unit at most; their errors add up like their root. */
    const double slack = 16 * largest_product * std::sqrt(inputs.shape().hidden) *
                         static_cast<double>(std::numeric_limits<float>::epsilon());
    return worst_chosen < best_other && worst_chosen >= best_other - slack;
}

}  // namespace

double error_limit(pmx_moe_dtype_t dtype) { return dtype == PMX_MOE_BF16 ? 1e-2 : 1e-5; }

OwnTokens sample_tokens(const OwnTokens& own, int n, const pmx_moe_config_t& config)
{
    if (n >= own.n_tokens) return own;
    const size_t row_bytes = static_cast<size_t>(config.hidden) * element_bytes(config.dtype);
    const auto copy = [](const auto& from, auto& to, size_t token, size_t width) {
        const auto begin = from.begin() + static_cast<std::ptrdiff_t>(token * width);
        to.insert(to.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
    };
    OwnTokens some;
    some.n_tokens = n;
    some.routed = own.routed;
    for (int i = 0; i < n; i++) {
        const size_t token = static_cast<size_t>(i) * static_cast<size_t>(own.n_tokens) / static_cast<size_t>(n);
        copy(own.x, some.x, token, row_bytes);
        copy(own.y, some.y, token, row_bytes);
        copy(own.ids, some.ids, token, static_cast<size_t>(config.top_k));
        copy(own.weights, some.weights, token, static_cast<size_t>(config.top_k));
    }
    return some;
}

Status check_tokens(const MoeInputs& inputs, const pmx_moe_config_t& config, const OwnTokens& own,
                    const std::function<void(int, int)>& progress, CheckResult& result_out)
{
    const auto source = inputs.weights();
    const auto hidden = static_cast<size_t>(config.hidden), k = static_cast<size_t>(config.top_k);
    Fetch fetch{*source, std::vector<std::byte>(source->expert_bytes()), progress, config.experts};
    const std::vector<float> router_bias = inputs.router_bias(source->common());
    BiasPointers biases;
    for (int expert = 0; expert < config.experts; expert++) biases.add(source->biases(expert));
    pmx_moe_weights_t all = {};
    all.size_bytes = sizeof all;
    source->common().put_into(all);
    biases.put_into(all);
    all.router_bias = router_bias.empty() ? nullptr : router_bias.data();
    const auto oracle = [&](size_t token, int n_tokens, const int32_t* ids, const float* weights, double* y) {
        const std::byte* x = own.x.data() + token * hidden * element_bytes(config.dtype);
        return from_pmx(pmx_moe_reference_layer(&config, &all, fetch_expert, &fetch, x, n_tokens, ids, weights, y));
    };
    std::vector<double> y(static_cast<size_t>(own.n_tokens) * hidden);
    /* What is dropped hangs on weights that may be equal but for their rounding. */
    const bool given = own.routed || config.capacity > 0;
    PMX_TRY(oracle(0, own.n_tokens, given ? own.ids.data() : nullptr, given ? own.weights.data() : nullptr, y.data()));
    CheckResult result;
    for (size_t token = 0; token < static_cast<size_t>(own.n_tokens); token++) {
        double* expected = y.data() + token * hidden;
        double error = relative_error(own.y, token * hidden, expected, hidden, config.dtype);
        std::vector<float> weights;
        if (error >= error_limit(config.dtype) && !given &&
            near_tie(inputs, all, own, token, weights)) {
            PMX_TRY(oracle(token, 1, own.ids.data() + token * k, weights.data(), expected));
            error = relative_error(own.y, token * hidden, expected, hidden, config.dtype);
            result.near_ties++;
        }
        result.max_rel_err = std::max(result.max_rel_err, error);
    }
    result_out = result;
    return {};
}

}  // namespace pmx::tools
