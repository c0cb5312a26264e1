/* SPDX-License-Identifier: BSD-3-Clause */
/* The protocol of the layer, over ranks that are threads. */
#include <algorithm>
#include <mutex>
#include <string>

#include "moe/layer.h"
#include "tests/moe/model.h"
#include "tests/moe/thread_ranks.h"
#include "tests/moe/unit.h"

namespace {

constexpr size_t kHeapBytes = 16u << 20;
constexpr unsigned kTimeoutMs = 20000;

struct Outcome {
    int err = 0;
    double worst = 0;
    std::string detail;
};

/* Every rank calls the layer n_calls times with its tokens from n_tokens(rank, call), and holds each
 * result against the oracle. flip: rank 0 computes with one weight changed. */
template <typename Tokens>
Outcome run_layer(pmx_moe_config_t config, int n_ranks, uint64_t first_call, int n_calls, Tokens n_tokens,
                  bool flip = false)
{
    Outcome outcome;
    std::mutex mutex;
    thread_ranks::run(n_ranks, kHeapBytes, kTimeoutMs, [&](int rank) {
        model::Model good(config), used(config);
        if (flip && rank == 0) used.down[0][config.dtype == PMX_MOE_BF16 ? 1 : 3] ^= 0x40;
        const int n_local = config.experts / n_ranks;
        pmx_moe_t moe = nullptr;
        int err = pmx_moe_create(&config, &moe);
        pmx_moe_weights_t weights = used.weights(rank * n_local, n_local);
        if (!err) err = pmx_moe_set_weights(moe, &weights);
        if (!err) moe->call = first_call;
        double worst = 0;
        for (int i = 0; i < n_calls && !err; i++) {
            const int n = n_tokens(rank, i);
            model::Bytes x = good.tokens(rank * 1000 + i, n), y(x.size());
            std::vector<double> r(n * (size_t)config.hidden);
            err = pmx_moe_forward(moe, x.data(), n, y.data());
            if (!err) err = good.reference(x, n, nullptr, nullptr, r.data());
            worst = std::max(
                worst, model::relative_error(y, r, (size_t)config.hidden, config.dtype == PMX_MOE_BF16));
        }
        const std::string detail = pmx_last_error_detail();
        if (moe) pmx_moe_free(moe);
        std::lock_guard<std::mutex> lock(mutex);
        if (err && !outcome.err) outcome.detail = detail;
        outcome.err = outcome.err ? outcome.err : err;
        outcome.worst = std::max(outcome.worst, worst);
    });
    return outcome;
}

void check(const Outcome& outcome, double limit)
{
    if (outcome.err) fail_msg("error %d: %s", outcome.err, outcome.detail.c_str());
    if (!(outcome.worst < limit)) fail_msg("relative error %g, limit %g", outcome.worst, limit);
}

void results_agree_with_the_oracle_for_any_number_of_ranks(void**)
{
    for (int n_ranks : {1, 2, 3, 4, 8}) {
        auto tokens = [](int rank, int call) { return (rank * 7 + call * 5 + 3) % 20; };
        pmx_moe_config_t c = model::config(64, 48, 24, 3, 20, PMX_MOE_FP32);
        c.tile_rows = 2;
        c.n_blocks = 3;
        check(run_layer(c, n_ranks, 0, 4, tokens), 1e-5);
        c.dtype = PMX_MOE_BF16;
        c.renormalise = 0;
        check(run_layer(c, n_ranks, 0, 2, tokens), 1e-2);
    }
}

void every_activation_and_router_agrees_with_the_oracle(void**)
{
    auto tokens = [](int rank, int) { return 5 + 6 * rank; };
    pmx_moe_config_t plain = model::config(48, 32, 12, 3, 20, PMX_MOE_FP32);
    plain.n_blocks = 3;
    for (int kind = PMX_MOE_SWIGLU; kind <= PMX_MOE_RELU; kind++) {
        pmx_moe_config_t c = plain;
        c.activation = (pmx_moe_activation_t)kind;
        check(run_layer(c, 3, 0, 1, tokens), 1e-5);
        c.dtype = PMX_MOE_BF16;
        c.weight_on_input = 1;
        check(run_layer(c, 2, 0, 1, tokens), 1e-2);
    }
    for (int kind = PMX_MOE_SOFTMAX; kind <= PMX_MOE_SQRT_SOFTPLUS; kind++)
        for (int groups : {0, 4}) {
            pmx_moe_config_t c = plain;
            c.scores = (pmx_moe_scores_t)kind;
            c.groups = groups;
            c.groups_kept = groups / 2;
            c.scale = 1.5f;
            c.renormalise = groups != 0;
            check(run_layer(c, 2, 0, 1, tokens), 1e-5);
        }
}

void a_shared_expert_and_a_capacity_agree_with_the_oracle(void**)
{
    auto tokens = [](int rank, int call) { return rank == 1 ? 0 : 17 + call; };
    for (pmx_moe_dtype_t dtype : {PMX_MOE_FP32, PMX_MOE_BF16})
        for (int top_k : {1, 2}) /* without and with a gate of its own */
            for (pmx_moe_drop_t drop : {PMX_MOE_DROP_LOWEST, PMX_MOE_DROP_LATEST}) {
                pmx_moe_config_t c = model::config(48, 32, 12, top_k, 20, dtype);
                c.n_blocks = 3;
                c.tile_rows = 4;
                c.shared_intermediate = 64;
                c.capacity = 2;
                c.drop = drop;
                check(run_layer(c, 3, 0, 2, tokens), dtype == PMX_MOE_FP32 ? 1e-5 : 1e-2);
                c.activation = PMX_MOE_RELU;
                check(run_layer(c, 2, 0, 1, tokens), dtype == PMX_MOE_FP32 ? 1e-5 : 1e-2);
            }
}

/* The rows of every place of every rank, with copies: each copy gets its share, and nothing else. */
void load_counts_the_rows_of_each_place(void**)
{
    constexpr int kRanks = 2, kPlaces = 8, kTokens = 10;
    const int32_t map[kPlaces] = {0, 1, 2, 0, -1, 0, 0, 1}; /* 0 has four copies, 1 has two */
    uint64_t load[kPlaces] = {}, again[kPlaces];
    uint64_t dropped[kRanks];
    int err = 0;
    thread_ranks::run(kRanks, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(16, 16, 3, 1, kTokens, PMX_MOE_FP32);
        c.physical_experts = kPlaces;
        c.capacity = 8;
        c.drop = PMX_MOE_DROP_LATEST;
        model::Model m(c);
        pmx_moe_weights_t weights = m.weights(rank * 4, 4, map);
        pmx_moe_t moe;
        if (pmx_moe_create(&c, &moe)) return;
        int own = pmx_moe_set_weights(moe, &weights);
        model::Bytes x = m.tokens(rank, kTokens), y(x.size());
        std::vector<int32_t> ids(kTokens, rank == 0 ? 0 : 1);
        std::vector<float> w(kTokens, 1.0f);
        if (!own) own = pmx_moe_forward_routed(moe, x.data(), kTokens, ids.data(), w.data(), y.data());
        pmx_moe_counters_t counters{};
        counters.size_bytes = sizeof counters;
        if (!own) own = pmx_moe_counters_get(moe, &counters);
        dropped[rank] = counters.dropped;
        if (!own) own = pmx_moe_load_get(moe, load + rank * 4);
        pmx_moe_counters_reset(moe);
        if (!own) own = pmx_moe_load_get(moe, again + rank * 4);
        if (own) err = own;
        pmx_moe_free(moe);
    });
    assert_int_equal(err, 0);
    const uint64_t expected[kPlaces] = {2, 4, 0, 2, 0, 2, 2, 4};
    for (int p = 0; p < kPlaces; p++) {
        assert_int_equal(load[p], expected[p]);
        assert_int_equal(again[p], 0);
    }
    for (uint64_t n : dropped) assert_int_equal(n, 2);
}

