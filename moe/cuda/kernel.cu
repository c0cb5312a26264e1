/* SPDX-License-Identifier: BSD-3-Clause */
/* kernel.cu: the persistent kernel of the layer, for sm_90a. Block 0 schedules, block 1 helps it and moves rows; all
 * others work in pairs (pipe.h, produce.h, multiply.h, move.h). */
#include "moe/cuda/kernel.h"

#include "moe/cuda/multiply.h"
#include "moe/cuda/produce.h"
#include "moe/cuda/schedule.h"

namespace pmx::moe::gpu {

namespace {

/* Other GPUs are compiled for, too, and get an empty kernel, which layer.cc does not launch. */
#ifdef __CUDA_ARCH_FEAT_SM90_ALL

/* The second block of the pair that schedules: the first half of its warps move rows, the second count results. */
struct MovingBlock {
    static constexpr int kWarps = 6;
    alignas(128) MoveBuffer buffers[kWarps];
    uint64_t moved[kWarps][MoveBuffer::kPieces];
};
static_assert(sizeof(MovingBlock) <= sizeof(Shared));
static_assert(MovingBlock::kWarps * 32 + kFarResultThreads == kThreads);

__device__ __forceinline__ void move_and_count(const Layer& layer, const Call& call, MovingBlock& shared)
{
    const uint32_t warp = threadIdx.x / 32;
    if (warp >= MovingBlock::kWarps) {
        watch_results(layer, kNearResultThreads + threadIdx.x - MovingBlock::kWarps * 32);
        return;
    }
    if (threadIdx.x % 32 == 0) init_mover(shared.moved[warp]);
    ptx::fence_barrier_init();
    __syncwarp();
    move(layer, call, {&shared.buffers[warp], ptx::shared_address(shared.moved[warp]), 0, 0, threadIdx.x % 32});
}

/* A block of a working pair. */
__device__ __forceinline__ void work(const Layer& layer, const Call& call, Shared& shared)
{
    const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    if (warp < kMultiplyWarps) {
        ptx::take_registers<kRegistersMultiply>();
        multiply_units(layer, call, shared);
        return;
    }
    ptx::give_registers<kRegistersMove>();
    switch (warp - kMultiplyWarps) {
        case 0:
            if (lane == 0 && ptx::rank_in_cluster() == 0) choose(layer, shared);
            break;
        case 1:
            if (lane == 0) load(layer, call, shared);
            break;
        case 2:
            if (lane == 0) tell(layer, shared);
            break;
        default:
            move(layer, call, {&shared.move[0], ptx::shared_address(shared.moved[0]), 0, 0, lane});
    }
}

#endif

#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define PMX_IN_PAIRS
#else
#define PMX_IN_PAIRS __cluster_dims__(kPair, 1, 1)
#endif

__global__ void PMX_IN_PAIRS __launch_bounds__(kThreads, 1)
    forward(const __grid_constant__ Layer layer, const __grid_constant__ Call call)
{
#ifdef __CUDA_ARCH_FEAT_SM90_ALL
    extern __shared__ char memory[];
    Shared& shared = *(Shared*)(((uintptr_t)memory + 1023) & ~(uintptr_t)1023);
    if (blockIdx.x == 0) {
        schedule(layer, call);
    } else if (blockIdx.x == 1) {
        move_and_count(layer, call, (MovingBlock&)shared);
    } else {
        if (threadIdx.x == 0) init_barriers(shared);
        ptx::cluster_sync();
        work(layer, call, shared);
        __syncwarp();
        ptx::cluster_sync(); /* the other block may still come to the barriers of this one */
    }
#endif
}

constexpr size_t kSharedBytes = sizeof(Shared) + 1024;

}  // namespace

int launch_forward(const Layer& layer, const Call& call, int n_blocks, cudaStream_t stream)
{
    void* args[] = {(void*)&layer, (void*)&call};
    return pmx_launch_gpu((const void*)forward, dim3((unsigned)n_blocks), dim3(kThreads), args, kSharedBytes, stream);
}

int fit_forward(int* n_blocks_out)
{
    int err = pmx_cuda_report("cudaFuncSetAttribute",
                              cudaFuncSetAttribute((const void*)forward, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   (int)kSharedBytes));
    return err ? err : pmx_gpu_fit((const void*)forward, kThreads, kSharedBytes, n_blocks_out);
}

}  // namespace pmx::moe::gpu
