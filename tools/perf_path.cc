/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_path.cc: the memory of a run, and the path through pmx. */
#include "perf_path.h"

#include <algorithm>

#include "launcher.h"
#include "pmx_device.h"

namespace pmx::tools {

namespace {

/* A window of large transfers goes through the same memory again. */
constexpr uint64_t kWindowBytes = 16u << 20;

uint64_t round_up(uint64_t n, uint64_t unit) { return (n + unit - 1) / unit * unit; }

class PmxPath final : public PerfPath {
public:
    PmxPath(pmx_ctx_t ctx, const pmx_device_ctx_t& device, char* base, const PerfLayout& layout,
            const std::vector<uint64_t>& group_sizes)
        : ctx_(ctx), device_(device), base_(base)
    {
        for (int to = 0; to < device.size; to++)
            groups_.push_back({to, static_cast<uint32_t>(group_sizes[static_cast<size_t>(to)]),
                               word(layout.signal(device.rank, 0)), sizeof(uint64_t),
                               word(layout.group_values(to)), 0});
    }

    int barrier() override { return pmx_barrier(); }
    int put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int dst_rank) override
    {
        return pmx::put(thread, device_, base_ + dst_off, base_ + src_off, n_bytes, dst_rank);
    }
    int get(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, int src_rank) override
    {
        return pmx_get_nbi(ctx_, base_ + dst_off, base_ + src_off, n_bytes, src_rank);
    }
    int put_signal(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint64_t sig_off, uint64_t value,
                   int dst_rank) override
    {
        return pmx::put_signal(thread, device_, base_ + dst_off, base_ + src_off, n_bytes, word(sig_off),
                               value, PMX_SIGNAL_SET, dst_rank);
    }
    int group_put(uint64_t dst_off, uint64_t src_off, uint64_t n_bytes, uint32_t slot, uint64_t value,
                  int dst_rank) override
    {
        if (int err = put(dst_off, src_off, n_bytes, dst_rank)) return err;
        return pmx::group_arrive(thread, device_, groups_[static_cast<size_t>(dst_rank)], slot, value);
    }
    int wait_signal(uint64_t sig_off, uint64_t value, int from_rank) override
    {
        return pmx::signal_wait(thread, device_, word(sig_off), PMX_CMP_GE, value, from_rank);
    }
    int quiet() override { return pmx::quiet(thread, device_); }
    bool counters(pmx_counters_t& counters_out) override
    {
        counters_out.size_bytes = sizeof counters_out;
        return pmx_counters_get(ctx_, &counters_out) == PMX_SUCCESS;
    }

private:
    uint64_t* word(uint64_t off) const { return reinterpret_cast<uint64_t*>(base_ + off); }

    const pmx_ctx_t ctx_;
    const pmx_device_ctx_t device_;
    char* const base_;
    std::vector<Group> groups_; /* by destination */
};

}  // namespace

PerfLayout PerfLayout::of(PerfOp op, int n_ranks, uint64_t concurrency, uint64_t max_bytes)
{
    const auto ranks = static_cast<uint64_t>(n_ranks);
    PerfLayout layout;
    layout = layout.with_stride(max_bytes);
    if (op == PerfOp::fan) {
        layout.n_slots = (concurrency + ranks - 2) / (ranks - 1);
        layout.n_sources = concurrency;
    } else {
        layout.n_slots = std::clamp<uint64_t>(kWindowBytes / layout.stride, 1, concurrency);
        layout.n_sources = layout.n_slots;
    }
    uint64_t end = 0;
    const auto take = [&](uint64_t n) {
        const uint64_t begin = end;
        end = round_up(end + n, 64);
        return begin;
    };
    layout.signals_off = take(ranks * layout.n_slots * 8);
    layout.groups_off = take(ranks * layout.n_slots * 8);
    layout.flags_off = take(ranks * 8);
    layout.values_off = take(kValues * 8);
    layout.data_off = take(ranks * layout.n_slots * layout.stride);
    layout.sources_off = take(layout.n_sources * layout.stride);
    layout.n_bytes = end;
    return layout;
}

PerfLayout PerfLayout::with_stride(uint64_t n_bytes) const
{
    PerfLayout layout = *this;
    layout.stride = round_up(std::max<uint64_t>(n_bytes, 1), 64);
    return layout;
}

Status open_pmx_path(pmx_ctx_t ctx, void* base, const PerfLayout& layout,
                     const std::vector<uint64_t>& group_sizes, std::unique_ptr<PerfPath>& path_out)
{
    pmx_device_ctx_t device = {};
    device.size_bytes = sizeof device;
    PMX_TRY(from_pmx(pmx_device_handle(ctx, &device)));
    path_out = std::make_unique<PmxPath>(ctx, device, static_cast<char*>(base), layout, group_sizes);
    return {};
}

}  // namespace pmx::tools
