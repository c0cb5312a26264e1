/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_report.cc: rows to JSON; perf_tables.cc makes tables of them. */
#include "perf_report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace pmx::tools {

using nlohmann::ordered_json;

namespace {

/* Three decimals, more for small numbers so that four digits count, and a whole number where it is one; null when it
 * was not measured. */
ordered_json number(const std::optional<double>& value)
{
    if (!value) return nullptr;
    const double size = std::fabs(*value);
    const double decimals = size > 0 && size < 1 ? 3 - std::floor(std::log10(size)) : 3;
    const double unit = std::pow(10, std::min(decimals, 12.0));
    const double rounded = std::round(*value * unit) / unit;
    if (rounded == std::floor(rounded) && std::fabs(rounded) < 1e15) return static_cast<int64_t>(rounded);
    return rounded;
}

template <typename T>
std::optional<double> part(const std::optional<T>& whole, double T::*field)
{
    return whole ? std::optional<double>((*whole).*field) : std::nullopt;
}

template <typename T>
ordered_json value_or_null(const std::optional<T>& value)
{
    return value ? ordered_json(*value) : ordered_json();
}

}  // namespace

std::optional<double> PerfRow::ratio_to_put_only() const
{
    if (!p50_us || !put_only_us || *p50_us <= 0) return std::nullopt;
    return *put_only_us / *p50_us;
}

std::string perf_json(const PerfRow& row)
{
    ordered_json line;
    line["tool"] = "pmx_perf";
    line["op"] = perf_op_name(row.op);
    line["path"] = row.path;
    line["initiator"] = perf_initiator_name(row.initiator);
    line["memory"] = row.gpu_memory ? "gpu" : "host";
    line["transport"] = row.transport;
    line["provider"] = row.provider;
    line["order"] = row.order;
    line["signals"] = row.signals;
    line["queues"] = value_or_null(row.queues);
    line["ranks"] = row.ranks;
    line["bytes"] = row.bytes;
    line["concurrency"] = row.concurrency;
    line["iters"] = row.iters;
    line["p50_us"] = number(row.p50_us);
    line["p99_us"] = number(row.p99_us);
    line["rate_mops"] = number(row.rate_mops);
    line["gb_per_s"] = number(row.gb_per_s);
    line["order_points"] = number(part(row.counts, &PerfCounts::order_points));
    line["stalls"] = number(part(row.counts, &PerfCounts::stalls));
    line["stalled_us"] = number(part(row.counts, &PerfCounts::stalled_us));
    line["doorbells"] = number(part(row.counts, &PerfCounts::doorbells));
    line["put_only_us"] = number(row.put_only_us);
    line["ratio_to_put_only"] = number(row.ratio_to_put_only());
    line["groups"] = row.groups;
    line["senders"] = row.op == PerfOp::fan ? ordered_json(row.senders) : ordered_json();
    line["baseline"] = row.baseline;
    line["refused"] = row.refused.empty() ? ordered_json() : ordered_json(row.refused);
    line["ok"] = row.ok;
    if (row.op == PerfOp::rate) {
        line["producers"] = value_or_null(row.producers);
        line["pull_ns"] = number(part(row.stages, &PerfStages::pull_ns));
        line["admit_ns"] = number(part(row.stages, &PerfStages::admit_ns));
        line["post_ns"] = number(part(row.stages, &PerfStages::post_ns));
        line["poll_ns"] = number(part(row.stages, &PerfStages::poll_ns));
    }
    return line.dump(-1, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

uint64_t perf_percentile(std::vector<uint64_t> values, double share)
{
    const double position = std::ceil(share * static_cast<double>(values.size()));
    const auto index = std::min(static_cast<size_t>(std::max(position, 1.0)), values.size()) - 1;
    std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(index), values.end());
    return values[index];
}

}  // namespace pmx::tools
