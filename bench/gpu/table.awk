# SPDX-License-Identifier: BSD-3-Clause
# table.awk, behind json.awk: lines of JSON of put_signal, of several runs, to one table of medians over the runs; and
# to lines of JSON where -v json=FILE says. Of NVSHMEM that call counts which is faster. "misses" names the goals that are not met.

function median(who, team, bytes,    key, n, i, k, moved, sorted) {
    key = who SUBSEP team SUBSEP bytes
    n = n_of[key]
    if (!n) return 0
    for (i = 1; i <= n; i++) {
        moved = us_of[key, i]
        for (k = i - 1; k >= 1 && sorted[k] > moved; k--) sorted[k + 1] = sorted[k]
        sorted[k + 1] = moved
    }
    return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function cell(x, format) { return x > 0 ? sprintf(format, x) : "-" }
function quotient(a, b) { return a > 0 && b > 0 ? sprintf("%.2f", a / b) : "-" }
function rate(bytes, us) { return us > 0 ? bytes / 1000 / us : 0 }
function line(who, team, bytes, us, floor) {
    if (json == "" || us <= 0) return
    printf "{\"bench\":\"gpu_put_signal\",\"who\":\"%s\",\"team\":\"%s\",\"blocks\":%d,\"threads\":%d,\"bytes\":%d," \
        "\"one_way_us\":%.3f,\"gb_per_s\":%.3f,\"ratio_to_floor\":%s,\"runs\":%d}\n", who, team, blocks_of[team],
        threads_of[team], bytes, us, rate(bytes, us), (floor > 0 ? sprintf("%.3f", us / floor) : "null"), n_runs >json
}

index($0, "\"bench\":\"gpu_put_signal\"") {
    key = value("who") SUBSEP value("team") SUBSEP value("bytes")
    us_of[key, ++n_of[key]] = value("one_way_us") + 0
    if (n_of[key] > n_runs) n_runs = n_of[key]
    if (!(value("bytes") in seen)) {
        seen[value("bytes")] = 1
        sizes[++n_sizes] = value("bytes") + 0
    }
    blocks_of[value("team")] = value("blocks")
    threads_of[value("team")] = value("threads")
}

END {
    printf "%9s %-6s %9s %9s %9s %9s %9s %9s %9s %9s  %s\n", "bytes", "team", "pmx us", "floor us", "nvshm us", "pmx/floor",
        "nvshm/pmx", "pmx GB/s", "nvshm", "copy", "misses"
    n_teams = split("warp block grid", teams, " ")
    for (s = 1; s <= n_sizes; s++) {
        bytes = sizes[s]
        copy = median("copy", "none", bytes)
        line("copy", "none", bytes, copy, 0)
        for (t = 1; t <= n_teams; t++) {
            team = teams[t]
            pmx = median("pmx", team, bytes)
            floor = median("floor", team, bytes)
            nvshmem = median("nvshmem", team, bytes)
            nbi = median("nvshmem_nbi", team, bytes)
            if (nbi > 0 && (nbi < nvshmem || !nvshmem)) nvshmem = nbi
            misses = ""
            if (floor > 0 && pmx > 1.15 * floor) misses = misses " floor"
            if (nvshmem > 0 && pmx >= nvshmem) misses = misses " nvshmem"
            if (nvshmem > 0 && team == "block" && bytes >= 65536 && nvshmem < 1.5 * pmx) misses = misses " 1.5x"
            if (misses != "") n_missed++
            printf "%9d %-6s %9s %9s %9s %9s %9s %9s %9s %9s %s\n", bytes, team, cell(pmx, "%.3f"), cell(floor, "%.3f"),
                cell(nvshmem, "%.3f"), quotient(pmx, floor), quotient(nvshmem, pmx),
                cell(rate(bytes, pmx), "%.2f"), cell(rate(bytes, nvshmem), "%.2f"), cell(rate(bytes, copy), "%.2f"), misses
            line("pmx", team, bytes, pmx, floor)
            line("floor", team, bytes, floor, 0)
            line("nvshmem", team, bytes, nvshmem, floor)
        }
    }
    printf "%d of %d rows miss a goal: 1.15 of the floor, faster than NVSHMEM, 1.5 of its bandwidth by a block from 64 KiB\n",
        n_missed, n_sizes * n_teams
}
