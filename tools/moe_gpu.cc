/* SPDX-License-Identifier: BSD-3-Clause */
/* moe_gpu.cc: the layer as a kernel of a GPU. Its routing is made before, by a small layer of host blocks, since the
 * kernel is given one. */
#include <algorithm>

#include "launcher.h"
#include "moe_device.h"
#include "numeric.h"
#include "pmx_cuda.h"
#include "pmx_moe_gpu.h"

namespace pmx::tools {

namespace {

constexpr int kRouteTokens = 64; /* at a time */

Status from_cuda(const char* call, cudaError_t err) { return from_pmx(pmx_cuda_report(call, err)); }

/* A piece of GPU memory, which grows when more is wanted. */
class GpuMemory {
public:
    GpuMemory() = default;
    ~GpuMemory() { cudaFree(base_); }
    GpuMemory(const GpuMemory&) = delete;
    GpuMemory& operator=(const GpuMemory&) = delete;

    Status want(size_t n_bytes)
    {
        if (n_bytes <= n_bytes_ && base_) return {};
        PMX_TRY(from_cuda("cudaFree", cudaFree(base_)));
        base_ = nullptr;
        n_bytes_ = std::max<size_t>(n_bytes, 256);
        return from_cuda("cudaMalloc", cudaMalloc(&base_, n_bytes_));
    }
    char* at(size_t off) const { return static_cast<char*>(base_) + off; }
    Status put(size_t off, const void* from, size_t n_bytes)
    {
        return from_cuda("cudaMemcpy", cudaMemcpy(at(off), from, n_bytes, cudaMemcpyHostToDevice));
    }

private:
    void* base_ = nullptr;
    size_t n_bytes_ = 0;
};

/* The layer that routes: as small as may be otherwise. */
pmx_moe_config_t router_config(const pmx_moe_config_t& config)
{
    pmx_moe_config_t router = config;
    router.max_tokens = std::min(config.max_tokens, kRouteTokens);
    router.intermediate = 16;
    router.shared_intermediate = 0;
    router.capacity = 0;
    router.n_blocks = 2;
    return router;
}

class Gpu final : public MoeDevice {
public:
    explicit Gpu(bool graph) : as_graph_(graph) {}
    ~Gpu() override
    {
        drop_graph();
        if (begin_) cudaEventDestroy(begin_);
        if (end_) cudaEventDestroy(end_);
        if (stream_) cudaStreamDestroy(stream_);
    }

    Status heap_bytes(const pmx_moe_config_t& config, int n_ranks, size_t& host_out, size_t& gpu_out) override
    {
        size_t local_bytes = 0;
        const pmx_moe_config_t router = router_config(config);
        PMX_TRY(from_pmx(pmx_moe_heap_bytes(&router, n_ranks, &host_out)));
        host_out += 4 * sizeof(uint64_t) * static_cast<size_t>(std::max(config.experts, config.physical_experts)) + 4096;
        return from_pmx(pmx_moe_gpu_bytes(&config, n_ranks, &gpu_out, &local_bytes));
    }

    Status create(const pmx_moe_config_t& config) override
    {
        int n_ranks = 1;
        PMX_TRY(from_pmx(pmx_size(&n_ranks)));
        config_ = config;
        n_local_ = (config.physical_experts ? config.physical_experts : config.experts) / n_ranks;
        if (!stream_) {
            PMX_TRY(from_cuda("cudaStreamCreate", cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)));
            PMX_TRY(from_cuda("cudaEventCreate", cudaEventCreate(&begin_)));
            PMX_TRY(from_cuda("cudaEventCreate", cudaEventCreate(&end_)));
        }
        return from_pmx(pmx_moe_gpu_create(&config, nullptr, &moe_));
    }

