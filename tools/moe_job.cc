/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_job.cc: plan, create, load, measure, check, write, report. */
#include "moe_job.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "launcher.h"
#include "pmx_gpu.h"
#include "progress.h"

namespace pmx::tools {

namespace {

constexpr const char* kTool = "pmx_moe";

/* MemAvailable of the kernel, in bytes; the largest number when it is not known. */
uint64_t available_memory_bytes()
{
    std::ifstream meminfo("/proc/meminfo");
    std::string key, unit;
    for (uint64_t kib = 0; meminfo >> key >> kib; std::getline(meminfo, unit))
        if (key == "MemAvailable:") return kib << 10;
    return UINT64_MAX;
}

/* Of the bits of rows of row_bytes each: a sum over rows, so that it is the same however they are divided. */
uint64_t checksum(const std::vector<std::byte>& rows, size_t row_bytes, uint64_t first_row)
{
    uint64_t sum = 0;
    for (size_t row = 0; row * row_bytes < rows.size(); row++) {
        uint64_t hash = 0xcbf29ce484222325u ^ (first_row + row); /* FNV-1a */
        for (size_t i = 0; i < row_bytes; i++)
            hash = (hash ^ std::to_integer<uint64_t>(rows[row * row_bytes + i])) * 0x100000001b3u;
        sum += hash;
    }
    return sum;
}

}  // namespace

Status moe_job_heap_bytes(MoeDevice& device, const pmx_moe_config_t& config, int n_ranks, size_t& host_out,
                          size_t& gpu_out)
{
    size_t host_bytes = 0, gpu_bytes = 0;
    PMX_TRY(from_pmx(pmx_moe_check(&config, n_ranks)));
    PMX_TRY(device.heap_bytes(config, n_ranks, host_bytes, gpu_bytes));
    host_out = host_bytes + Gather::heap_bytes(n_ranks);
    gpu_out = gpu_bytes;
    return {};
}

int MoeJob::run(const Status& before)
{
    must(from_pmx(pmx_rank(&rank_)));
    must(from_pmx(pmx_size(&size_)));
    must(from_pmx(pmx_node_size(&node_size_)));
    const Status opened = gather_.open(); /* the same on all ranks */
    gathering_ = opened.ok();
    if (!gathering_) {
        exit_ = exit_status(opened);
        if (rank_ == 0) print_error(kTool, before.ok() ? opened.detail() : before.detail());
        return leave();
    }
    if (!all_ok(before) || !all_ok(plan()) || !all_ok(create(config_)) || !all_ok(load()) || !all_ok(route()))
        return leave();
    if (options_.flip_weight && !all_ok(flip())) return leave();
    if (!all_ok(device_->set_tokens(own_))) return leave();
    measure();
    if (options_.alone && !all_ok(measure_alone())) return leave();
    if (options_.check && !all_ok(check())) return leave();
    if (!options_.out.empty() && !all_ok(write_out())) return leave();
    report();
    return leave();
}

Status MoeJob::check_heap(const pmx_heap_info_t& heap, size_t n_bytes, const char* name, const char* set_by) const
{
    if (n_bytes <= heap.heap_bytes) return {};
    return fail(PMX_ERR_MEMORY, "the {} of {} bytes ({}) must hold {} for this shape and {} tokens", name,
                heap.heap_bytes, set_by, n_bytes, plan_.most);
}

/* Whatever this rank alone can say about the input, before anything large is allocated. */
Status MoeJob::plan()
{
    PMX_TRY(inputs_.plan(size_, plan_));
    config_ = inputs_.config(plan_);
    size_t host_bytes = 0, gpu_bytes = 0;
    PMX_TRY(moe_job_heap_bytes(*device_, config_, size_, host_bytes, gpu_bytes));
    experts_ = inputs_.experts_of(rank_, size_);
    pmx_heap_info_t heap = {};
    heap.size_bytes = sizeof heap;
    PMX_TRY(from_pmx(pmx_heap_query(&heap)));
    PMX_TRY(check_heap(heap, host_bytes, "symmetric heap", "--heap, PMX_HEAP_SIZE"));
    if (gpu_bytes > 0) {
        PMX_TRY(from_pmx(pmx_gpu_heap_query(&heap)));
        PMX_TRY(check_heap(heap, gpu_bytes, "heap of GPU memory", "--gpu-heap, PMX_GPU_HEAP_SIZE"));
    }
    const uint64_t inner = static_cast<uint64_t>(config_.intermediate) * experts_.size() +
                           static_cast<uint64_t>(config_.shared_intermediate);
    const uint64_t weights = 3 * static_cast<uint64_t>(config_.hidden) * inner * element_bytes(config_.dtype) *
                             static_cast<uint64_t>(node_size_);
    if (inputs_.random() && weights > available_memory_bytes())
        return fail(PMX_ERR_MEMORY,
                    "the weights of the {} ranks on this machine take {} bytes, {} are available", node_size_,
                    weights, available_memory_bytes());
    const uint64_t first = plan_.first[static_cast<size_t>(rank_)];
    own_.n_tokens = plan_.tokens[static_cast<size_t>(rank_)];
    own_.routed = inputs_.routed();
    if (own_.routed) PMX_TRY(inputs_.routing(first, own_.n_tokens, own_.ids, own_.weights));
    if (rank_ == 0 && !options_.out.empty())
        PMX_TRY(out_.open(options_.out, plan_.total, static_cast<uint64_t>(config_.hidden)));
    if (rank_ == 0 && !inputs_.shape().only_widths.empty())
        print_error(kTool, fmt::format("note: only the widths of {} are taken, not: {}", inputs_.shape().name,
                                       inputs_.shape().only_widths));
    return {};
}

Status MoeJob::create(const pmx_moe_config_t& config)
{
    PMX_TRY(device_->create(config));
    created_ = true;
    return {};
}

Status MoeJob::set_weights()
{
    pmx_moe_weights_t weights = {};
    weights.size_bytes = sizeof weights;
    source_->common().put_into(weights);
    local_.put_into(weights);
    router_bias_ = inputs_.router_bias(source_->common());
    if (!router_bias_.empty()) weights.router_bias = router_bias_.data();
    if (!inputs_.expert_map().empty()) weights.expert_map = inputs_.expert_map().data();
    return device_->set_weights(weights);
}

Status MoeJob::load()
{
    Progress progress(inputs_.random() ? "making weights" : "loading weights", rank_);
    const size_t matrix_bytes = static_cast<size_t>(config_.hidden) *
                                static_cast<size_t>(config_.intermediate) * element_bytes(config_.dtype);
    source_ = inputs_.weights();
    local_.load(*source_, experts_, matrix_bytes, [&](int done, int all) { progress(done, all); });
    own_.x = inputs_.activations(plan_.first[static_cast<size_t>(rank_)], own_.n_tokens);
    own_.y.resize(own_.x.size());
    return set_weights();
}

Status MoeJob::route() { return own_.routed ? Status() : device_->route(own_); }

/* Flips the top bit of the exponent of one weight of the expert that the first token of the job needs most.
 */
Status MoeJob::flip()
{
    const uint64_t wanted = own_.n_tokens > 0 ? static_cast<uint64_t>(own_.ids[0]) + 1 : 0;
    uint64_t expert = 0;
    for (const auto& record : gather({&wanted, 1}))
        if (expert == 0) expert = record[0];
    if (expert == 0) return fail(PMX_ERR_ARGUMENT, "--flip-weight: there must be a token");
    const size_t n_bytes = static_cast<size_t>(config_.hidden) * static_cast<size_t>(config_.intermediate) *
                           element_bytes(config_.dtype);
    for (size_t place = 0; place < experts_.size(); place++) {
        if (experts_[place] != static_cast<int>(expert) - 1) continue;
        if (flipped_.empty()) {
            const auto* down = static_cast<const std::byte*>(local_.down(place));
            flipped_.assign(down, down + n_bytes);
            flipped_[element_bytes(config_.dtype) - 1] ^= std::byte{0x40};
        }
        local_.replace_down(place, flipped_.data());
    }
    return flipped_.empty() ? Status() : set_weights();
}

Status MoeJob::check()
{
    Progress progress("checking", rank_);
    const OwnTokens some = sample_tokens(own_, options_.samples > 0 ? options_.samples : own_.n_tokens, config_);
    return check_tokens(
        inputs_, config_, some, [&](int done, int all) { progress(done, all); }, checked_);
}

Status MoeJob::write_out()
{
    const size_t n_elems = own_.y.size() / element_bytes(config_.dtype);
    std::vector<std::byte> values(n_elems * sizeof(float));
    convert_elements(own_.y.data(), config_.dtype, values.data(), PMX_MOE_FP32, n_elems);
    const auto take = [&](int rank, uint64_t off, std::span<const std::byte> piece) {
        const uint64_t first = plan_.first[static_cast<size_t>(rank)] * static_cast<uint64_t>(config_.hidden);
        std::vector<float> floats(piece.size() / sizeof(float));
        std::memcpy(floats.data(), piece.data(), piece.size());
        return out_.write(first + off / sizeof(float), floats.data(), floats.size());
    };
    PMX_TRY(gather_.to_root(values, take));
    return rank_ == 0 ? out_.close() : Status();
}

void MoeJob::report()
{
    report_.transport.size_bytes = sizeof report_.transport;
    must(from_pmx(pmx_transport_query(&report_.transport)));
    const pmx_counters_t &d = counters_.dispatch, &c = counters_.combine;
    const size_t row_bytes = static_cast<size_t>(config_.hidden) * element_bytes(config_.dtype);
    const SentWords mine = {d.puts + c.puts,
                            d.signals + c.signals,
                            d.stalls + c.stalls,
                            d.stalled_ns + c.stalled_ns,
                            d.put_bytes + c.put_bytes,
                            d.doorbells + c.doorbells,
                            d.order_points,
                            c.order_points,
                            static_cast<uint64_t>(report_.transport.n_direct_ranks),
                            checksum(own_.y, row_bytes, plan_.first[static_cast<size_t>(rank_)]),
                            std::bit_cast<uint64_t>(checked_.max_rel_err),
                            static_cast<uint64_t>(checked_.near_ties),
                            static_cast<uint64_t>(same_bits_),
                            counters_.dropped};
    constexpr size_t kWords = sizeof mine / sizeof(uint64_t);
    static_assert(sizeof mine % sizeof(uint64_t) == 0 && kWords <= Gather::kMaxWords);
    const auto words = std::bit_cast<std::array<uint64_t, kWords>>(mine);
    for (const auto& record : gather(words)) {
        SentWords sent;
        std::memcpy(&sent, record.data(), sizeof sent);
        report_.sent.push_back(sent);
    }
    report_.shape = inputs_.shape();
    report_.model = inputs_.model();
    report_.places = static_cast<int>(experts_.size()) * size_;
    report_.ranks = size_;
    report_.tokens = plan_.total;
    report_.dtype = config_.dtype == PMX_MOE_BF16 ? "bf16" : "fp32";
    report_.device = options_.device;
    report_.seed = options_.seed;
    report_.checked = options_.check;
    report_.error_limit = error_limit(config_.dtype);
    if (!report_ok(report_)) exit_ = kExitWrong;
    if (rank_ != 0) return;
    fmt::print("{}", options_.json ? report_json(report_) : report_table(report_));
    if (std::fflush(stdout) != 0) exit_ = kExitRuntime;
}

int MoeJob::leave()
{
    if (created_) must(device_->free());
    if (gathering_) {
        gather({}); /* the line of another rank is out before this one ends */
        must(gather_.close());
    }
    must(from_pmx(pmx_finalize()));
    return exit_;
}

bool MoeJob::all_ok(const Status& mine)
{
    const std::array<uint64_t, 2> words = {static_cast<uint64_t>(!mine.ok()),
                                           static_cast<uint64_t>(exit_status(mine))};
    const auto records = gather(words);
    for (int rank = 0; rank < size_; rank++) {
        const auto& record = records[static_cast<size_t>(rank)];
        if (record[0] == 0) continue;
        exit_ = static_cast<int>(record[1]);
        if (rank == rank_) print_error(kTool, mine.detail());
        return false;
    }
    return true;
}

void MoeJob::must(const Status& status)
{
    if (status.ok()) return;
    print_error(kTool, fmt::format("rank {}: {}", rank_, status.detail()));
    std::fflush(nullptr);
    std::_Exit(exit_status(status) == kExitInput ? kExitInput : kExitRuntime);
}

std::vector<std::vector<uint64_t>> MoeJob::gather(std::span<const uint64_t> mine, uint64_t patience_ns)
{
    std::vector<std::vector<uint64_t>> all;
    must(gather_.all(mine, all, patience_ns));
    return all;
}

}  // namespace pmx::tools
