/* SPDX-License-Identifier: BSD-3-Clause */
#include "info_watch.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "runtime/watch_board.h"

namespace pmx::tools {

namespace {

using nlohmann::ordered_json;

ordered_json as_json(const WatchState& s)
{
    const pmx_counters_t& c = s.counters;
    return {{"time_ns", s.written_ns},
            {"rank", s.rank},
            {"ranks", s.size},
            {"failed", s.n_failed},
            {"path", s.path},
            {"puts", c.puts},
            {"put_bytes", c.put_bytes},
            {"gets", c.gets},
            {"get_bytes", c.get_bytes},
            {"signals", c.signals},
            {"order_points_requested", c.order_points_requested},
            {"order_points", c.order_points},
            {"stalls", c.stalls},
            {"stalled_ns", c.stalled_ns},
            {"doorbells", c.doorbells},
            {"completions", c.completions},
            {"retries", c.retries},
            {"errors", c.errors}};
}

constexpr const char* kHeader =
    "        puts       puts/s         MB/s         gets      signals       stalls  stalled ms      retries  "
    "errors  failed\n";

/* Rates are since the line before, or since the counters began. */
void print_row(const WatchState& s, const WatchState& before)
{
    const pmx_counters_t &c = s.counters, &b = before.counters;
    const double ns = static_cast<double>(s.written_ns - before.written_ns);
    const double rate = before.written_ns && ns > 0 ? static_cast<double>(c.puts - b.puts) / ns * 1e9 : 0;
    const double bytes =
        before.written_ns && ns > 0 ? static_cast<double>(c.put_bytes - b.put_bytes) / ns * 1e3 : 0;
    fmt::print("{:12} {:12.0f} {:12.3f} {:12} {:12} {:12} {:11.1f} {:12} {:7} {:7}\n", c.puts, rate, bytes,
               c.gets, c.signals, c.stalls, static_cast<double>(c.stalled_ns) / 1e6, c.retries, c.errors,
               s.n_failed);
}

}  // namespace

Status info_watch(pid_t pid, unsigned n_lines, bool json)
{
    WatchedProcess process;
    PMX_TRY(process.open(pid));
    WatchState now{}, before{};
    for (unsigned line = 0; process.read(now) && (n_lines == 0 || line < n_lines); line++) {
        if (!json && line == 0) fmt::print("rank {} of {}, network path {}\n", now.rank, now.size, now.path);
        if (!json && line % 20 == 0) fmt::print("{}", kHeader);
        if (json)
            fmt::print("{}\n", as_json(now).dump());
        else
            print_row(now, before);
        if (std::fflush(stdout) != 0) return fail(PMX_ERR_SYSTEM, "the output cannot be written");
        before = now;
        if (line + 1 != n_lines) sleep(1);
    }
    return {};
}

}  // namespace pmx::tools
