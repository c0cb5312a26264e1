/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_tables.cc: rows of pmx_perf for people. */
#include <algorithm>
#include <functional>

#include "perf_report.h"

namespace pmx::tools {

namespace {

using Rows = std::vector<const PerfRow*>;
using Cell = std::function<std::string(const PerfRow&)>;

struct Column {
    const char* title;
    Cell cell; /* "": nothing to say */
};

std::string decimals(const std::optional<double>& value, int n)
{
    return value ? fmt::format("{:.{}f}", *value, n) : std::string();
}

/* A count: whole where it is whole. */
std::string count(double value) { return fmt::format("{:.6g}", value); }

Cell of_counts(double PerfCounts::*field)
{
    return [field](const PerfRow& row) { return row.counts ? count((*row.counts).*field) : std::string(); };
}

Cell of_stages(double PerfStages::*field)
{
    return [field](const PerfRow& row) {
        return row.stages ? fmt::format("{:.1f}", (*row.stages).*field) : std::string();
    };
}

std::string megabytes(const PerfRow& row)
{
    return row.gb_per_s ? fmt::format("{:.2f}", *row.gb_per_s * 1000) : std::string();
}

std::string queues(const PerfRow& row) { return row.queues ? fmt::format("{}", *row.queues) : std::string(); }

std::string producers(const PerfRow& row)
{
    if (!row.producers) return {};
    return *row.producers ? fmt::format("{} beside", *row.producers) : "in advance";
}

std::vector<Column> columns(PerfOp op)
{
    const bool rate = op == PerfOp::rate;
    std::vector<Column> all;
    if (rate) {
        all.push_back({"dests", [](const PerfRow& row) { return fmt::format("{}", row.ranks - 1); }});
        all.push_back({"queued", producers});
    } else {
        all.push_back({"bytes", [](const PerfRow& row) { return fmt::format("{}", row.bytes); }});
        all.push_back({"path", [](const PerfRow& row) { return row.path; }});
    }
    all.push_back({"order", [](const PerfRow& row) { return row.order; }});
    all.push_back({"signals", [](const PerfRow& row) { return row.signals; }});
    all.push_back({"queues", queues});
    all.push_back({"p50 us", [](const PerfRow& row) { return decimals(row.p50_us, 2); }});
    all.push_back({"p99 us", [](const PerfRow& row) { return decimals(row.p99_us, 2); }});
    if (!rate) all.push_back({"MB/s", megabytes});
    all.push_back(
        {rate ? "M commands/s" : "M/s", [](const PerfRow& row) { return decimals(row.rate_mops, 3); }});
    all.push_back({"put-only us", [](const PerfRow& row) { return decimals(row.put_only_us, 2); }});
    all.push_back({"ratio", [](const PerfRow& row) { return decimals(row.ratio_to_put_only(), 3); }});
    all.push_back({"order pts", of_counts(&PerfCounts::order_points)});
    all.push_back({"stalls", of_counts(&PerfCounts::stalls)});
    all.push_back({"stalled us", of_counts(&PerfCounts::stalled_us)});
    all.push_back({"doorbells", of_counts(&PerfCounts::doorbells)});
    all.push_back({"pull ns", of_stages(&PerfStages::pull_ns)});
    all.push_back({"admit ns", of_stages(&PerfStages::admit_ns)});
    all.push_back({"post ns", of_stages(&PerfStages::post_ns)});
    all.push_back({"poll ns", of_stages(&PerfStages::poll_ns)});
    return all;
}

/* A column where no row has anything to say is left out. */
std::string grid(const Rows& rows)
{
    std::vector<std::string> lines(rows.size() + 1);
    for (const Column& column : columns(rows.front()->op)) {
        std::vector<std::string> cells;
        for (const PerfRow* row : rows) cells.push_back(column.cell(*row));
        if (std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); }))
            continue;
        size_t width = std::string_view(column.title).size();
        for (std::string& cell : cells) {
            if (cell.empty()) cell = "-";
            width = std::max(width, cell.size());
        }
        const char* gap = lines[0].empty() ? "" : "  ";
        lines[0] += fmt::format("{}{:>{}}", gap, column.title, width);
        for (size_t i = 0; i < rows.size(); i++)
            lines[i + 1] += fmt::format("{}{:>{}}", gap, cells[i], width);
    }
    std::string text = lines[0] + "\n";
    for (size_t i = 0; i < rows.size(); i++) {
        text += lines[i + 1];
        if (!rows[i]->refused.empty()) text += "  refused";
        if (rows[i]->baseline) text += "  baseline";
        if (!rows[i]->ok) text += "  WRONG: the counters are not as they must be";
        text += "\n";
    }
    return text;
}