void a_bad_map_is_refused_and_the_old_one_stays(void**)
{
    thread_ranks::run(1, kHeapBytes, kTimeoutMs, [&](int) {
        pmx_moe_config_t c = model::config(16, 16, 2, 1, 4, PMX_MOE_FP32);
        c.physical_experts = 4;
        model::Model m(c);
        const int32_t good[] = {0, 1, 1, -1}, outside[] = {0, 1, 2, 0}, missing[] = {1, 1, 1, -1};
        pmx_moe_t moe;
        assert_int_equal(pmx_moe_create(&c, &moe), 0);
        auto set = [&](const int32_t* map, const int32_t* told) {
            pmx_moe_weights_t w = m.weights(0, 4, map);
            w.expert_map = told;
            return pmx_moe_set_weights(moe, &w);
        };
        assert_int_equal(set(good, good), 0);
        assert_int_equal(set(good, nullptr), PMX_ERR_ARGUMENT);
        assert_string_equal(pmx_last_error_detail(),
                            "expert_map is NULL: must say which of the 2 experts is in each of the 4 places");
        assert_int_equal(set(good, outside), PMX_ERR_ARGUMENT);
        assert_string_equal(pmx_last_error_detail(), "expert_map[2] is 2: must be -1 to 1");
        assert_int_equal(set(good, missing), PMX_ERR_ARGUMENT);
        assert_string_equal(pmx_last_error_detail(),
                            "expert_map has no place for expert 0: must have each at least once");
        const int32_t full[] = {0, 1, 1, 0};
        assert_int_equal(set(good, full), PMX_ERR_ARGUMENT);
        assert_string_equal(pmx_last_error_detail(), "gate[3] is NULL");
        model::Bytes x = m.tokens(0, 4), y(x.size());
        std::vector<double> r(4 * 16);
        assert_int_equal(pmx_moe_forward(moe, x.data(), 4, y.data()), 0);
        m.config.physical_experts = 0;
        assert_int_equal(m.reference(x, 4, nullptr, nullptr, r.data()), 0);
        assert_true(model::relative_error(y, r, 16, false) < 1e-5);
        pmx_moe_free(moe);
    });
}

