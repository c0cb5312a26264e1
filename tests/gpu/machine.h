/* SPDX-License-Identifier: BSD-3-Clause */
/* machine.h: what the device tests run on: a GPU (machine_gpu.cc, and nvcc compiles the tests), or host threads that
 * play its blocks (machine_host.cc, g++). */
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "pmx_device.h"

namespace pmx {
struct QueueMemory;
}

/* Exit with 77 and the reason where the tests cannot run. */
void machine_open();
/* Zeroed memory that CPU and kernels share, or that is near to the kernels. Exit with 99 when there is none. */
std::shared_ptr<void> shared_memory(size_t n_bytes);
std::shared_ptr<void> near_memory(size_t n_bytes);
pmx::QueueMemory queue_memory(uint64_t capacity);
/* The view for kernels; keep holds what it points at. */
pmx_device_ctx_t kernel_view(const pmx_device_ctx_t& host, std::shared_ptr<void>& keep);
void copy_near(void* to, const void* from, size_t n_bytes); /* between the CPU and near memory */

#ifdef __CUDACC__

#include <cuda_runtime.h>

#include <string>

/* Whether memory of the GPU is given as a dma-buf of its size, or refused with a reason. found_out: which. */
bool dmabuf_is_right(std::string& found_out);

constexpr bool on_gpu = true;

template <typename Body>
__global__ void run_body(Body body)
{
    body();
}

/* A kernel under way. wait() ends the program when it takes longer than a minute. */
class Launch {
  public:
    template <typename Body>
    Launch(const Body& body, unsigned n_blocks, unsigned n_threads)
    {
        must(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
        run_body<<<n_blocks, n_threads, 0, stream_>>>(body);
        must(cudaGetLastError());
    }
    ~Launch() { wait(); }
    void wait()
    {
        if (!stream_) return;
        auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        cudaError_t err;
        while ((err = cudaStreamQuery(stream_)) == cudaErrorNotReady && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        must(err);
        must(cudaStreamDestroy(stream_));
        stream_ = nullptr;
    }

  private:
    static void must(cudaError_t err)
    {
        if (err == cudaSuccess) return;
        std::printf("FAIL: kernel: %s\n", cudaGetErrorString(err));
        std::fflush(stdout);
        std::_Exit(1);
    }
    cudaStream_t stream_ = nullptr;
};

#else

constexpr bool on_gpu = false;

class Launch {
  public:
    template <typename Body>
    Launch(const Body& body, unsigned n_blocks, unsigned n_threads)
        : thread_([body, n_blocks, n_threads] {
              auto run = [](void* p) { (*static_cast<const Body*>(p))(); };
              if (pmx_launch(run, n_blocks, n_threads, const_cast<Body*>(&body))) std::abort();
          })
    {
    }
    ~Launch() { wait(); }
    void wait()
    {
        if (thread_.joinable()) thread_.join();
    }

  private:
    std::thread thread_;
};

#endif
