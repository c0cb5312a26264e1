/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_ptx.h: the instructions of the GPU that pmx_atomic.h and pmx_device_scope.h are made of; all PTX of pmx
 * is here. Empty unless nvcc compiles it. Addresses are generic: memory of the GPU, pinned memory of the
 * host, or memory of another GPU. Words have 4 or 8 bytes and lie aligned. Everything is of system scope
 * (.sys), but for what says otherwise. */
#ifndef PMX_PTX_H
#define PMX_PTX_H

#ifdef __CUDACC__

#include <stdint.h>

namespace pmx {
namespace ptx {

/* Relaxed: one access, no order with any other. */
__device__ inline uint32_t load_relaxed(const uint32_t* word)
{
    uint32_t value;
    asm volatile("ld.relaxed.sys.b32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
    return value;
}
__device__ inline uint64_t load_relaxed(const uint64_t* word)
{
    uint64_t value;
    asm volatile("ld.relaxed.sys.b64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
    return value;
}

/* Acquire: what follows is not done before; what the writer of a release store had done before is seen. */
__device__ inline uint32_t load_acquire(const uint32_t* word)
{
    uint32_t value;
    asm volatile("ld.acquire.sys.b32 %0, [%1];" : "=r"(value) : "l"(word) : "memory");
    return value;
}
__device__ inline uint64_t load_acquire(const uint64_t* word)
{
    uint64_t value;
    asm volatile("ld.acquire.sys.b64 %0, [%1];" : "=l"(value) : "l"(word) : "memory");
    return value;
}

/* Relaxed: one access, no order with any other. */
__device__ inline void store_relaxed(uint32_t* word, uint32_t value)
{
    asm volatile("st.relaxed.sys.b32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
}
__device__ inline void store_relaxed(uint64_t* word, uint64_t value)
{
    asm volatile("st.relaxed.sys.b64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

/* Relaxed: 16 bytes, 16-byte aligned, in one access; low at the lower address. Over PCIe it is one write,
 * which the CPU sees as a whole. */
__device__ inline void store_relaxed_16(uint64_t* words, uint64_t low, uint64_t high)
{
    asm volatile(
        "{\n\t.reg .b128 both;\n\tmov.b128 both, {%1, %2};\n\tst.relaxed.sys.b128 [%0], both;\n\t}" ::"l"(
            words),
        "l"(low), "l"(high)
        : "memory");
}

/* Release: everything this thread did, or has seen through a barrier or an acquire, is visible to any CPU,
 * GPU or NIC that acquires the value. Waits until writes across PCIe have arrived. */
__device__ inline void store_release(uint32_t* word, uint32_t value)
{
    asm volatile("st.release.sys.b32 [%0], %1;" ::"l"(word), "r"(value) : "memory");
}
__device__ inline void store_release(uint64_t* word, uint64_t value)
{
    asm volatile("st.release.sys.b64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

/* Release to kernels of this GPU alone, of any process: a third of the time of a release to all. Who has acquired it
 * passes on what it has seen by a release of its own, of any scope. */
__device__ inline void store_release_gpu(uint64_t* word, uint64_t value)
{
    asm volatile("st.release.gpu.b64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}
__device__ inline void add_release_gpu(uint64_t* word, uint64_t value)
{
    asm volatile("red.release.gpu.add.u64 [%0], %1;" ::"l"(word), "l"(value) : "memory");
}

/* Add, and return the value before. Relaxed, release, or acquire and release, as above. In memory of the host
 * it is no atomic operation for the CPU, unless the machine says so (cudaDevAttrHostNativeAtomicSupported).
 */
__device__ inline uint32_t fetch_add_relaxed(uint32_t* word, uint32_t value)
{
    uint32_t before;
    asm volatile("atom.relaxed.sys.add.u32 %0, [%1], %2;" : "=r"(before) : "l"(word), "r"(value) : "memory");
    return before;
}
__device__ inline uint64_t fetch_add_relaxed(uint64_t* word, uint64_t value)
{
    uint64_t before;
    asm volatile("atom.relaxed.sys.add.u64 %0, [%1], %2;" : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}
__device__ inline uint32_t fetch_add_release(uint32_t* word, uint32_t value)
{
    uint32_t before;
    asm volatile("atom.release.sys.add.u32 %0, [%1], %2;" : "=r"(before) : "l"(word), "r"(value) : "memory");
    return before;
}
__device__ inline uint64_t fetch_add_release(uint64_t* word, uint64_t value)
{
    uint64_t before;
    asm volatile("atom.release.sys.add.u64 %0, [%1], %2;" : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}
__device__ inline uint32_t fetch_add_acq_rel(uint32_t* word, uint32_t value)
{
    uint32_t before;
    asm volatile("atom.acq_rel.sys.add.u32 %0, [%1], %2;" : "=r"(before) : "l"(word), "r"(value) : "memory");
    return before;
}
__device__ inline uint64_t fetch_add_acq_rel(uint64_t* word, uint64_t value)
{
    uint64_t before;
    asm volatile("atom.acq_rel.sys.add.u64 %0, [%1], %2;" : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}

/* Where `does`; else any value. Relaxed, among kernels of this GPU, of a word in global memory (not shared). Without a branch, so
 * that what follows does not wait for it. */
__device__ inline uint64_t fetch_add_relaxed_gpu_if(bool does, uint64_t* word, uint64_t value)
{
    uint64_t before;
    asm volatile("{\n\t.reg .pred does;\n\tsetp.ne.u32 does, %3, 0;\n\t@does atom.relaxed.gpu.global.add.u64 %0, [%1], %2;\n\t}"
                 : "=l"(before)
                 : "l"(__cvta_generic_to_global(word)), "l"(value), "r"((uint32_t)does)
                 : "memory");
    return before;
}

/* The same, to exchange, and to store value where the word is expected. */
__device__ inline uint64_t exchange_acq_rel(uint64_t* word, uint64_t value)
{
    uint64_t before;
    asm volatile("atom.acq_rel.sys.exch.b64 %0, [%1], %2;" : "=l"(before) : "l"(word), "l"(value) : "memory");
    return before;
}
__device__ inline uint64_t compare_swap_acq_rel(uint64_t* word, uint64_t expected, uint64_t value)
{
    uint64_t before;
    asm volatile("atom.acq_rel.sys.cas.b64 %0, [%1], %2, %3;"
                 : "=l"(before)
                 : "l"(word), "l"(expected), "l"(value)
                 : "memory");
    return before;
}

/* What the bulk copies of this thread have written is ordered before its later plain accesses. For memory of the GPU
 * only: a release to other observers comes behind it. GPUs before sm_90 have no bulk copies. */
__device__ inline void fence_proxy_async()
{
#if __CUDA_ARCH__ >= 900
    asm volatile("fence.proxy.async;" ::: "memory");
#endif
}

/* Acquire and release: what this thread did, or has seen through a barrier, before it is visible to all
 * before what it does after. With relaxed stores behind it, it releases as a release store does. */
__device__ inline void fence_acq_rel() { asm volatile("fence.acq_rel.sys;" ::: "memory"); }

/* Nanoseconds, the same clock on all SMs; it moves in steps of up to a microsecond. No memory order. */
__device__ inline uint64_t global_timer_ns()
{
    uint64_t time_ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(time_ns)::"memory");
    return time_ns;
}

/* Gives the SM to other warps for up to twice the time. No memory order. */
__device__ inline void sleep_ns(uint32_t time_ns) { asm volatile("nanosleep.u32 %0;" ::"r"(time_ns)); }

/* The lanes of the warp with a lower number than the calling one. No memory order. */
__device__ inline uint32_t lanes_below()
{
    uint32_t mask;
    asm("mov.u32 %0, %%lanemask_lt;" : "=r"(mask));
    return mask;
}
__device__ inline uint32_t lane_number()
{
    uint32_t number;
    asm("mov.u32 %0, %%laneid;" : "=r"(number));
    return number;
}

}  // namespace ptx
}  // namespace pmx

#endif /* __CUDACC__ */

#endif /* PMX_PTX_H */