/* A program with the first pmx_moe.h has no room for the later counters. */
void counters_of_an_older_caller_end_where_it_ends(void**)
{
    thread_ranks::run(1, kHeapBytes, kTimeoutMs, [&](int) {
        pmx_moe_config_t c = model::config(16, 16, 2, 1, 4, PMX_MOE_FP32);
        pmx_moe_t moe;
        assert_int_equal(pmx_moe_create(&c, &moe), 0);
        pmx_moe_counters_t counters{};
        counters.size_bytes = offsetof(pmx_moe_counters_t, dropped);
        counters.dropped = 77;
        assert_int_equal(pmx_moe_counters_get(moe, &counters), 0);
        assert_int_equal(counters.dropped, 77);
        assert_int_equal(counters.size_bytes, offsetof(pmx_moe_counters_t, dropped));
        counters.size_bytes--;
        assert_int_equal(pmx_moe_counters_get(moe, &counters), PMX_ERR_ARGUMENT);
        pmx_moe_free(moe);
    });
}

/* Two layers, each with other weights, take turns: what one has sent comes while the other sends. */
void calls_in_steps_of_two_layers_overlap(void**)
{
    constexpr int kRanks = 3;
    Outcome outcome;
    std::mutex mutex;
    thread_ranks::run(kRanks, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(32, 32, 6, 2, 24, PMX_MOE_FP32);
        c.n_blocks = 3;
        c.tile_rows = 4;
        c.shared_intermediate = 48;
        pmx_moe_config_t other = c;
        other.activation = PMX_MOE_GELU;
        model::Model models[] = {model::Model(c), model::Model(other)}; /* the layers borrow their arrays */
        model::Model oracles[] = {model::Model(c), model::Model(other)};
        pmx_moe_t moe[2] = {};
        int err = 0;
        for (int i = 0; i < 2 && !err; i++) {
            err = pmx_moe_create(&models[i].config, &moe[i]);
            pmx_moe_weights_t weights = models[i].weights(rank * 2, 2);
            if (!err) err = pmx_moe_set_weights(moe[i], &weights);
        }
        double worst = 0;
        for (int call = 0; call < 4 && !err; call++) {
            const int n = (7 * rank + 5 * call) % 25;
            model::Bytes x[2];
            for (int i = 0; i < 2; i++) x[i] = models[i].tokens(rank + 10 * call + 100 * i, n);
            const model::Bytes before[2] = {x[0], x[1]};
            for (int i = 0; i < 2 && !err; i++)
                err = pmx_moe_dispatch_begin(moe[i], x[i].data(), n, nullptr, nullptr);
            for (int i = 1; i >= 0 && !err; i--) err = pmx_moe_dispatch_end(moe[i]);
            for (int i = 0; i < 2 && !err; i++) err = pmx_moe_combine_begin(moe[i]);
            for (int i = 1; i >= 0 && !err; i--) err = pmx_moe_combine_end(moe[i], x[i].data());
            for (int i = 0; i < 2 && !err; i++) {
                std::vector<double> r((size_t)n * 32);
                err = oracles[i].reference(before[i], n, nullptr, nullptr, r.data());
                worst = std::max(worst, model::relative_error(x[i], r, 32, false));
            }
        }
        pmx_moe_counters_t counters{};
        counters.size_bytes = sizeof counters;
        if (!err) err = pmx_moe_counters_get(moe[0], &counters);
        const std::string detail = pmx_last_error_detail();
        for (pmx_moe_t one : moe) pmx_moe_free(one);
        std::lock_guard<std::mutex> lock(mutex);
        if (!err && counters.forwards != 4) err = PMX_ERR_INTERNAL;
        if (err && !outcome.err) outcome.detail = detail;
        outcome.err = outcome.err ? outcome.err : err;
        outcome.worst = std::max(outcome.worst, worst);
    });
    check(outcome, 1e-5);
}

