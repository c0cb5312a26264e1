/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_report.h: what pmx_perf has measured, as lines of JSON or as tables. A figure that was not measured is
 * absent: null in JSON, "-" in a table. */
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "perf_options.h"

namespace pmx::tools {

/* What went through the proxy, for one repetition and one rank: that which has most. */
struct PerfCounts {
    double order_points = 0, stalls = 0, stalled_us = 0, doorbells = 0;
};

/* Cost of one command in each stage of the proxy. */
struct PerfStages {
    double pull_ns = 0, admit_ns = 0, post_ns = 0, poll_ns = 0;
};

struct PerfRow {
    PerfOp op = PerfOp::put;
    std::string path = "pmx"; /* "raw": posted on libfabric by the tool */
    std::string transport, provider, order, signals;
    PerfInitiator initiator = PerfInitiator::host;
    bool gpu_memory = false;
    std::optional<unsigned> queues;
    int ranks = 1, senders = 1;
    uint64_t bytes = 0, concurrency = 0, iters = 0;
    std::string refused; /* why this mode cannot run here; then nothing below is there */
    std::optional<double> p50_us, p99_us, rate_mops, gb_per_s, put_only_us;
    std::optional<PerfCounts> counts;
    std::optional<unsigned> producers; /* rate: threads that queued beside the engine */
    std::optional<PerfStages> stages;  /* rate */
    bool groups = false;               /* fan: signals committed by the blocks, as groups */
    bool baseline = false;             /* single-queue ordered, coupled: in every table */
    bool ok = true;                    /* the counters are as they must be */

    /* How close to the same puts without signals: 1 is as fast. */
    std::optional<double> ratio_to_put_only() const;
};

std::string perf_json(const PerfRow& row);
/* The rows of one op. Rows with the same bytes make one table (fan), or all rows one (else); under a table of
 * modes stands what batching and what ordering gain. */
std::string perf_tables(std::span<const PerfRow> rows);

/* Nearest rank: the smallest value that at least this share (above 0, at most 1) of the values do not
 * exceed. values must not be empty. */
uint64_t perf_percentile(std::vector<uint64_t> values, double share);

}  // namespace pmx::tools
