/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_options.h: the command line of pmx_perf. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf_run.h"
#include "status.h"

namespace pmx::tools {

const char* perf_op_name(PerfOp op);

/* Who starts the transfers: threads, kernels of a GPU, or host blocks that play those. */
enum class PerfInitiator { host, gpu, soft };

const char* perf_initiator_name(PerfInitiator initiator);

struct PerfOptions {
    PerfOp op = PerfOp::put;
    std::vector<uint64_t> bytes; /* of a transfer; not empty, rising */
    uint64_t concurrency =
        0; /* transfers of a rank (fan), of a window (pairs), put_signals of a round (rate) */
    uint64_t iters = 0;
    uint64_t warmup = 0;
    unsigned blocks = 1;
    PerfInitiator initiator = PerfInitiator::host;
    bool gpu_memory = false;    /* data and signals are in the heap of GPU memory, or what plays it */
    std::string order = "auto"; /* a name of order.h */
    std::string signals;        /* "": what PMX_SIGNALS says */
    unsigned queues = 0;        /* 0: what PMX_QUEUES says */
    std::string transport, provider, heap; /* texts for pmx_param_set; "": not set */
    std::vector<uint64_t> destinations;    /* rate */
    unsigned producers = 1;                /* rate; 0: none that run beside the engine */
    bool table = false;
    uint64_t senders = 0; /* fan: ranks that send; 0: all */
    bool groups = false; /* fan: the blocks commit the signals of each destination as one group */
    bool raw = false;
    bool json = false;
};

/* PMX_ERR_ARGUMENT with one line for the user. text_out: what --help or --version print; not empty: print
 * it and end well. */
Status parse_perf_options(int argc, char** argv, PerfOptions& options_out, std::string& text_out);

}  // namespace pmx::tools