    Status set_weights(const pmx_moe_weights_t& weights) override
    {
        host_weights_ = weights;
        const size_t n = static_cast<size_t>(n_local_), inner = static_cast<size_t>(config_.intermediate);
        const size_t matrix_bytes = inner * static_cast<size_t>(config_.hidden) * element_bytes(config_.dtype);
        const void* const* matrices[3] = {weights.gate, weights.up, weights.down};
        PMX_TRY(matrices_.want(3 * n * matrix_bytes));
        for (size_t i = 0; i < 3; i++) {
            pointers_[i].clear();
            for (size_t e = 0; e < n; e++) {
                const size_t off = (3 * e + i) * matrix_bytes;
                if (!matrices[i][e]) { /* an empty place */
                    pointers_[i].push_back(nullptr);
                    continue;
                }
                PMX_TRY(matrices_.put(off, matrices[i][e], matrix_bytes));
                pointers_[i].push_back(matrices_.at(off));
            }
        }
        pmx_moe_weights_t there = {};
        there.size_bytes = sizeof there;
        there.expert_map = weights.expert_map;
        there.gate = pointers_[0].data();
        there.up = pointers_[1].data();
        there.down = pointers_[2].data();
        if (weights.down_bias) PMX_TRY(put_biases(weights, there));
        if (config_.shared_intermediate > 0) PMX_TRY(put_shared(weights, there));
        return from_pmx(pmx_moe_gpu_set_weights(moe_, &there));
    }

    Status route(OwnTokens& own) override
    {
        const pmx_moe_config_t config = router_config(config_);
        pmx_moe_t router = nullptr;
        PMX_TRY(from_pmx(pmx_moe_create(&config, &router)));
        Status status = from_pmx(pmx_moe_set_weights(router, &host_weights_));
        const size_t k = static_cast<size_t>(config.top_k);
        const size_t row_bytes = static_cast<size_t>(config.hidden) * element_bytes(config.dtype);
        own.routed = true;
        own.ids.resize(static_cast<size_t>(own.n_tokens) * k);
        own.weights.resize(own.ids.size());
        for (int first = 0; first < own.n_tokens && status.ok(); first += config.max_tokens) {
            const size_t at = static_cast<size_t>(first);
            status = from_pmx(pmx_moe_route(router, own.x.data() + at * row_bytes,
                                            std::min(config.max_tokens, own.n_tokens - first), own.ids.data() + at * k,
                                            own.weights.data() + at * k));
        }
        const Status freed = from_pmx(pmx_moe_free(router));
        return status.ok() ? freed : status;
    }

    Status set_tokens(const OwnTokens& own) override
    {
        drop_graph();
        n_tokens_ = own.n_tokens;
        y_bytes_ = own.x.size();
        PMX_TRY(x_.want(own.x.size()));
        PMX_TRY(y_.want(own.x.size()));
        PMX_TRY(ids_.want(own.ids.size() * sizeof(int32_t)));
        PMX_TRY(weights_.want(own.weights.size() * sizeof(float)));
        PMX_TRY(x_.put(0, own.x.data(), own.x.size()));
        PMX_TRY(ids_.put(0, own.ids.data(), own.ids.size() * sizeof(int32_t)));
        PMX_TRY(weights_.put(0, own.weights.data(), own.weights.size() * sizeof(float)));
        return as_graph_ ? capture() : Status();
    }

    Status forward(uint64_t& ns_out) override
    {
        float ms = 0;
        PMX_TRY(from_cuda("cudaEventRecord", cudaEventRecord(begin_, stream_)));
        PMX_TRY(graph_ ? from_cuda("cudaGraphLaunch", cudaGraphLaunch(graph_, stream_)) : launch());
        PMX_TRY(from_cuda("cudaEventRecord", cudaEventRecord(end_, stream_)));
        PMX_TRY(from_cuda("the kernel", cudaEventSynchronize(end_)));
        PMX_TRY(from_pmx(pmx_moe_gpu_status(moe_)));
        PMX_TRY(from_cuda("cudaEventElapsedTime", cudaEventElapsedTime(&ms, begin_, end_)));
        ns_out = static_cast<uint64_t>(static_cast<double>(ms) * 1e6);
        return {};
    }

    Status result(std::vector<std::byte>& y_out) override
    {
        y_out.resize(y_bytes_);
        return from_cuda("cudaMemcpy", cudaMemcpy(y_out.data(), y_.at(0), y_bytes_, cudaMemcpyDeviceToHost));
    }

    Status phases(MoePhases& phases_out) override
    {
        pmx_moe_gpu_times_t times = {};
        times.size_bytes = sizeof times;
        PMX_TRY(from_pmx(pmx_moe_gpu_times_get(moe_, &times)));
        phases_out = {times.packed_ns - times.begun_ns, times.multiplied_ns - times.begun_ns,
                      times.combined_ns - times.begun_ns};
        return {};
    }