std::string title(const Rows& rows)
{
    const PerfRow& row = *rows.front();
    const std::string provider = row.provider.empty() ? "" : fmt::format(" ({})", row.provider);
    const char* what = row.op == PerfOp::fan    ? "transfers of each rank"
                       : row.op == PerfOp::rate ? "put_signals of a round, two commands each"
                                                : "transfers of a window";
    const std::string kernels =
        row.initiator == PerfInitiator::host
            ? ""
            : fmt::format("initiator {}, {} memory, ", perf_initiator_name(row.initiator),
                          row.gpu_memory ? "GPU" : "host");
    std::string text =
        fmt::format("{}: {} ranks, {}transport {}{}, {} {}, {} repetitions\n", perf_op_name(row.op),
                    row.ranks, kernels, row.transport, provider, row.concurrency, what, row.iters);
    if (row.op == PerfOp::rate)
        text = fmt::format("rate: transport null, {} bytes, {} {}, {} rounds\n", row.bytes, row.concurrency,
                           what, row.iters);
    return text;
}

const PerfRow* find(const Rows& rows, const std::string& order, const std::string& signals)
{
    for (const PerfRow* row : rows)
        if (!row->baseline && row->path == "pmx" && row->order == order && row->signals == signals &&
            row->p50_us)
            return row;
    return nullptr;
}

std::string gain(const PerfRow* slow, const PerfRow* fast)
{
    return slow && fast && *fast->p50_us > 0 ? fmt::format("{:.2f}x", *slow->p50_us / *fast->p50_us)
                                             : std::string();
}

std::vector<std::string> orders_of(const Rows& rows)
{
    std::vector<std::string> names;
    for (const PerfRow* row : rows)
        if (row->path == "pmx" && std::find(names.begin(), names.end(), row->order) == names.end())
            names.push_back(row->order);
    return names;
}

/* How much is batching, how much is ordering: ratios of the medians above. */
std::string gains(const Rows& rows)
{
    std::string batching, text;
    for (const std::string& order : orders_of(rows))
        if (const std::string ratio = gain(find(rows, order, "coupled"), find(rows, order, "grouped"));
            !ratio.empty())
            batching += fmt::format(" {} {}", order, ratio);
    if (!batching.empty()) text += fmt::format("batching, p50 coupled / p50 grouped:{}\n", batching);
    for (const char* signals : {"coupled", "grouped"}) {
        std::string ordering;
        for (const std::string& order : orders_of(rows))
            if (const std::string ratio = gain(find(rows, "stall-all", signals), find(rows, order, signals));
                order != "stall-all" && !ratio.empty())
                ordering += fmt::format(" {} {}", order, ratio);
        if (!ordering.empty())
            text += fmt::format("ordering, {}, p50 stall-all / p50:{}\n", signals, ordering);
    }
    const PerfRow *best = nullptr, *base = nullptr;
    for (const PerfRow* row : rows) {
        if (!row->p50_us || row->path != "pmx") continue;
        if (row->baseline) base = row;
        if (!best || *row->p50_us < *best->p50_us) best = row;
    }
    if (base)
        text +=
            fmt::format("baseline, 1 queue ordered coupled: p50 / p50 of the best ({} {}, {} queues) {}\n",
                        best->order, best->signals, *best->queues, gain(base, best));
    for (const PerfRow* row : rows)
        if (!row->refused.empty())
            text += fmt::format("refused {} {}: {}\n", row->order, row->signals, row->refused);
    return text;
}

bool has_modes(std::span<const PerfRow> rows)
{
    return std::any_of(rows.begin(), rows.end(), [](const PerfRow& row) { return row.baseline; });
}

}  // namespace

std::string perf_tables(std::span<const PerfRow> rows)
{
    std::string text;
    std::vector<Rows> tables;
    const bool modes = has_modes(rows);
    for (const PerfRow& row : rows) {
        if (tables.empty() || (modes && tables.back().front()->bytes != row.bytes)) tables.emplace_back();
        tables.back().push_back(&row);
    }
    for (const Rows& table : tables) {
        text += (text.empty() ? "" : "\n") + title(table) + grid(table);
        if (modes) text += gains(table);
    }
    return text;
}

}  // namespace pmx::tools
