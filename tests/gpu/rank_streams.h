/* SPDX-License-Identifier: BSD-3-Clause */
/* rank_streams.h: the calls in the order of a stream, once by one and then as a graph. Part of ranks.cc. */
#pragma once

#include <cuda_runtime.h>

#include "pmx_cuda.h"
#include "pmx_gpu.h"
#include "rank_bodies.h"

/* What the kernel between two calls sees must be what the left neighbour sent in this lap. */
__global__ void stream_check(Report* report, const uint64_t* in, uint64_t* out, uint64_t* lap, uint64_t n_words,
                                    int left)
{
    for (uint64_t i = threadIdx.x; i < n_words; i += blockDim.x)
        if (in[i] != pattern(left, 0, *lap, i)) pmx::detail::fetch_add_relaxed(&report->n_wrong, 1u);
}
__global__ void stream_fill(uint64_t* out, uint64_t* lap, uint64_t n_words, int rank)
{
    if (threadIdx.x == 0) ++*lap;
    __syncthreads();
    for (uint64_t i = threadIdx.x; i < n_words; i += blockDim.x) out[i] = pattern(rank, 0, *lap, i);
}
__global__ void stream_status(Report* report, const int32_t* status, int n)
{
    for (int i = 0; i < n; i++)
        if (status[i]) {
            report->error = status[i];
            pmx::detail::fetch_add_relaxed(&report->n_errors, 1u);
        }
}

struct StreamRing {
    Report* report;
    int rank, n_ranks;
    uint64_t *out, *in, *sig, *lap;
    int32_t* status;
    static constexpr uint64_t n_words = 4099;

    /* A lap: what the neighbour sends is there behind its signal; the barrier lets it be overwritten. */
    int enqueue(cudaStream_t stream) const
    {
        int right = (rank + 1) % n_ranks, left = (rank + n_ranks - 1) % n_ranks;
        stream_fill<<<1, 128, 0, stream>>>(out, lap, n_words, rank);
        int err = pmx_put_signal_on_stream(PMX_CTX_DEFAULT, in, out, 8 * n_words, sig, 1, PMX_SIGNAL_ADD, right, status,
                                           stream);
        if (!err) err = pmx_signal_wait_on_stream(PMX_CTX_DEFAULT, sig, PMX_CMP_NE, 0, left, 0, status + 1, stream);
        stream_check<<<1, 128, 0, stream>>>(report, in, out, lap, n_words, left);
        cudaMemsetAsync(sig, 0, 8, stream);
        if (!err) err = pmx_quiet_on_stream(PMX_CTX_DEFAULT, status + 2, stream);
        if (!err) err = pmx_barrier_on_stream(status + 3, stream);
        stream_status<<<1, 1, 0, stream>>>(report, status, 4);
        return err;
    }
};

inline void stream_ring(Report* report, int rank, int n_ranks)
{
    void *out = nullptr, *in = nullptr, *words = nullptr;
    int err = pmx_gpu_malloc(8 * StreamRing::n_words, &out);
    if (!err) err = pmx_gpu_malloc(8 * StreamRing::n_words, &in);
    if (!err) err = pmx_gpu_malloc(64, &words);
    cudaStream_t stream = nullptr;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cudaMemsetAsync(words, 0, 64, stream);
    StreamRing ring{report, rank, n_ranks, (uint64_t*)out, (uint64_t*)in, (uint64_t*)words, (uint64_t*)words + 1,
                    (int32_t*)words + 8};
    cudaStreamSynchronize(stream);
    if (!err) err = pmx_barrier();
    for (int i = 0; i < 3 && !err; i++) err = ring.enqueue(stream);
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t runs = nullptr;
    cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal);
    if (!err) err = ring.enqueue(stream);
    cudaStreamEndCapture(stream, &graph);
    if (cudaGraphInstantiate(&runs, graph, 0) != cudaSuccess && !err) err = PMX_ERR_SYSTEM;
    for (int i = 0; i < 5 && !err; i++) cudaGraphLaunch(runs, stream);
    if (cudaStreamSynchronize(stream) != cudaSuccess && !err) err = PMX_ERR_SYSTEM;
    /* A launch that does not fit is refused, and says how much would. */
    void* no_args[1] = {nullptr};
    int too_many = pmx_launch_gpu((const void*)stream_status, dim3(1 << 24), dim3(32), no_args, 0, stream);
    if (!err && too_many != PMX_ERR_ARGUMENT) err = PMX_ERR_INTERNAL;
    if (err) {
        std::fprintf(stderr, "rank %d: streams: %s: %s\n", rank, pmx_error_string(err), pmx_last_error_detail());
        Report bad{1, 1, err};
        cudaMemcpy(report, &bad, sizeof bad, cudaMemcpyDefault);
    }
    if (runs) cudaGraphExecDestroy(runs);
    if (graph) cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
    for (void* p : {out, in, words}) (void)pmx_free(p);
}