    Status counters(pmx_moe_counters_t& counters_out) override
    {
        counters_out = {};
        counters_out.size_bytes = sizeof counters_out;
        return from_pmx(pmx_moe_gpu_counters_get(moe_, &counters_out));
    }
    Status reset_counters() override { return from_pmx(pmx_moe_gpu_counters_reset(moe_)); }

    Status free() override
    {
        drop_graph();
        const int err = pmx_moe_gpu_free(moe_);
        moe_ = nullptr;
        return from_pmx(err);
    }

private:
    Status launch()
    {
        return from_pmx(pmx_moe_gpu_forward_routed(moe_, x_.at(0), n_tokens_, reinterpret_cast<int32_t*>(ids_.at(0)),
                                                   reinterpret_cast<float*>(weights_.at(0)), y_.at(0), stream_));
    }

    Status capture()
    {
        cudaGraph_t graph = nullptr;
        PMX_TRY(from_cuda("cudaStreamBeginCapture", cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal)));
        const Status launched = launch();
        PMX_TRY(from_cuda("cudaStreamEndCapture", cudaStreamEndCapture(stream_, &graph)));
        PMX_TRY(launched);
        const Status made = from_cuda("cudaGraphInstantiate", cudaGraphInstantiate(&graph_, graph, 0));
        cudaGraphDestroy(graph);
        return made;
    }
    void drop_graph()
    {
        if (graph_) cudaGraphExecDestroy(graph_);
        graph_ = nullptr;
    }

    Status put_biases(const pmx_moe_weights_t& weights, pmx_moe_weights_t& there)
    {
        const float* const* from[3] = {weights.gate_bias, weights.up_bias, weights.down_bias};
        const float* const** to[3] = {&there.gate_bias, &there.up_bias, &there.down_bias};
        const size_t widest = static_cast<size_t>(std::max(config_.hidden, config_.intermediate)) * sizeof(float);
        PMX_TRY(biases_.want(3 * static_cast<size_t>(n_local_) * widest));
        for (size_t i = 0; i < 3; i++) {
            const size_t n_bytes = static_cast<size_t>(i == 2 ? config_.hidden : config_.intermediate) * sizeof(float);
            bias_pointers_[i].clear();
            for (size_t e = 0; e < static_cast<size_t>(n_local_); e++) {
                const size_t off = (3 * e + i) * widest;
                if (from[i][e]) PMX_TRY(biases_.put(off, from[i][e], n_bytes));
                bias_pointers_[i].push_back(reinterpret_cast<float*>(biases_.at(off)));
            }
            *to[i] = bias_pointers_[i].data();
        }
        return {};
    }

    Status put_shared(const pmx_moe_weights_t& weights, pmx_moe_weights_t& there)
    {
        const void* const from[] = {weights.shared_gate, weights.shared_up, weights.shared_down, weights.shared_router};
        const void** const to[] = {&there.shared_gate, &there.shared_up, &there.shared_down, &there.shared_router};
        const size_t row_bytes = static_cast<size_t>(config_.hidden) * element_bytes(config_.dtype);
        const size_t matrix_bytes = static_cast<size_t>(config_.shared_intermediate) * row_bytes;
        PMX_TRY(shared_.want(3 * matrix_bytes + row_bytes));
        for (size_t i = 0; i < 4; i++) {
            if (!from[i]) continue;
            PMX_TRY(shared_.put(i * matrix_bytes, from[i], i == 3 ? row_bytes : matrix_bytes));
            *to[i] = shared_.at(i * matrix_bytes);
        }
        return {};
    }

    const bool as_graph_;
    pmx_moe_config_t config_ = {};
    pmx_moe_gpu_t moe_ = nullptr;
    pmx_moe_weights_t host_weights_ = {};
    int n_local_ = 0, n_tokens_ = 0;
    size_t y_bytes_ = 0;
    cudaStream_t stream_ = nullptr;
    cudaEvent_t begin_ = nullptr, end_ = nullptr;
    cudaGraphExec_t graph_ = nullptr;
    GpuMemory matrices_, shared_, biases_, x_, y_, ids_, weights_;
    std::vector<const void*> pointers_[3];
    std::vector<const float*> bias_pointers_[3];
};

}  // namespace

std::unique_ptr<MoeDevice> moe_gpu(bool graph) { return std::make_unique<Gpu>(graph); }

}  // namespace pmx::tools