void steps_come_in_their_order(void**)
{
    thread_ranks::run(1, kHeapBytes, kTimeoutMs, [&](int) {
        pmx_moe_config_t c = model::config(16, 16, 2, 1, 4, PMX_MOE_FP32);
        model::Model m(c);
        pmx_moe_weights_t w = m.weights(0, 2);
        pmx_moe_t moe;
        assert_int_equal(pmx_moe_create(&c, &moe), 0);
        assert_int_equal(pmx_moe_dispatch_begin(moe, nullptr, 0, nullptr, nullptr), PMX_ERR_STATE);
        assert_int_equal(pmx_moe_set_weights(moe, &w), 0);
        model::Bytes x = m.tokens(0, 4), y(x.size());
        auto refused = [](int err, const char* detail) {
            assert_int_equal(err, PMX_ERR_STATE);
            assert_string_equal(pmx_last_error_detail(), detail);
        };
        refused(pmx_moe_dispatch_end(moe),
                "pmx_moe_dispatch_end: pmx_moe_dispatch_begin must begin the call");
        refused(pmx_moe_combine_end(moe, y.data()),
                "pmx_moe_combine_end: pmx_moe_dispatch_begin must begin the call");
        assert_int_equal(pmx_moe_dispatch_begin(moe, x.data(), 4, nullptr, nullptr), 0);
        refused(pmx_moe_forward(moe, x.data(), 4, y.data()),
                "a call of the layer is not over: pmx_moe_dispatch_end must be next");
        refused(pmx_moe_combine_begin(moe),
                "a call of the layer is not over: pmx_moe_dispatch_end must be next");
        refused(pmx_moe_set_weights(moe, &w), "a call of the layer is not over: it needs its weights");
        assert_int_equal(pmx_moe_dispatch_end(moe), 0);
        refused(pmx_moe_combine_end(moe, y.data()),
                "a call of the layer is not over: pmx_moe_combine_begin must be next");
        assert_int_equal(pmx_moe_combine_begin(moe), 0);
        assert_int_equal(pmx_moe_combine_end(moe, nullptr), PMX_ERR_ARGUMENT);
        assert_int_equal(pmx_moe_combine_end(moe, y.data()), 0);
        model::Bytes whole(x.size());
        assert_int_equal(pmx_moe_forward(moe, x.data(), 4, whole.data()), 0);
        assert_memory_equal(y.data(), whole.data(), y.size());
        pmx_moe_free(moe);
    });
}

