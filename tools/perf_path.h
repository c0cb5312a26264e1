/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_path.h: a way to move bytes, as the ops of pmx_perf use it: pmx itself, or libfabric without pmx. */
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "gather.h"
#include "perf_options.h"
#include "pmx.h"

namespace pmx::tools {

/* Entries return 0 or a PMX_ERR_*. A path of pmx may be used by several threads, but for barrier. */
class PerfPath {
public:
    virtual ~PerfPath() = default;
    /* Collective. What this rank has to do for transfers of the others goes on meanwhile. */
    virtual int barrier() = 0;
    virtual int put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int dst_rank) = 0;
    virtual int get(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int src_rank) = 0;
    /* SET. */
    virtual int put_signal(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint64_t sig_off,
                           uint64_t value, int dst_rank) = 0;
    /* put, and an arrival at the group of dst_rank; the last to arrive sends the signals of all slots. */
    virtual int group_put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint32_t slot, uint64_t value,
                          int dst_rank) = 0;
    /* Until the own word is value or more. */
    virtual int wait_signal(uint64_t sig_off, uint64_t value, int from_rank) = 0;
    virtual int quiet() = 0;
    /* false: this path has none. */
    virtual bool counters(pmx_counters_t& counters_out) = 0;
};

/* A context of pmx; base is a symmetric address. ctx outlives the path. group_sizes: for each rank, the
 * signals of a group to it. */
Status open_pmx_path(pmx_ctx_t ctx, void* base, const PerfLayout& layout,
                     const std::vector<uint64_t>& group_sizes, std::unique_ptr<PerfPath>& path_out);

/* An endpoint of its own, of this provider, opened as pmx opens its own, with this memory registered. Signals
 * are writes of 8 bytes behind their data; nothing keeps them there but the provider. One thread. Collective.
 * n_barriers: of all raw paths over this memory so far; outlives the path. PMX_ERR_UNSUPPORTED in a build
 * without libfabric. */
Status open_raw_path(Gather& gather, const char* provider, void* base, const PerfLayout& layout,
                     uint64_t& n_barriers, std::unique_ptr<PerfPath>& path_out);

}  // namespace pmx::tools
