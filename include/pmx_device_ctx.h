/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_device_ctx.h: the view of a context that kernels use, and where its addresses lie. Part of pmx_device.h. */
#ifndef PMX_DEVICE_CTX_H
#define PMX_DEVICE_CTX_H

#include "pmx.h"
#include "pmx_command.h"

/* How many queues and ranks a kernel finds in its own arguments. */
#define PMX_DEVICE_NEAR_QUEUES 4
#define PMX_DEVICE_NEAR_RANKS 8

extern "C" {

/* The view of a context that kernels use. Plain data, copied freely; valid until the context is freed. */
typedef struct pmx_device_ctx {
    size_t size_bytes;
    int rank;
    int size;
    int signals; /* pmx_signals_t */
    unsigned n_queues;
    const pmx_device_queue_t *queues; /* n_queues; that of dst_rank is dst_rank % n_queues */
    char *heap_base;
    uint64_t heap_bytes;
    char *const *peer_base; /* [size] where this process maps the heap of each rank; NULL: by the proxy */
    /* The same for the heap of GPU memory; 0 bytes where this view has none. A rank has both addresses or none. */
    char *gpu_base;
    uint64_t gpu_bytes;
    char *const *gpu_peer_base;
    /* Writer: proxy or any thread, release, once; 0, or the PMX_ERR_* for which all waits must end.
     * Readers: every wait, acquire. */
    int32_t *fault;
    /* Writer: proxy, release. Readers: waits. [size] 1: the rank has failed; never goes back. */
    const uint32_t *peer_failed;
    /* Writer: proxy, release, after peer_failed. Readers: waits for any rank. How many have failed. */
    const uint32_t *n_failed;
    uint64_t timeout_ns; /* bound of every wait that does not bring its own */
    /* Views for a GPU: the begin of the tables, where kernels read it at once. */
    pmx_device_queue_t near_queues[PMX_DEVICE_NEAR_QUEUES];
    char *near_peer_base[PMX_DEVICE_NEAR_RANKS];
    char *near_gpu_peer_base[PMX_DEVICE_NEAR_RANKS];
    /* Bit r: the heap of GPU memory of rank r lies on the GPU of the kernels that have this view, and only kernels of
     * that GPU acquire signals in it. */
    uint32_t near_one_gpu;
    /* Called with progress_arg by a host thread at each turn of a wait, so that it moves data itself; NULL: the proxy
     * alone does. Any number of threads at a time. Returns whether anything moved. Not for kernels of a GPU. */
    int (*progress)(void *arg);
    void *progress_arg;
} pmx_device_ctx_t;
}

namespace pmx {

using Ctx = pmx_device_ctx_t;

namespace detail {

PMX_HOST_DEVICE inline bool in_gpu_heap(const Ctx& ctx, const void* p)
{
    return (uint64_t)((const char*)p - ctx.gpu_base) < ctx.gpu_bytes;
}
/* Whether n_bytes from p on lie in the heap of host memory, or in that of GPU memory. No branch: a GPU would fetch the
 * fields of ctx one after the other. */
PMX_HOST_DEVICE inline bool in_heap(const Ctx& ctx, const void* p, uint64_t n_bytes)
{
    uint64_t host_off = (uint64_t)((const char*)p - ctx.heap_base);
    uint64_t gpu_off = (uint64_t)((const char*)p - ctx.gpu_base);
    bool in_host = (host_off <= ctx.heap_bytes) & (n_bytes <= ctx.heap_bytes - host_off);
    bool in_gpu = (gpu_off < ctx.gpu_bytes) & (n_bytes <= ctx.gpu_bytes - gpu_off);
    return in_host | in_gpu;
}
/* As commands name it. p: in a heap. */
PMX_HOST_DEVICE inline uint64_t heap_off(const Ctx& ctx, const void* p)
{
    if (in_gpu_heap(ctx, p)) return PMX_CMD_GPU_HEAP + (uint64_t)((const char*)p - ctx.gpu_base);
    return (uint64_t)((const char*)p - ctx.heap_base);
}

/* Where this process maps both heaps of rank; NULL: only the proxy gets there. */
struct Bases {
    char *host, *gpu;
};
PMX_HOST_DEVICE inline Bases bases_of(const Ctx& ctx, int rank)
{
#ifdef __CUDA_ARCH__
    if (rank < PMX_DEVICE_NEAR_RANKS) return {ctx.near_peer_base[rank], ctx.near_gpu_peer_base[rank]};
#endif
    return {ctx.peer_base[rank], ctx.gpu_bytes ? ctx.gpu_peer_base[rank] : nullptr};
}
/* p, of a heap of this rank, at rank; where bases.host is NULL the result means nothing. */
PMX_HOST_DEVICE inline char* moved(const Ctx& ctx, const Bases& bases, const void* p)
{
    uint64_t by_host = (uint64_t)(bases.host - ctx.heap_base), by_gpu = (uint64_t)(bases.gpu - ctx.gpu_base);
    bool gpu = in_gpu_heap(ctx, p);
#ifdef __CUDA_ARCH__
    asm volatile("" : "+l"(by_host), "+l"(by_gpu)); /* both are there before one is chosen */
#endif
    return (char*)p + (gpu ? by_gpu : by_host);
}
PMX_HOST_DEVICE inline pmx_device_queue_t queue_of(const Ctx& ctx, int rank)
{
    unsigned i = (unsigned)rank;
    if (i >= ctx.n_queues) i %= ctx.n_queues; /* a division is slow on a GPU */
#ifdef __CUDA_ARCH__
    if (i < PMX_DEVICE_NEAR_QUEUES) return ctx.near_queues[i];
#endif
    return ctx.queues[i];
}

}  // namespace detail
}  // namespace pmx

#endif /* PMX_DEVICE_CTX_H */