/* Its error comes from the first step, and the steps after it serve the other rank. */
void bad_input_of_a_call_in_steps_leaves_the_other_well(void**)
{
    int errs[2][4];
    thread_ranks::run(2, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(16, 16, 4, 2, 4, PMX_MOE_FP32);
        model::Model m(c);
        pmx_moe_weights_t weights = m.weights(rank * 2, 2);
        pmx_moe_t moe;
        if ((errs[rank][0] = pmx_moe_create(&c, &moe)) != 0) return;
        pmx_moe_set_weights(moe, &weights);
        model::Bytes x = m.tokens(rank, 4);
        errs[rank][0] = pmx_moe_dispatch_begin(moe, x.data(), rank == 0 ? 5 : 4, nullptr, nullptr);
        errs[rank][1] = pmx_moe_dispatch_end(moe);
        errs[rank][2] = pmx_moe_combine_begin(moe);
        errs[rank][3] = pmx_moe_combine_end(moe, rank == 0 ? nullptr : x.data());
        pmx_moe_free(moe);
    });
    assert_int_equal(errs[0][0], PMX_ERR_ARGUMENT);
    assert_int_equal(errs[1][0], PMX_SUCCESS);
    for (int step = 1; step < 4; step++)
        for (int rank : {0, 1}) assert_int_equal(errs[rank][step], PMX_SUCCESS);
}

void ranks_without_tokens_serve_the_others(void**)
{
    pmx_moe_config_t c = model::config(32, 32, 8, 2, 9, PMX_MOE_FP32);
    check(run_layer(c, 4, 0, 6, [](int rank, int call) { return (rank + call) % 3 ? 0 : 9; }), 1e-5);
    check(run_layer(c, 2, 0, 3, [](int, int) { return 0; }), 1e-5);
}

void call_numbers_pass_the_end_of_the_tag(void**)
{
    pmx_moe_config_t c = model::config(16, 16, 4, 1, 3, PMX_MOE_FP32);
    check(run_layer(c, 2, 65530, 12, [](int rank, int call) { return (rank + call) % 4; }), 1e-5);
}

void a_changed_weight_is_seen(void**)
{
    pmx_moe_config_t c = model::config(64, 48, 4, 2, 32, PMX_MOE_FP32);
    Outcome outcome = run_layer(
        c, 2, 0, 1, [](int, int) { return 32; }, true);
    assert_int_equal(outcome.err, 0);
    assert_true(outcome.worst > 1e-2);
}

void ranks_must_pass_the_same_config(void**)
{
    int errs[3];
    std::string details[3];
    thread_ranks::run(3, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(rank == 2 ? 32 : 16, 16, 3, 1, 4, PMX_MOE_FP32);
        pmx_moe_t moe;
        errs[rank] = pmx_moe_create(&c, &moe);
        details[rank] = pmx_last_error_detail();
    });
    for (int err : errs) assert_int_equal(err, PMX_ERR_MISMATCH);
    assert_string_equal(details[1].c_str(),
                        "hidden is 16 here and 32 on rank 2: all ranks must pass the same config");
}

void one_bad_config_ends_the_creation_everywhere(void**)
{
    int errs[2];
    thread_ranks::run(2, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(16, 16, rank == 0 ? 3 : 4, 1, 4, PMX_MOE_FP32);
        pmx_moe_t moe;
        errs[rank] = pmx_moe_create(&c, &moe);
    });
    assert_int_equal(errs[0], PMX_ERR_ARGUMENT);
    assert_int_equal(errs[1], PMX_ERR_MISMATCH);
}

void a_layer_that_does_not_fit_is_refused_with_both_sizes(void**)
{
    int errs[2];
    std::string detail;
    thread_ranks::run(2, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(1024, 16, 4, 2, 4096, PMX_MOE_FP32);
        size_t n_bytes = 0;
        pmx_moe_heap_bytes(&c, 2, &n_bytes);
        pmx_moe_t moe;
        errs[rank] = pmx_moe_create(&c, &moe);
        if (rank != 0) return;
        detail = pmx_last_error_detail();
        if (detail.find(std::to_string(n_bytes)) == std::string::npos) detail.clear();
    });
    for (int err : errs) assert_int_equal(err, PMX_ERR_MEMORY);
    assert_true(detail.find(std::to_string(kHeapBytes)) != std::string::npos);
}

