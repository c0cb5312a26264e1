/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_report.h: the result of pmx_moe, as one line of JSON or as a table. */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model.h"
#include "moe_device.h"
#include "pmx.h"
#include "shape.h"

namespace pmx::tools {

/* What one rank sent through the proxy in all measured forwards, as the words of a Gather record. */
struct SentWords {
    uint64_t puts, signals, stalls, stalled_ns, bytes, doorbells; /* dispatch and combine */
    uint64_t dispatch_order_points, combine_order_points;
    uint64_t direct_ranks; /* L: ranks that this one reaches by plain stores */
    uint64_t checksum, max_rel_err_bits, near_ties;
    uint64_t same_bits; /* 0 or 1 */
    uint64_t dropped;   /* rows over the capacity */
};

struct MoeReport {
    Shape shape;
    Model model = {};
    int places = 0; /* for experts, on all ranks */
    int ranks = 1;
    uint64_t tokens = 0; /* of all ranks */
    std::string dtype;
    std::string device = "host";
    uint64_t seed = 0;
    pmx_transport_info_t transport = {};
    std::vector<uint64_t> forward_ns; /* of each measured forward, the slowest rank */
    std::optional<uint64_t> compute_ns, communication_ns; /* alone, where that was measured */
    MoePhases phases;                                     /* of the last forward, on rank 0 */
    std::vector<SentWords> sent;      /* of each rank */
    bool checked = false;
    double error_limit = 0;
};

/* Order points of one dispatch on a rank, as they must be. */
uint64_t expected_order_points(const MoeReport& report, const SentWords& sent);
/* Whether the order points are as they must be on each rank. */
bool order_points_ok(const MoeReport& report);
double max_rel_err(const MoeReport& report);
bool report_ok(const MoeReport& report);

std::string report_json(const MoeReport& report);
std::string report_table(const MoeReport& report);

/* Nearest rank: the smallest value that at least this share (above 0, at most 1) of the values do not
 * exceed. values must not be empty. */
uint64_t percentile(std::vector<uint64_t> values, double share);

}  // namespace pmx::tools
