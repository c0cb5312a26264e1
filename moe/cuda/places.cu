/* SPDX-License-Identifier: BSD-3-Clause */
/* places.cu: a capacity sorts the choices by expert, and within one by what is dropped last: then a choice is over the
 * capacity when the one that many places before it is of the same expert. */
#include <bit>
#include <cub/device/device_radix_sort.cuh>

#include "moe/cuda/places.h"
#include "moe/expert_map.h"

namespace pmx::moe::gpu {

namespace {

constexpr int kThreads = 256;

/* Bits of a key: above, the expert, E for a choice of none; below, the weight, the larger the less. */
constexpr int kWeightBits = 32;
int key_bits(const Shape& shape) { return kWeightBits + std::bit_width((unsigned)shape.experts); }

cudaError_t sort_choices(const Shape& shape, const Placing& placing, void* sort, size_t& n_sort_bytes, int n,
                         cudaStream_t stream)
{
    /* Sorting keeps the order of equal keys: that of the tokens. */
    return cub::DeviceRadixSort::SortPairs(sort, n_sort_bytes, placing.keys[0], placing.keys[1], placing.choices[0],
                                           placing.choices[1], n, shape.drop_latest ? kWeightBits : 0, key_bits(shape),
                                           stream);
}

/* The largest weight first. NaN is below all numbers, and 0 is -0. */
__device__ uint32_t weight_key(float weight)
{
    const float value = isnan(weight) ? -INFINITY : weight + 0.0f;
    const uint32_t bits = __float_as_uint(value);
    return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

__global__ void make_keys(Placing placing, const int32_t* ids, const float* weights, uint32_t n, uint32_t n_experts)
{
    const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
    if (i >= n) return;
    const uint64_t expert = ids[i] < 0 ? n_experts : (uint32_t)ids[i];
    placing.keys[0][i] = expert << kWeightBits | (ids[i] < 0 ? 0 : weight_key(weights[i]));
    placing.choices[0][i] = i;
}

__device__ int32_t place_for(const Placing& placing, int32_t expert, int rank, uint32_t token)
{
    if (expert < 0 || !placing.mapped) return expert;
    return place_of(placing.first, placing.places, expert, rank, token);
}

__global__ void place_all(Placing placing, const int32_t* ids, uint32_t n, uint32_t top_k, int rank)
{
    const uint32_t i = blockIdx.x * kThreads + threadIdx.x;
    if (i < n) placing.choice_place[i] = place_for(placing, ids[i], rank, i / top_k);
}

/* Behind sort_choices. */
__global__ void place_sorted(Placing placing, const int32_t* ids, uint32_t n, Shape shape, int rank)
{
    const uint32_t at = blockIdx.x * kThreads + threadIdx.x;
    bool dropped = false;
    if (at < n) {
        const uint32_t i = placing.choices[1][at], capacity = (uint32_t)shape.capacity;
        auto expert_at = [&](uint32_t place) { return placing.keys[1][place] >> kWeightBits; };
        dropped = ids[i] >= 0 && at >= capacity && expert_at(at - capacity) == expert_at(at);
        placing.choice_place[i] = dropped ? -1 : place_for(placing, ids[i], rank, i / (uint32_t)shape.top_k);
    }
    const unsigned n_here = (unsigned)__syncthreads_count(dropped);
    if (threadIdx.x == 0 && n_here > 0) atomicAdd(placing.n_dropped, n_here);
}

}  // namespace

cudaError_t want_placing(const Shape& shape, DeviceMemory& memory, Placing* placing_out)
{
    memory.want(&placing_out->first, (size_t)shape.experts + 1);
    memory.want(&placing_out->places, (size_t)shape.places);
    memory.want(&placing_out->choice_place, shape.max_rows());
    memory.want(&placing_out->n_dropped, 1);
    if (shape.capacity >= shape.max_tokens) return cudaSuccess;
    for (int i = 0; i < 2; i++) {
        memory.want(&placing_out->keys[i], shape.max_rows());
        memory.want(&placing_out->choices[i], shape.max_rows());
    }
    cudaError_t err = sort_choices(shape, *placing_out, nullptr, placing_out->n_sort_bytes, (int)shape.max_rows(), nullptr);
    memory.want(&placing_out->sort, placing_out->n_sort_bytes);
    return err;
}

cudaError_t launch_placing(const Shape& shape, const Placing& placing, int rank, const int32_t* ids, const float* weights,
                           int n_tokens, const int32_t** places_out, cudaStream_t stream)
{
    const bool limited = n_tokens > shape.capacity; /* else no expert can be chosen more often */
    *places_out = ids;
    if (!limited && !placing.mapped) return cudaSuccess;
    *places_out = placing.choice_place;
    const uint32_t n = (uint32_t)n_tokens * (uint32_t)shape.top_k, n_blocks = (n + kThreads - 1) / kThreads;
    if (n == 0) return cudaSuccess;
    if (!limited) {
        place_all<<<n_blocks, kThreads, 0, stream>>>(placing, ids, n, (uint32_t)shape.top_k, rank);
        return cudaGetLastError();
    }
    make_keys<<<n_blocks, kThreads, 0, stream>>>(placing, ids, weights, n, (uint32_t)shape.experts);
    size_t n_sort_bytes = placing.n_sort_bytes;
    if (cudaError_t err = sort_choices(shape, placing, placing.sort, n_sort_bytes, (int)n, stream)) return err;
    place_sorted<<<n_blocks, kThreads, 0, stream>>>(placing, ids, n, shape, rank);
    return cudaGetLastError();
}

}  // namespace pmx::moe::gpu