void bad_input_of_one_rank_leaves_the_others_well(void**)
{
    int errs[2][3];
    thread_ranks::run(2, kHeapBytes, kTimeoutMs, [&](int rank) {
        pmx_moe_config_t c = model::config(16, 16, 4, 2, 4, PMX_MOE_FP32);
        model::Model m(c);
        pmx_moe_weights_t weights = m.weights(rank * 2, 2);
        pmx_moe_t moe;
        if ((errs[rank][0] = pmx_moe_create(&c, &moe)) != 0) return;
        pmx_moe_set_weights(moe, &weights);
        model::Bytes x = m.tokens(rank, 1);
        const int32_t good[2] = {3, 0}, twice[2] = {3, 3}, outside[2] = {0, 4};
        const float w[2] = {0.5f, 0.5f};
        const bool bad = rank == 0;
        errs[rank][0] = pmx_moe_forward_routed(moe, x.data(), 1, bad ? twice : good, w, x.data());
        errs[rank][1] = pmx_moe_forward_routed(moe, x.data(), 1, bad ? outside : good, w, x.data());
        errs[rank][2] = pmx_moe_forward_routed(moe, x.data(), bad ? 5 : 1, good, w, x.data());
        pmx_moe_free(moe);
    });
    for (int call = 0; call < 3; call++) {
        assert_int_equal(errs[0][call], PMX_ERR_ARGUMENT);
        assert_int_equal(errs[1][call], PMX_SUCCESS);
    }
}

/* How a call of ranks 0 and 1 ends when rank 2 does not take part. */
void run_without_rank_2(unsigned timeout_ms, bool fails, int errs[2], int again[2])
{
    thread_ranks::run(3, kHeapBytes, timeout_ms, [&](int rank) {
        pmx_moe_config_t c = model::config(16, 16, 3, 2, 4, PMX_MOE_FP32);
        model::Model m(c);
        pmx_moe_weights_t weights = m.weights(rank, 1);
        pmx_moe_t moe;
        if (pmx_moe_create(&c, &moe)) return;
        pmx_moe_set_weights(moe, &weights);
        model::Bytes x = m.tokens(rank, 4);
        if (rank < 2) {
            errs[rank] = pmx_moe_forward(moe, x.data(), 4, x.data());
            again[rank] = pmx_moe_forward(moe, x.data(), 4, x.data());
        } else if (fails) {
            thread_ranks::fail_rank(2);
        }
        pmx_moe_free(moe);
    });
}

void a_failed_rank_ends_the_call(void**)
{
    int errs[2], again[2];
    run_without_rank_2(60000, true, errs, again);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(errs[r], PMX_ERR_PEER_FAILED);
        assert_int_equal(again[r], PMX_ERR_PEER_FAILED);
    }
}

void a_rank_that_does_not_call_ends_the_call_by_time(void**)
{
    int errs[2], again[2];
    run_without_rank_2(100, false, errs, again);
    for (int r = 0; r < 2; r++) {
        assert_int_equal(errs[r], PMX_ERR_TIMEOUT);
        assert_int_equal(again[r], PMX_ERR_TIMEOUT);
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(results_agree_with_the_oracle_for_any_number_of_ranks),
        cmocka_unit_test(every_activation_and_router_agrees_with_the_oracle),
        cmocka_unit_test(a_shared_expert_and_a_capacity_agree_with_the_oracle),
        cmocka_unit_test(load_counts_the_rows_of_each_place),
        cmocka_unit_test(a_bad_map_is_refused_and_the_old_one_stays),
        cmocka_unit_test(counters_of_an_older_caller_end_where_it_ends),
        cmocka_unit_test(calls_in_steps_of_two_layers_overlap),
        cmocka_unit_test(steps_come_in_their_order),
        cmocka_unit_test(bad_input_of_a_call_in_steps_leaves_the_other_well),
        cmocka_unit_test(ranks_without_tokens_serve_the_others),
        cmocka_unit_test(call_numbers_pass_the_end_of_the_tag),
        cmocka_unit_test(a_changed_weight_is_seen),
        cmocka_unit_test(ranks_must_pass_the_same_config),
        cmocka_unit_test(one_bad_config_ends_the_creation_everywhere),
        cmocka_unit_test(a_layer_that_does_not_fit_is_refused_with_both_sizes),
        cmocka_unit_test(bad_input_of_one_rank_leaves_the_others_well),
        cmocka_unit_test(a_failed_rank_ends_the_call),
        cmocka_unit_test(a_rank_that_does_not_call_ends_the_call_by_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
