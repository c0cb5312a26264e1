/* SPDX-License-Identifier: BSD-3-Clause */
/* memory.h: the arrays of a layer, in one piece of GPU memory. */
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>
#include <vector>

#include "pmx_cuda.h"

namespace pmx::moe::gpu {

class DeviceMemory {
  public:
    DeviceMemory() = default;
    ~DeviceMemory() { cudaFree(base_); }
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    /* allocate will make *array_out point to n elements, aligned to 256 bytes. */
    template <typename T>
    void want(T** array_out, size_t n)
    {
        wanted_.emplace_back((void**)array_out, n_bytes_);
        n_bytes_ += (n * sizeof(T) + 255) & ~(size_t)255;
    }
    size_t n_bytes() const { return n_bytes_; }
    /* All bytes are 0. */
    int allocate()
    {
        if (int err = pmx_cuda_report("cudaMalloc", cudaMalloc(&base_, n_bytes_))) return err;
        for (auto& [array, off] : wanted_) *array = (char*)base_ + off;
        return pmx_cuda_report("cudaMemset", cudaMemset(base_, 0, n_bytes_));
    }

  private:
    void* base_ = nullptr;
    size_t n_bytes_ = 0;
    std::vector<std::pair<void**, size_t>> wanted_;
};

}  // namespace pmx::moe::gpu
