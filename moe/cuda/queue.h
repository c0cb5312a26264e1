/* SPDX-License-Identifier: BSD-3-Clause */
/* queue.h: what threads do with the words of state.h. Code of the GPU only. */
#pragma once

#include <cuda/atomic>

#include "moe/cuda/state.h"

namespace pmx::moe::gpu {

template <typename T>
using GpuWord = cuda::atomic_ref<T, cuda::thread_scope_device>;

template <typename T>
__device__ inline T load_acquire(T& word)
{
    return GpuWord<T>(word).load(cuda::memory_order_acquire);
}
template <typename T>
__device__ inline T load_relaxed(T& word)
{
    return GpuWord<T>(word).load(cuda::memory_order_relaxed);
}
template <typename T>
__device__ inline void store_release(T& word, T value)
{
    GpuWord<T>(word).store(value, cuda::memory_order_release);
}
/* Acquire and release: the last of many to add has seen what all of them did before. Returns the value before. */
template <typename T>
__device__ inline T add_acq_rel(T& word, T value)
{
    return GpuWord<T>(word).fetch_add(value, cuda::memory_order_acq_rel);
}
template <typename T>
__device__ inline T add_relaxed(T& word, T value)
{
    return GpuWord<T>(word).fetch_add(value, cuda::memory_order_relaxed);
}

__device__ inline void report(Work& work, int err)
{
    int32_t none = PMX_SUCCESS;
    GpuWord<int32_t>(work.error).compare_exchange_strong(none, err, cuda::memory_order_relaxed);
}
__device__ inline bool stopped(Work& work) { return load_acquire(work.stop) != 0; }

/* What the calling thread has done before is seen by who takes the entry. */
__device__ inline void append(const Layer& layer, QueueName name, uint32_t value)
{
    const Queue& queue = layer.queues[name];
    QueueState& state = layer.work->queues[name];
    const uint32_t at = add_relaxed(state.n_appended, 1u);
    if (at >= queue.capacity) {
        report(*layer.work, PMX_ERR_INTERNAL);
        return;
    }
    store_release(queue.entries[at], value + 1);
    add_relaxed(state.n_ready, (int32_t)queue.n_units);
}

/* The same by a warp, for the lanes that have something. */
__device__ inline void append_some(const Layer& layer, QueueName name, bool mine, uint32_t value)
{
    const uint32_t lanes = __ballot_sync(~0u, mine), n = (uint32_t)__popc((int)lanes);
    if (n == 0) return;
    const Queue& queue = layer.queues[name];
    QueueState& state = layer.work->queues[name];
    const uint32_t lane = pmx::ptx::lane_number();
    uint32_t first = lane == 0 ? add_relaxed(state.n_appended, n) : 0;
    first = __shfl_sync(~0u, first, 0);
    if (first + n > queue.capacity) {
        report(*layer.work, PMX_ERR_INTERNAL);
        return;
    }
    if (mine) store_release(queue.entries[first + (uint32_t)__popc((int)(lanes & pmx::ptx::lanes_below()))], value + 1);
    __syncwarp();
    if (lane == 0) add_relaxed(state.n_ready, (int32_t)(n * queue.n_units));
}

/* A hint that spares takers the rest. */
__device__ inline bool may_take(const Layer& layer, QueueName name)
{
    return load_relaxed(layer.work->queues[name].n_ready) > 0;
}

/* Takes up to n_most units, of the oldest entries that have some left, and returns how many; they are numbers
 * *first_out and up. Adding alone, without a compare-and-swap, so that no taker holds up another. */
__device__ inline uint32_t take(const Layer& layer, QueueName name, uint32_t n_most, uint32_t* first_out)
{
    QueueState& state = layer.work->queues[name];
    const int32_t before = add_relaxed(state.n_ready, -(int32_t)n_most);
    const int32_t n = before <= 0 ? 0 : before < (int32_t)n_most ? before : (int32_t)n_most;
    if (n != (int32_t)n_most) add_relaxed(state.n_ready, (int32_t)n_most - n);
    if (n > 0) *first_out = add_relaxed(state.n_taken, (uint32_t)n);
    return (uint32_t)n;
}

/* The entry of a unit that was taken: acquires what was done before it was appended. */
__device__ inline uint32_t entry_of(const Layer& layer, QueueName name, uint32_t unit)
{
    const Queue& queue = layer.queues[name];
    uint32_t value;
    /* It may stand behind others whose appending thread is a moment late. */
    while ((value = load_acquire(queue.entries[unit / queue.n_units])) == 0) {
    }
    return value - 1;
}

/* The i-th place in the order of dispatch: those of the next rank first, the own ones last. */
__device__ inline int place_in_order(const Layer& layer, int i)
{
    const int own_end = (layer.rank + 1) * layer.shape.local_experts, place = own_end + i;
    return place < layer.shape.places ? place : place - layer.shape.places;
}

}  // namespace pmx::moe::gpu
