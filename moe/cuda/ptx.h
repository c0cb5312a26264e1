/* SPDX-License-Identifier: BSD-3-Clause */
/* ptx.h: the instructions of sm_90 that the kernel of the layer is made of; all PTX of moe/ is here and in wgmma.h.
 * Addresses of shared memory are 32-bit, as shared_address gives them. */
#pragma once

#include <cuda.h>
#include <stdint.h>

namespace pmx::moe::gpu::ptx {

__device__ inline uint32_t shared_address(const void* p) { return (uint32_t)__cvta_generic_to_shared(p); }

/* ---- mbarriers: words of 8 bytes in shared memory. A phase ends when all arrivals and all announced bytes have
 * come; who waits for the end of a phase acquires what those who arrived had done. Phases count from 0; parity is
 * that of the phase whose end is waited for. ---- */

__device__ inline void barrier_init(uint32_t barrier, uint32_t n_arrivals)
{
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(n_arrivals) : "memory");
}
/* Makes the inits of this thread visible to the copies of the async proxy. */
__device__ inline void fence_barrier_init() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
/* Releases; one arrival. */
__device__ inline void barrier_arrive(uint32_t barrier)
{
    asm volatile("{\n\t.reg .b64 state;\n\tmbarrier.arrive.shared::cta.b64 state, [%0];\n\t}" ::"r"(barrier) : "memory");
}
/* One arrival that also announces n_bytes of copies. */
__device__ inline void barrier_arrive_expect(uint32_t barrier, uint32_t n_bytes)
{
    asm volatile("{\n\t.reg .b64 state;\n\tmbarrier.arrive.expect_tx.shared::cta.b64 state, [%0], %1;\n\t}" ::"r"(barrier),
                 "r"(n_bytes)
                 : "memory");
}
__device__ inline void barrier_wait(uint32_t barrier, uint32_t parity)
{
    asm volatile(
        "{\n\t.reg .pred done;\n"
        "again:\n\tmbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n\t@!done bra again;\n\t}" ::"r"(barrier),
        "r"(parity)
        : "memory");
}
/* ---- Pairs of blocks (clusters): each block reaches the shared memory of the other. ---- */

__device__ inline uint32_t rank_in_cluster()
{
    uint32_t rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}
/* Where address, of this block, lies in the block with that rank. */
__device__ inline uint32_t address_in(uint32_t address, uint32_t rank)
{
    uint32_t there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
    return there;
}
/* As barrier_arrive, on a barrier of any block of the cluster; releases nothing to other blocks. */
__device__ inline void barrier_arrive_at(uint32_t barrier)
{
    asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/* As barrier_arrive, on a barrier of any block of the cluster: releases to it. */
__device__ inline void barrier_arrive_in_cluster(uint32_t barrier)
{
    asm volatile("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/* As barrier_wait: acquires from any block of the cluster. */
__device__ inline void barrier_wait_in_cluster(uint32_t barrier, uint32_t parity)
{
    asm volatile(
        "{\n\t.reg .pred done;\n"
        "again:\n\tmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n\t@!done bra again;\n\t}" ::"r"(
            barrier),
        "r"(parity)
        : "memory");
}
/* Plain: ordered by a barrier behind it. */
__device__ inline void store_in_cluster(uint32_t address, uint32_t value)
{
    asm volatile("st.shared::cluster.u32 [%0], %1;" ::"r"(address), "r"(value) : "memory");
}
/* Returns when all threads of the cluster have called it; orders their memory. */
__device__ inline void cluster_sync()
{
    asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
}

/* Barrier number id (1..15) of n_threads threads of the block, a multiple of 32. */
__device__ inline void named_barrier(uint32_t id, uint32_t n_threads)
{
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(n_threads) : "memory");
}

/* ---- Copies of the async proxy. Sizes and addresses are multiples of 16 bytes. ---- */

/* A box of a matrix from column x and row y on, to dst in the swizzle of the map; what lies outside is 0. Its bytes
 * count for barrier. */
__device__ inline void load_box(uint32_t dst, const CUtensorMap* map, int x, int y, uint32_t barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" ::"r"(
            dst),
        "l"(map), "r"(x), "r"(y), "r"(barrier)
        : "memory");
}
/* The same of a matrix that maps.h describes by four coordinates, the others being 0. */
__device__ inline void load_box_4d(uint32_t dst, const CUtensorMap* map, int x, int group, uint32_t barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %3, %4}], "
        "[%5];" ::"r"(dst),
        "l"(map), "r"(x), "r"(0), "r"(group), "r"(barrier)
        : "memory");
}
/* As load_box, to both blocks of the pair at the same place, the bytes counting for the barrier at the same place in each. */
__device__ inline void load_box_to_pair(uint32_t dst, const CUtensorMap* map, int x, int y, uint32_t barrier)
{
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, "
        "{%2, %3}], [%4], %5;" ::"r"(dst),
        "l"(map), "r"(x), "r"(y), "r"(barrier), "h"((uint16_t)3)
        : "memory");
}
__device__ inline void bulk_load(uint32_t dst, const void* src, uint32_t n_bytes, uint32_t barrier)
{
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(dst),
                 "l"(__cvta_generic_to_global(src)), "r"(n_bytes), "r"(barrier)
                 : "memory");
}
/* One group of copies. */
__device__ inline void bulk_store(void* dst, uint32_t src, uint32_t n_bytes)
{
    asm volatile(
        "cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;\n\tcp.async.bulk.commit_group;" ::"l"(
            __cvta_generic_to_global(dst)),
        "r"(src), "r"(n_bytes)
        : "memory");
}
/* Returns when all but the newest kPending groups of this thread have read their source. */
template <int kPending>
__device__ inline void bulk_wait_read()
{
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
}
/* Returns when all groups of this thread have written. */
__device__ inline void bulk_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }

/* Orders plain accesses of this thread, and what it has acquired, and its copies of the async proxy, either way. */
__device__ inline void fence_proxy_async() { asm volatile("fence.proxy.async;" ::: "memory"); }

/* ---- Registers ---- */

/* By all warps of a group of four. Whoever takes more waits until others have given up enough. */
template <int kRegisters>
__device__ inline void take_registers()
{
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}
template <int kRegisters>
__device__ inline void give_registers()
{
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

/* ---- Values ---- */

/* 2^x and 1 / x to about 2^-22 of the value; what is below the least normal number counts as 0. */
__device__ inline float exp2(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
__device__ inline float reciprocal(float x)
{
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

/* By a warp: four 8x8 matrices of 16-bit elements, each with row lane / 4 and columns 2 * (lane % 4) and the next in a
 * word of each lane; row i of transposed matrix j goes to the 16 bytes at the address that lane 8 * j + i gives. */
__device__ inline void store_matrices_transposed(uint32_t address, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(a), "r"(b),
                 "r"(c), "r"(d)
                 : "memory");
}
__device__ inline uint4 load_shared(uint32_t address)
{
    uint4 words;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
                 : "r"(address)
                 : "memory");
    return words;
}

}  // namespace pmx::moe::gpu::ptx
