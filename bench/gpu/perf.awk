# SPDX-License-Identifier: BSD-3-Clause
# perf.awk, behind json.awk: lines of JSON of pmx_perf to a table, and under each fan of all modes what came of it: the
# baseline, the two techniques of the Perseus paper (one order point for each destination, and an order of the network
# instead of stalls), and the best.

function say(what, mode) {
    if (!(mode in p50_of)) return
    printf "  %-34s %-20s %9.2f us, %5.2f x the baseline, put-only / p50 %s\n", what, mode, p50_of[mode],
        p50_of[base] / p50_of[mode], ratio_of[mode]
}

function finish(    mode, best) {
    if (base in p50_of) {
        for (mode in p50_of) if (best == "" || p50_of[mode] < p50_of[best]) best = mode
        say("baseline", base)
        say("technique 1, grouped signals", "stall-all grouped")
        say("technique 2, fence of the network", "fence coupled")
        say("technique 2, order of the network", "ordered coupled")
        say("both, fence", "fence grouped")
        say("both, order", "ordered grouped")
        say("best", best)
    }
    split("", p50_of)
    split("", ratio_of)
}

BEGIN { base = "stall-all coupled" }

index($0, "\"tool\":\"pmx_perf\"") {
    what = value("op") " " value("ranks") " ranks, initiator " value("initiator") ", " value("memory") " memory, transport " \
        value("transport") ", concurrency " value("concurrency") ", groups " value("groups")
    if (what != last) {
        finish()
        print what
        printf "%9s %-20s %6s %10s %10s %9s %10s %6s %9s %8s %9s\n", "bytes", "mode", "queues", "p50 us", "p99 us", "GB/s",
            "put-only", "ratio", "order pts", "stalls", "doorbells"
        last = what
    }
    mode = value("order") " " value("signals")
    printf "%9s %-20s %6s %10s %10s %9s %10s %6s %9s %8s %9s%s\n", value("bytes"), mode, value("queues"), value("p50_us"),
        value("p99_us"), value("gb_per_s"), value("put_only_us"), value("ratio_to_put_only"), value("order_points"),
        value("stalls"), value("doorbells"), (value("refused") != "-" ? "  refused" : "") \
        (value("baseline") == "true" ? "  single queue" : "") (value("ok") == "true" ? "" : "  WRONG")
    if (value("op") == "fan" && value("baseline") != "true" && value("p50_us") + 0 > 0) {
        p50_of[mode] = value("p50_us") + 0
        ratio_of[mode] = value("ratio_to_put_only")
    }
}

END { finish() }
