/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_report.cc: from counters of all forwards and ranks to the numbers of one forward. */
#include "moe_report.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>

#include "numeric.h"

namespace pmx::tools {

using nlohmann::ordered_json;

namespace {

uint64_t n_forwards(const MoeReport& report) { return report.forward_ns.size(); }

/* The largest of the ranks. */
uint64_t most(const MoeReport& report, uint64_t SentWords::*field)
{
    uint64_t most = 0;
    for (const SentWords& sent : report.sent) most = std::max(most, sent.*field);
    return most;
}

/* For one forward: a whole number where it is one. */
ordered_json each(const MoeReport& report, uint64_t total, uint64_t unit = 1)
{
    const uint64_t divisor = n_forwards(report) * unit;
    if (total % divisor == 0) return total / divisor;
    return std::round(1000.0 * static_cast<double>(total) / static_cast<double>(divisor)) / 1000.0;
}

double microseconds(uint64_t ns) { return static_cast<double>(ns) / 1000.0; }

/* Over the ranks. */
uint64_t sum(const MoeReport& report, uint64_t SentWords::*field)
{
    uint64_t sum = 0;
    for (const SentWords& sent : report.sent) sum += sent.*field;
    return sum;
}

bool same_bits(const MoeReport& report)
{
    return std::all_of(report.sent.begin(), report.sent.end(), [](const SentWords& sent) { return sent.same_bits != 0; });
}

double p50_us(const MoeReport& report) { return microseconds(percentile(report.forward_ns, 0.50)); }

/* What the layer takes beyond computing alone. */
double exposed_us(const MoeReport& report) { return std::max(p50_us(report) - microseconds(*report.compute_ns), 0.0); }

/* Of the products of all ranks in the median forward. */
double tflops(const MoeReport& report)
{
    const pmx_moe_config_t& config = report.model.config;
    const double matrices = config.activation <= PMX_MOE_GEGLU_TANH ? 3 : 2;
    const double lengths = static_cast<double>(config.top_k) * config.intermediate + config.shared_intermediate;
    return 2e-6 * matrices * static_cast<double>(report.tokens) * config.hidden * lengths / p50_us(report);
}

/* Queue pairs of a context to each rank, over verbs. */
int queue_pairs()
{
    char text[16] = "";
    int n = 0;
    return pmx_param_get("VERBS_QPS", text, sizeof text) == PMX_SUCCESS && parse_number(std::string_view(text), n) ? n : 0;
}

/* A length in the unit that suits it. */
std::string time_text(double us)
{
    if (us >= 1e6) return fmt::format("{:.2f} s", us / 1e6);
    if (us >= 1e3) return fmt::format("{:.2f} ms", us / 1e3);
    return fmt::format("{:.1f} us", us);
}

std::string verdict(const MoeReport& report)
{
    std::string text = report_ok(report) ? "ok" : "WRONG";
    if (report.checked)
        text +=
            fmt::format(": max relative error {:.2e}, limit {:.0e}", max_rel_err(report), report.error_limit);
    else
        text += ": not compared with the oracle (--check does)";
    const uint64_t near_ties = sum(report, &SentWords::near_ties);
    if (report.checked && near_ties > 0)
        text += fmt::format("; {} tokens with experts equally good in fp32", near_ties);
    if (!same_bits(report)) text += "; forwards differ in their bits";
    if (!order_points_ok(report)) text += "; order points of the dispatch are not as they must be";
    return text;
}

}  // namespace

uint64_t percentile(std::vector<uint64_t> values, double share)
{
    std::sort(values.begin(), values.end());
    const double position = std::ceil(share * static_cast<double>(values.size()));
    const auto index = static_cast<size_t>(std::max(position, 1.0)) - 1;
    return values[std::min(index, values.size() - 1)];
}

uint64_t expected_order_points(const MoeReport& report, const SentWords& sent)
{
    const auto ranks = static_cast<uint64_t>(report.ranks);
    const uint64_t remote = ranks - sent.direct_ranks;
    const bool coupled = std::string(report.transport.signals) == "coupled";
    return coupled ? remote * static_cast<uint64_t>(report.places) / ranks : remote;
}

bool order_points_ok(const MoeReport& report)
{
    return std::all_of(report.sent.begin(), report.sent.end(), [&](const SentWords& sent) {
        return sent.dispatch_order_points == n_forwards(report) * expected_order_points(report, sent);
    });
}

double max_rel_err(const MoeReport& report)
{
    double most = 0;
    for (const SentWords& sent : report.sent)
        most = std::max(most, std::bit_cast<double>(sent.max_rel_err_bits));
    return most;
}

bool report_ok(const MoeReport& report)
{
    return order_points_ok(report) && same_bits(report) && (!report.checked || max_rel_err(report) < report.error_limit);
}

std::string report_json(const MoeReport& report)
{
    ordered_json line;
    line["tool"] = "pmx_moe";
    line["shape"] = report.shape.name;
    line["device"] = report.device;
    line["ranks"] = report.ranks;
    line["tokens"] = report.tokens;
    line["transport"] = report.transport.transport;
    line["provider"] = report.transport.provider;
    line["order"] = report.transport.order;
    line["signals"] = report.transport.signals;
    line["queue_pairs"] = queue_pairs();
    line["p50_us"] = microseconds(percentile(report.forward_ns, 0.50));
    line["p99_us"] = microseconds(percentile(report.forward_ns, 0.99));
    line["puts"] = each(report, most(report, &SentWords::puts));
    line["signals_sent"] = each(report, most(report, &SentWords::signals));
    line["order_points"] = each(report, most(report, &SentWords::dispatch_order_points));
    line["stalls"] = each(report, most(report, &SentWords::stalls));
    line["stalled_us"] = each(report, most(report, &SentWords::stalled_ns), 1000);
    line["max_rel_err"] = report.checked ? ordered_json(max_rel_err(report)) : ordered_json();
    line["ok"] = report_ok(report);
    line["tflops"] = std::round(10 * tflops(report)) / 10;
    const auto time = [&](const char* key, bool known, double us) { line[key] = known ? ordered_json(us) : ordered_json(); };
    time("compute_us", report.compute_ns.has_value(), microseconds(report.compute_ns.value_or(0)));
    time("communication_us", report.communication_ns.has_value(), microseconds(report.communication_ns.value_or(0)));
    time("exposed_us", report.compute_ns.has_value(), report.compute_ns ? exposed_us(report) : 0);
    time("packed_us", report.phases.packed_ns > 0, microseconds(report.phases.packed_ns));
    time("multiplied_us", report.phases.multiplied_ns > 0, microseconds(report.phases.multiplied_ns));
    time("combined_us", report.phases.combined_ns > 0, microseconds(report.phases.combined_ns));
    line["same_bits"] = same_bits(report);
    line["dtype"] = report.dtype;
    line["hidden"] = report.shape.hidden;
    line["intermediate"] = report.shape.intermediate;
    line["experts"] = report.shape.experts;
    line["top_k"] = report.shape.top_k;
    line["activation"] = activation_name(report.model.config.activation);
    line["scores"] = scores_name(report.model.config.scores);
    line["shared"] = report.model.config.shared_intermediate;
    line["seed"] = report.seed;
    line["iters"] = n_forwards(report);
    line["combine_order_points"] = each(report, most(report, &SentWords::combine_order_points));
    line["bytes"] = each(report, most(report, &SentWords::bytes));
    line["doorbells"] = each(report, most(report, &SentWords::doorbells));
    line["near_ties"] = sum(report, &SentWords::near_ties);
    line["places"] = report.places;
    line["dropped"] = each(report, sum(report, &SentWords::dropped));
    line["checksum"] = fmt::format("{:016x}", sum(report, &SentWords::checksum));
    return line.dump(-1, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

std::string report_table(const MoeReport& report)
{
    const auto text = [&](uint64_t SentWords::*field) { return each(report, most(report, field)).dump(); };
    const std::string provider =
        report.transport.provider[0] ? fmt::format(" ({})", report.transport.provider) : std::string();
    const double stalled_us = microseconds(most(report, &SentWords::stalled_ns)) / double(n_forwards(report));
    const Shape& shape = report.shape;
    std::string table =
        fmt::format("layer         {}: hidden {}, intermediate {}, {} experts, top {}, {}\n", shape.name,
                    shape.hidden, shape.intermediate, shape.experts, shape.top_k, report.dtype);
    table += fmt::format("job           {} ranks, {} tokens, transport {}{}\n", report.ranks, report.tokens,
                         report.transport.transport, provider);
    table += fmt::format("order         {}, signals {}\n", report.transport.order, report.transport.signals);
    table += fmt::format("latency       p50 {}, p99 {} of {} forwards, slowest rank\n",
                         time_text(microseconds(percentile(report.forward_ns, 0.50))),
                         time_text(microseconds(percentile(report.forward_ns, 0.99))), n_forwards(report));
    if (report.compute_ns)
        table += fmt::format("alone         computing {}, exposed {}\n", time_text(microseconds(*report.compute_ns)),
                             time_text(exposed_us(report)));
    if (report.communication_ns)
        table += fmt::format("alone         communicating {}\n", time_text(microseconds(*report.communication_ns)));
    table += "through the proxy, for one rank and one forward:\n";
    table += fmt::format("  puts        {} ({} bytes)\n", text(&SentWords::puts), text(&SentWords::bytes));
    table += fmt::format("  signals     {}\n", text(&SentWords::signals));
    table += fmt::format("  order pts   {} dispatch, {} combine\n", text(&SentWords::dispatch_order_points),
                         text(&SentWords::combine_order_points));
    table += fmt::format("  stalls      {}, {} in all\n", text(&SentWords::stalls), time_text(stalled_us));
    table += fmt::format("verdict       {}\n", verdict(report));
    return table;
}

}  // namespace pmx::tools
