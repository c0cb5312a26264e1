/* SPDX-License-Identifier: BSD-3-Clause */
/* report_test.cc: what pmx_moe reports follows from the counters of the ranks: ok is false when one rank has
 * a wrong number of order points or a large error, and numbers are those of one forward. */
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/moe_report.h"

#include "tests/cmocka_cxx.h"

using namespace pmx::tools;

/* 4 ranks, 16 experts, 2 forwards; each rank reaches only itself by plain stores. */
static MoeReport sample(const char* signals, uint64_t order_points)
{
    MoeReport report;
    report.shape = {"64,32,16,2", 64, 32, 16, 2, true, ""};
    report.places = 16;
    report.ranks = 4;
    report.tokens = 20;
    report.dtype = "bf16";
    std::strcpy(report.transport.transport, "ofi");
    std::strcpy(report.transport.order, "deferred");
    std::strcpy(report.transport.signals, signals);
    report.forward_ns = {3000, 5000};
    SentWords sent = {};
    sent.direct_ranks = 1;
    sent.same_bits = 1;
    sent.puts = 24;
    sent.stalled_ns = 5000;
    sent.dispatch_order_points = 2 * order_points;
    report.sent.assign(4, sent);
    report.checked = true;
    report.error_limit = 1e-2;
    return report;
}

static void order_points_of_each_rank_must_fit_the_formula(void**)
{
    assert_true(report_ok(sample("coupled", 12))); /* (4 - 1) * 16 / 4 */
    assert_true(report_ok(sample("grouped", 3)));  /* 4 - 1 */
    assert_false(report_ok(sample("coupled", 3)));
    assert_false(report_ok(sample("grouped", 12)));
    MoeReport report = sample("grouped", 3);
    report.sent[2].dispatch_order_points--;
    assert_false(report_ok(report));
    report = sample("grouped", 3);
    report.sent[1].direct_ranks = 3;
    assert_false(report_ok(report));
    report.sent[1].dispatch_order_points = 2;
    assert_true(report_ok(report));
}

static void an_error_at_the_limit_is_not_ok(void**)
{
    for (const double error : {1e-2, 1.0, std::numeric_limits<double>::infinity()}) {
        MoeReport report = sample("grouped", 3);
        report.sent[3].max_rel_err_bits = std::bit_cast<uint64_t>(error);
        assert_false(report_ok(report));
        report.checked = false;
        assert_true(report_ok(report));
    }
    MoeReport report = sample("grouped", 3);
    report.sent[3].max_rel_err_bits = std::bit_cast<uint64_t>(0.00999);
    assert_true(report_ok(report));
    assert_true(max_rel_err(report) == 0.00999);
}

static void numbers_are_those_of_one_forward(void**)
{
    MoeReport report = sample("grouped", 3);
    report.sent[1].puts = 27;
    const std::string line = report_json(report);
    assert_int_equal(line.find('\n'), line.size() - 1);
    const auto json = nlohmann::json::parse(line);
    assert_true(json["puts"] == 13.5);
    assert_true(json["order_points"] == 3);
    assert_true(json["stalled_us"] == 2.5);
    assert_true(json["p50_us"] == 3.0);
    assert_true(json["p99_us"] == 5.0);
    assert_true(json["max_rel_err"] == 0.0);
    report.checked = false;
    assert_true(nlohmann::json::parse(report_json(report))["max_rel_err"].is_null());
}

static void names_that_are_not_text_stay_json(void**)
{
    MoeReport report = sample("grouped", 3);
    report.shape.name = "a\"\n\xff";
    const std::string line = report_json(report);
    assert_int_equal(line.find('\n'), line.size() - 1);
    assert_false(nlohmann::json::parse(line, nullptr, false).is_discarded());
}

static void percentiles_are_nearest_ranks(void**)
{
    assert_int_equal(percentile({7}, 0.5), 7);
    assert_int_equal(percentile({4, 1, 3, 2}, 0.5), 2);
    assert_int_equal(percentile({4, 1, 3, 2}, 0.51), 3);
    assert_int_equal(percentile({4, 1, 3, 2}, 0.99), 4);
    std::vector<uint64_t> hundred;
    for (uint64_t i = 100; i > 0; i--) hundred.push_back(i);
    assert_int_equal(percentile(hundred, 0.99), 99);
    assert_int_equal(percentile(hundred, 1), 100);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(order_points_of_each_rank_must_fit_the_formula),
        cmocka_unit_test(an_error_at_the_limit_is_not_ok),
        cmocka_unit_test(numbers_are_those_of_one_forward),
        cmocka_unit_test(names_that_are_not_text_stay_json),
        cmocka_unit_test(percentiles_are_nearest_ranks),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
