/* SPDX-License-Identifier: BSD-3-Clause */
/* One Mixture-of-Experts layer on the GPU, by pmx_moe_gpu.h alone: checks samples against the oracle and the bits of
 * repeated calls against each other, and prints the times as lines of JSON. Ranks under mpirun. */
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "pmx_cuda.h"
#include "pmx_moe_gpu.h"

namespace {

#define MUST(call)                                                                                         \
    do {                                                                                                   \
        if (int err_ = (call)) {                                                                           \
            std::fprintf(stderr, "%s: %s: %s\n", #call, pmx_error_string(err_), pmx_last_error_detail()); \
            std::exit(1);                                                                                  \
        }                                                                                                  \
    } while (0)
#define MUST_CUDA(call) MUST(pmx_cuda_report(#call, call))

struct Options {
    int hidden = 2048, intermediate = 768, experts = 128, top_k = 8, n_iters = 20, n_blocks = 0, n_samples = 8;
    int activation = PMX_MOE_SWIGLU, biases = 0;
    double skew = 0; /* exponent of Zipf's law over the experts; 0: all alike */
    std::vector<int> tokens = {64, 512, 2048, 8192};
};

/* Element i of a matrix: uniform in -scale .. scale, the same wherever it is made. */
__global__ void fill(uint16_t* out, uint64_t n, uint64_t seed, float scale)
{
    for (uint64_t i = blockIdx.x * (uint64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (uint64_t)blockDim.x) {
        uint64_t h = (i + seed * 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
        h = (h ^ h >> 31) * 0x94d049bb133111ebull;
        float value = ((float)(h >> 40) * 0x1p-23f - 1.0f) * scale;
        out[i] = (uint16_t)(__float_as_uint(value) >> 16);
    }
}

template <typename T>
T* gpu_array(size_t n)
{
    void* p = nullptr;
    MUST_CUDA(cudaMalloc(&p, std::max<size_t>(n, 1) * sizeof(T)));
    return (T*)p;
}

class Bench {
  public:
    explicit Bench(const Options& options) : o_(options)
    {
        MUST(pmx_rank(&rank_));
        MUST(pmx_size(&size_));
        MUST_CUDA(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
        config_.size_bytes = sizeof config_;
        config_.hidden = o_.hidden;
        config_.intermediate = o_.intermediate;
        config_.experts = o_.experts;
        config_.top_k = o_.top_k;
        config_.max_tokens = *std::max_element(o_.tokens.begin(), o_.tokens.end());
        config_.dtype = PMX_MOE_BF16;
        config_.n_blocks = (unsigned)o_.n_blocks;
        config_.activation = (pmx_moe_activation_t)o_.activation;
        MUST(pmx_moe_gpu_create(&config_, nullptr, &moe_));
        make_weights();
        const size_t n = (size_t)config_.max_tokens;
        x_ = gpu_array<uint16_t>(n * (size_t)o_.hidden);
        y_ = gpu_array<uint16_t>(n * (size_t)o_.hidden);
        ids_ = gpu_array<int32_t>(n * (size_t)o_.top_k);
        weights_ = gpu_array<float>(n * (size_t)o_.top_k);
        host_fill(x_, n * (size_t)o_.hidden, 1000000 + (uint64_t)rank_, 1.0f);
    }
    ~Bench()
    {
        MUST(pmx_moe_gpu_free(moe_));
    }

    int run()
    {
        int n_wrong = 0;
        for (int n : o_.tokens) n_wrong += !measure(n);
        return n_wrong != 0;
    }

  private:
    static void host_fill(uint16_t* out, size_t n, uint64_t seed, float scale)
    {
        fill<<<1024, 256>>>(out, n, seed, scale);
        MUST_CUDA(cudaGetLastError());
    }
    size_t matrix() const { return (size_t)o_.hidden * (size_t)o_.intermediate; }
    void fill_expert(int expert, uint16_t* gate, uint16_t* up, uint16_t* down) const
    {
        const float in = std::sqrt(3.0f / (float)o_.hidden), mid = std::sqrt(3.0f / (float)o_.intermediate);
        host_fill(gate, matrix(), 3 * (uint64_t)expert, in);
        host_fill(up, matrix(), 3 * (uint64_t)expert + 1, in);
        host_fill(down, matrix(), 3 * (uint64_t)expert + 2, mid);
    }
    void make_weights()
    {
        const int n = o_.experts / size_;
        std::vector<const void*> gate, up, down;
        for (int e = 0; e < n; e++) {
            uint16_t* all = gpu_array<uint16_t>(3 * matrix());
            fill_expert(rank_ * n + e, all, all + matrix(), all + 2 * matrix());
            gate.push_back(all);
            up.push_back(all + matrix());
            down.push_back(all + 2 * matrix());
        }
        pmx_moe_weights_t weights{};
        weights.size_bytes = sizeof weights;
        weights.gate = gate.data();
        weights.up = up.data();
        weights.down = down.data();
        if (o_.biases) make_biases(weights);
        MUST_CUDA(cudaDeviceSynchronize());
        MUST(pmx_moe_gpu_set_weights(moe_, &weights));
    }

    float bias(int expert, int kind, int row) const
    {
        return (float)((expert * 31 + kind * 17 + row) % 29 - 14) * 0.02f;
    }
    /* Of the local experts on the GPU, of all on the host. */
    void make_biases(pmx_moe_weights_t& weights)
    {
        const int rows[] = {o_.intermediate, o_.intermediate, o_.hidden}, n = o_.experts / size_;
        for (int kind = 0; kind < 3; kind++)
            for (int e = 0; e < o_.experts; e++) {
                std::vector<float>& values = host_biases_[kind].emplace_back();
                for (int row = 0; row < rows[kind]; row++) values.push_back(bias(e, kind, row));
                if (e / n != rank_) continue;
                float* there = gpu_array<float>(values.size());
                MUST_CUDA(cudaMemcpy(there, values.data(), values.size() * 4, cudaMemcpyHostToDevice));
                biases_[kind].push_back(there);
            }
        weights.gate_bias = biases_[0].data();
        weights.up_bias = biases_[1].data();
        weights.down_bias = biases_[2].data();
    }

    void make_routing(int n_tokens)
    {
        std::mt19937 random(17u * (unsigned)rank_ + (unsigned)n_tokens);
        std::vector<double> chance((size_t)o_.experts);
        for (size_t e = 0; e < chance.size(); e++) chance[e] = std::pow((double)e + 1, -o_.skew);
        std::discrete_distribution<int> expert(chance.begin(), chance.end());
        std::uniform_real_distribution<float> weight(0.05f, 0.25f);
        host_ids_.clear();
        host_weights_.clear();
        for (int t = 0; t < n_tokens; t++) {
            const size_t first = host_ids_.size();
            while (host_ids_.size() < first + (size_t)o_.top_k) {
                int id = expert(random);
                if (std::find(host_ids_.begin() + (long)first, host_ids_.end(), id) != host_ids_.end()) continue;
                host_ids_.push_back(id);
                host_weights_.push_back(weight(random));
            }
        }
        MUST_CUDA(cudaMemcpy(ids_, host_ids_.data(), host_ids_.size() * 4, cudaMemcpyHostToDevice));
        MUST_CUDA(cudaMemcpy(weights_, host_weights_.data(), host_weights_.size() * 4, cudaMemcpyHostToDevice));
    }

    std::vector<uint16_t> result(int n_tokens)
    {
        std::vector<uint16_t> y((size_t)n_tokens * (size_t)o_.hidden);
        MUST_CUDA(cudaMemcpy(y.data(), y_, y.size() * 2, cudaMemcpyDeviceToHost));
        return y;
    }
    std::vector<uint16_t> forward(int n_tokens)
    {
        MUST_CUDA(cudaMemset(y_, 0xff, (size_t)n_tokens * (size_t)o_.hidden * 2));
        MUST(pmx_moe_gpu_forward_routed(moe_, x_, n_tokens, ids_, weights_, y_, stream_));
        MUST_CUDA(cudaDeviceSynchronize());
        MUST(pmx_moe_gpu_status(moe_));
        return result(n_tokens);
    }

    /* A call as a graph, which may be launched again and again. */
    cudaGraphExec_t capture(int n_tokens)
    {
        cudaGraph_t graph;
        cudaGraphExec_t executable;
        MUST_CUDA(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
        MUST(pmx_moe_gpu_forward_routed(moe_, x_, n_tokens, ids_, weights_, y_, stream_));
        MUST_CUDA(cudaStreamEndCapture(stream_, &graph));
        MUST_CUDA(cudaGraphInstantiate(&executable, graph, 0));
        MUST_CUDA(cudaGraphDestroy(graph));
        return executable;
    }

    /* Microseconds of each, in ascending order; all ranks begin together. */
    template <typename Launch>
    std::vector<double> time_calls(Launch launch)
    {
        cudaEvent_t begin, end;
        MUST_CUDA(cudaEventCreate(&begin));
        MUST_CUDA(cudaEventCreate(&end));
        std::vector<double> laps;
        for (int i = 0; i < o_.n_iters; i++) {
            if (size_ > 1) MUST(pmx_barrier());
            MUST_CUDA(cudaEventRecord(begin, stream_));
            launch();
            MUST_CUDA(cudaEventRecord(end, stream_));
            MUST_CUDA(cudaEventSynchronize(end));
            float ms = 0;
            MUST_CUDA(cudaEventElapsedTime(&ms, begin, end));
            laps.push_back(ms * 1000.0);
        }
        MUST_CUDA(cudaEventDestroy(begin));
        MUST_CUDA(cudaEventDestroy(end));
        std::sort(laps.begin(), laps.end());
        return laps;
    }

    static int fetch(void* arg, int expert, const void** gate_out, const void** up_out, const void** down_out)
    {
        Bench& self = *(Bench*)arg;
        const size_t n = self.matrix();
        if (!self.scratch_) self.scratch_ = gpu_array<uint16_t>(3 * n);
        self.host_scratch_.resize(3 * n);
        self.fill_expert(expert, self.scratch_, self.scratch_ + n, self.scratch_ + 2 * n);
        MUST_CUDA(cudaMemcpy(self.host_scratch_.data(), self.scratch_, 6 * n, cudaMemcpyDeviceToHost));
        *gate_out = self.host_scratch_.data();
        *up_out = self.host_scratch_.data() + n;
        *down_out = self.host_scratch_.data() + 2 * n;
        return PMX_SUCCESS;
    }

    /* Of the sampled tokens, norm-wise. */
    double error_of(const std::vector<uint16_t>& y, int n_tokens)
    {
        const int n = std::min(n_tokens, o_.n_samples);
        if (n == 0) return 0;
        const size_t hidden = (size_t)o_.hidden, k = (size_t)o_.top_k;
        std::vector<uint16_t> x((size_t)n * hidden);
        std::vector<int32_t> ids;
        std::vector<float> weights;
        std::vector<size_t> samples;
        for (int i = 0; i < n; i++) {
            const size_t t = (size_t)i * (size_t)(n_tokens - 1) / (size_t)std::max(n - 1, 1);
            samples.push_back(t);
            MUST_CUDA(cudaMemcpy(x.data() + (size_t)i * hidden, x_ + t * hidden, hidden * 2, cudaMemcpyDeviceToHost));
            ids.insert(ids.end(), host_ids_.begin() + (long)(t * k), host_ids_.begin() + (long)((t + 1) * k));
            weights.insert(weights.end(), host_weights_.begin() + (long)(t * k), host_weights_.begin() + (long)((t + 1) * k));
        }
        std::vector<double> want((size_t)n * hidden);
        std::vector<const float*> biases[3];
        pmx_moe_weights_t all{};
        all.size_bytes = sizeof all;
        for (int kind = 0; kind < 3 && o_.biases; kind++)
            for (const std::vector<float>& values : host_biases_[kind]) biases[kind].push_back(values.data());
        all.gate_bias = o_.biases ? biases[0].data() : nullptr;
        all.up_bias = o_.biases ? biases[1].data() : nullptr;
        all.down_bias = o_.biases ? biases[2].data() : nullptr;
        MUST(pmx_moe_reference_layer(&config_, &all, fetch, this, x.data(), n, ids.data(), weights.data(), want.data()));
        double off = 0, norm = 0;
        for (size_t i = 0; i < want.size(); i++) {
            const uint32_t bits = (uint32_t)y[samples[i / hidden] * hidden + i % hidden] << 16;
            float got;
            std::memcpy(&got, &bits, 4);
            off += (got - want[i]) * (got - want[i]);
            norm += want[i] * want[i];
        }
        return std::sqrt(off / norm);
    }

    bool measure(int n_tokens)
    {
        make_routing(n_tokens);
        MUST(pmx_barrier());
        const std::vector<uint16_t> y = forward(n_tokens), again = forward(n_tokens);
        const double error = error_of(y, n_tokens);
        MUST(pmx_barrier());
        const std::vector<double> laps = time_calls([&] {
            MUST(pmx_moe_gpu_forward_routed(moe_, x_, n_tokens, ids_, weights_, y_, stream_));
        });
        cudaGraphExec_t graph = capture(n_tokens);
        const std::vector<double> graph_laps = time_calls([&] { MUST_CUDA(cudaGraphLaunch(graph, stream_)); });
        MUST(pmx_moe_gpu_status(moe_));
        const std::vector<uint16_t> replayed = result(n_tokens);
        MUST_CUDA(cudaGraphExecDestroy(graph));
        pmx_moe_gpu_times_t times{};
        times.size_bytes = sizeof times;
        MUST(pmx_moe_gpu_times_get(moe_, &times));
        const double us = laps[laps.size() / 2], graph_us = graph_laps[graph_laps.size() / 2];
        const double flop = 6.0 * n_tokens * o_.top_k * (double)matrix();
        const bool same_bits = y == again && y == replayed, good = error < 1e-2 && same_bits;
        std::printf("{\"benchmark\": \"moe_gpu\", \"rank\": %d, \"ranks\": %d, \"hidden\": %d, \"intermediate\": %d, "
                    "\"experts\": %d, \"top_k\": %d, \"tokens\": %d, \"skew\": %g, \"us\": %.1f, \"us_min\": %.1f, \"graph_us\": %.1f, "
                    "\"tflops\": %.1f, \"packed_us\": %.1f, \"multiplied_us\": %.1f, \"combined_us\": %.1f, \"error\": %.5f, \"bitwise\": %s, \"ok\": %s}\n",
                    rank_, size_, o_.hidden, o_.intermediate, o_.experts, o_.top_k, n_tokens, o_.skew, us, laps[0], graph_us,
                    flop / us * 1e-6, (double)(times.packed_ns - times.begun_ns) * 1e-3,
                    (double)(times.multiplied_ns - times.begun_ns) * 1e-3,
                    (double)(times.combined_ns - times.begun_ns) * 1e-3, error, same_bits ? "true" : "false", good ? "true" : "false");
        std::fflush(stdout);
        return good;
    }

    const Options o_;
    int rank_ = 0, size_ = 1;
    cudaStream_t stream_ = nullptr;
    pmx_moe_config_t config_{};
    pmx_moe_gpu_t moe_ = nullptr;
    uint16_t *x_ = nullptr, *y_ = nullptr, *scratch_ = nullptr;
    int32_t* ids_ = nullptr;
    float* weights_ = nullptr;
    std::vector<int32_t> host_ids_;
    std::vector<float> host_weights_;
    std::vector<uint16_t> host_scratch_;
    std::vector<std::vector<float>> host_biases_[3];
    std::vector<const float*> biases_[3];
};

int usage()
{
    std::fprintf(stderr, "usage: moe [--hidden H] [--intermediate I] [--experts E] [--top-k K] [--tokens T,...] "
                         "[--iters N] [--blocks N] [--skew S] [--samples N] [--activation NUMBER] [--biases 0|1]\n");
    return 2;
}

}  // namespace

int main(int argc, char** argv)
{
    Options o;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string arg = argv[i];
        const int value = std::atoi(argv[i + 1]);
        if (arg == "--hidden") o.hidden = value;
        else if (arg == "--intermediate") o.intermediate = value;
        else if (arg == "--experts") o.experts = value;
        else if (arg == "--top-k") o.top_k = value;
        else if (arg == "--iters") o.n_iters = value;
        else if (arg == "--blocks") o.n_blocks = value;
        else if (arg == "--samples") o.n_samples = value;
        else if (arg == "--activation") o.activation = value;
        else if (arg == "--biases") o.biases = value;
        else if (arg == "--skew") o.skew = std::atof(argv[i + 1]);
        else if (arg == "--tokens") {
            o.tokens.clear();
            for (char* p = argv[i + 1]; *p; p += *p == ',') o.tokens.push_back((int)std::strtol(p, &p, 10));
        } else return usage();
    }
    if (argc % 2 == 0) return usage();
    MUST(pmx_param_set("GPU", "cuda"));
    MUST(pmx_init());
    const int status = Bench(o).run();
    MUST(pmx_finalize());
    return status;
}
