/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_cuda.h: launches of kernels whose blocks wait for other ranks. C and C++; needs the headers and the library of
 * CUDA, whose runtime knows the kernels of the program. */
#ifndef PMX_CUDA_H
#define PMX_CUDA_H

#include <cuda_runtime.h>
#include <stdio.h>

#include "pmx_gpu.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A failure of CUDA, as a code of pmx, with a line that names the call; 0 without one. */
static inline int pmx_cuda_report(const char *call, cudaError_t err)
{
    char line[160];
    if (err == cudaSuccess) return PMX_SUCCESS;
    (void)cudaGetLastError();
    snprintf(line, sizeof line, "%s: %s", call, cudaGetErrorString(err));
    return pmx_error_report(err == cudaErrorMemoryAllocation ? PMX_ERR_MEMORY : PMX_ERR_SYSTEM, line);
}

/* How many blocks of n_threads threads, each with shared_bytes of dynamic shared memory, run at the same time on the
 * current GPU: the share of this rank when several ranks have kernels there at the same time. */
static inline int pmx_gpu_fit(const void *kernel, int n_threads, size_t shared_bytes, int *n_blocks_out)
{
    pmx_gpu_info_t gpu;
    int device, n_sms, per_sm, err;
    if (!n_blocks_out) return pmx_error_report(PMX_ERR_ARGUMENT, "gpu_fit: n_blocks_out is NULL");
    gpu.size_bytes = sizeof gpu;
    if ((err = pmx_gpu_query(&gpu))) return err;
    if ((err = pmx_cuda_report("cudaGetDevice", cudaGetDevice(&device)))) return err;
    if ((err = pmx_cuda_report("cudaDeviceGetAttribute",
                               cudaDeviceGetAttribute(&n_sms, cudaDevAttrMultiProcessorCount, device))))
        return err;
    if ((err = pmx_cuda_report("cudaOccupancyMaxActiveBlocksPerMultiprocessor",
                               cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_sm, kernel, n_threads, shared_bytes))))
        return err;
    *n_blocks_out = n_sms / (gpu.shares ? gpu.n_ranks : 1) * per_sm;
    return PMX_SUCCESS;
}

/* Launches kernel(args...) in stream with all its blocks at the same time, so that they may wait for each other and for
 * other ranks; it may be captured. PMX_ERR_ARGUMENT: they do not fit, with how many do. */
static inline int pmx_launch_gpu(const void *kernel, dim3 n_blocks, dim3 n_threads, void **args, size_t shared_bytes,
                                 cudaStream_t stream)
{
    unsigned long long n = (unsigned long long)n_blocks.x * n_blocks.y * n_blocks.z;
    int fit, threads = (int)(n_threads.x * n_threads.y * n_threads.z);
    int err = pmx_gpu_fit(kernel, threads, shared_bytes, &fit);
    char line[200];
    if (err) return err;
    if (n == 0 || n > (unsigned long long)fit) {
        snprintf(line, sizeof line,
                 "launch_gpu: %llu blocks of %d threads and %zu bytes of shared memory, allowed 1..%d: no more run at "
                 "the same time",
                 n, threads, shared_bytes, fit);
        return pmx_error_report(PMX_ERR_ARGUMENT, line);
    }
    return pmx_cuda_report("cudaLaunchCooperativeKernel",
                           cudaLaunchCooperativeKernel(kernel, n_blocks, n_threads, args, shared_bytes, stream));
}

#ifdef __cplusplus
}
#endif
#endif /* PMX_CUDA_H */
