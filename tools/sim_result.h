/* SPDX-License-Identifier: BSD-3-Clause */
/* sim_result.h: what one simulation was asked for, and what it found. */
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pmx.h"
#include "shape.h"
#include "status.h"
#include "transport_softnic_profile.h"

namespace pmx::tools {

/* One point: a workload on a fabric in one mode. */
struct SimTask {
    std::string op = "fan"; /* fan, moe */
    SoftNicProfile profile;
    pmx_order_t order = PMX_ORDER_AUTO;
    int signals = PMX_SIGNALS_GROUPED;
    int n_nodes = 2;
    int ranks_per_node = 4;
    uint64_t n_bytes = 4096;    /* fan: of a transfer */
    int concurrency = 96;       /* fan: transfers of a rank */
    int iterations = 5;
    uint64_t seed = 1;
    Shape shape;                /* moe */
    int n_tokens = 1024;        /* moe: of each rank */
    int tile_rows = 128;        /* moe */
    double tflops = 35;         /* moe: of a rank */
    double node_gb_per_s = 200; /* moe: between two ranks of a node */

    /* Told now and then how far the run is, 0..1. */
    std::function<void(double share)> progress;

    int n_ranks() const { return n_nodes * ranks_per_node; }
};

/* Times of an iteration are those of the slowest rank; counts and stalled time are for one rank and one iteration. */
struct SimResult {
    SimTask task; /* order is never AUTO */
    double p50_us = 0, p99_us = 0;
    double order_points = 0, stalls = 0, stalled_us = 0, doorbells = 0;
    double put_only_us = 0; /* fan */
    double compute_us = 0;  /* moe: of the rank with most of it */
    double dispatch_order_points = 0; /* moe: order_points has those of the combine too */
    uint64_t n_events = 0;

    double ratio_to_put_only() const { return p50_us > 0 ? put_only_us / p50_us : 0; }
};

/* The p-th percentile (0..100), nearest rank; values are sorted. */
double percentile(std::vector<double>& values, double p);

/* PMX_ERR_UNSUPPORTED: the fabric cannot keep that order. */
Status sim_fan(const SimTask& task, SimResult& result_out);
Status sim_moe(const SimTask& task, SimResult& result_out);
Status sim_run(const SimTask& task, SimResult& result_out);

}  // namespace pmx::tools
