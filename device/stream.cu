/* SPDX-License-Identifier: BSD-3-Clause */
#include "stream.h"

#include <cuda_runtime.h>

namespace pmx {

namespace {

/* One thread makes the call. */
template <typename Body>
__global__ void one_thread(Body body, int32_t* status)
{
    int err = body();
    if (status) detail::store_release(status, (int32_t)err);
}

template <typename Body>
const char* launch(const Body& body, int32_t* status, CUstream_st* stream)
{
    one_thread<<<1, 1, 0, stream>>>(body, status);
    cudaError_t err = cudaGetLastError();
    return err == cudaSuccess ? nullptr : cudaGetErrorString(err);
}

struct PutSignal {
    pmx_device_ctx_t ctx;
    void* dst_sym;
    const void* src_sym;
    uint64_t n_bytes;
    uint64_t* sig_sym;
    uint64_t value;
    pmx_sigop_t op;
    int dst_rank;

    __device__ int operator()() const
    {
        return put_signal(thread, ctx, dst_sym, src_sym, n_bytes, sig_sym, value, op, dst_rank);
    }
};

struct SignalWait {
    pmx_device_ctx_t ctx;
    const uint64_t* sig_sym;
    pmx_cmp_t cmp;
    uint64_t value;
    int from_rank;
    uint64_t timeout_ns;

    __device__ int operator()() const
    {
        return signal_wait(thread, ctx, sig_sym, cmp, value, from_rank, timeout_ns);
    }
};

struct Quiet {
    pmx_device_ctx_t ctx;

    __device__ int operator()() const { return quiet(thread, ctx); }
};

/* By dissemination: after round r this rank has heard, by way of others, from 2^(r+1) ranks. */
struct Barrier {
    pmx_device_ctx_t ctx;
    BarrierCells* cells_sym;

    __device__ int operator()() const
    {
        uint64_t epoch = ++cells_sym->epoch;
        for (int round = 0; (1 << round) < ctx.size; round++) {
            uint64_t* in = &cells_sym->in[round];
            int to = (ctx.rank + (1 << round)) % ctx.size;
            if (int err = signal_set(thread, ctx, in, epoch, to)) return err;
            if (int err = signal_wait(thread, ctx, in, PMX_CMP_GE, epoch)) return err;
        }
        return PMX_SUCCESS;
    }
};

template <typename Body>
cudaError_t load()
{
    cudaFuncAttributes attributes;
    return cudaFuncGetAttributes(&attributes, one_thread<Body>);
}

}  // namespace

const char* stream_load()
{
    for (cudaError_t err : {load<PutSignal>(), load<SignalWait>(), load<Quiet>(), load<Barrier>()})
        if (err != cudaSuccess) return cudaGetErrorString(err);
    return nullptr;
}

/* The copy engine of the GPU moves what kernels could store themselves; the signal's kernel comes behind it. */
const char* stream_put_signal(const pmx_device_ctx_t& view, void* dst_sym, const void* src_sym, uint64_t n_bytes,
                         void* direct, uint64_t* sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank,
                         int32_t* status, CUstream_st* stream)
{
    if (direct && n_bytes) {
        cudaError_t err = cudaMemcpyAsync(direct, src_sym, n_bytes, cudaMemcpyDefault, stream);
        if (err != cudaSuccess) return cudaGetErrorString(err);
        n_bytes = 0;
    }
    return launch(PutSignal{view, dst_sym, src_sym, n_bytes, sig_sym, value, op, dst_rank}, status, stream);
}

const char* stream_signal_wait(const pmx_device_ctx_t& view, const uint64_t* sig_sym, pmx_cmp_t cmp, uint64_t value,
                          int from_rank, uint64_t timeout_ns, int32_t* status, CUstream_st* stream)
{
    return launch(SignalWait{view, sig_sym, cmp, value, from_rank, timeout_ns}, status, stream);
}

const char* stream_quiet(const pmx_device_ctx_t& view, int32_t* status, CUstream_st* stream)
{
    return launch(Quiet{view}, status, stream);
}

const char* stream_barrier(const pmx_device_ctx_t& view, BarrierCells* cells_sym, int32_t* status, CUstream_st* stream)
{
    return launch(Barrier{view, cells_sym}, status, stream);
}

}  // namespace pmx
