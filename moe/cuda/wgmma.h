/* SPDX-License-Identifier: BSD-3-Clause */
/* wgmma.h: products of the tensor cores of sm_90a, by the 128 threads of a warpgroup together. */
#pragma once

#include <stdint.h>

namespace pmx::moe::gpu::ptx {

/* A matrix in shared memory whose rows of 64 elements (128 bytes) lie in the 128-byte swizzle, 8 rows in each 1024
 * bytes; address: aligned to 1024, or 32 * i beyond for the 16 columns from 16 * i on. */
__device__ inline uint64_t matrix_descriptor(uint32_t address)
{
    constexpr uint64_t swizzle_128 = 1ull << 62, bytes_of_8_rows = 1024 / 16;
    return swizzle_128 | bytes_of_8_rows << 32 | 1ull << 16 | (address & 0x3ffff) >> 4;
}

/* Before the first product on accumulators that other instructions have written. */
__device__ inline void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/* What was begun since the last commit is one group. */
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/* Returns when all but the newest kPending groups are done: their accumulators and what they read are free. */
template <int kPending>
__device__ inline void wgmma_wait()
{
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

/* sum [64, kN] += a [64, 16] * transposed b [kN, 16], bf16 to fp32. Element (row, column) is in
 * thread 32 * (row / 16) + 4 * (row % 8) + column % 8 / 2, at 4 * (column / 8) + 2 * (row % 16 / 8) + column % 2. */
template <int kN>
__device__ void wgmma(float (&sum)[kN / 2], uint64_t a, uint64_t b);
/* The same, to a sum that was 0: what sum has held does not matter. */
template <int kN>
__device__ void wgmma_first(float (&sum)[kN / 2], uint64_t a, uint64_t b);

/* Names of operands: registers 0 to 7, and eight more each time. */
#define PMX_R_16 "%0, %1, %2, %3, %4, %5, %6, %7"
#define PMX_R_32 PMX_R_16 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define PMX_R_48 PMX_R_32 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define PMX_R_64 PMX_R_48 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define PMX_R_80 PMX_R_64 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define PMX_R_96 PMX_R_80 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define PMX_R_112 PMX_R_96 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define PMX_R_128 PMX_R_112 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define PMX_R_144 PMX_R_128 ", %64, %65, %66, %67, %68, %69, %70, %71"
#define PMX_R_160 PMX_R_144 ", %72, %73, %74, %75, %76, %77, %78, %79"
#define PMX_R_176 PMX_R_160 ", %80, %81, %82, %83, %84, %85, %86, %87"
#define PMX_R_192 PMX_R_176 ", %88, %89, %90, %91, %92, %93, %94, %95"
#define PMX_R_208 PMX_R_192 ", %96, %97, %98, %99, %100, %101, %102, %103"
#define PMX_R_224 PMX_R_208 ", %104, %105, %106, %107, %108, %109, %110, %111"
#define PMX_R_240 PMX_R_224 ", %112, %113, %114, %115, %116, %117, %118, %119"
#define PMX_R_256 PMX_R_240 ", %120, %121, %122, %123, %124, %125, %126, %127"
#define PMX_D4(how, i) how(sum[i]), how(sum[i + 1]), how(sum[i + 2]), how(sum[i + 3])
#define PMX_D8(how, i) PMX_D4(how, i), PMX_D4(how, i + 4)
#define PMX_D_16(how) PMX_D8(how, 0)
#define PMX_D_32(how) PMX_D_16(how), PMX_D8(how, 8)
#define PMX_D_48(how) PMX_D_32(how), PMX_D8(how, 16)
#define PMX_D_64(how) PMX_D_48(how), PMX_D8(how, 24)
#define PMX_D_80(how) PMX_D_64(how), PMX_D8(how, 32)
#define PMX_D_96(how) PMX_D_80(how), PMX_D8(how, 40)
#define PMX_D_112(how) PMX_D_96(how), PMX_D8(how, 48)
#define PMX_D_128(how) PMX_D_112(how), PMX_D8(how, 56)
#define PMX_D_144(how) PMX_D_128(how), PMX_D8(how, 64)
#define PMX_D_160(how) PMX_D_144(how), PMX_D8(how, 72)
#define PMX_D_176(how) PMX_D_160(how), PMX_D8(how, 80)
#define PMX_D_192(how) PMX_D_176(how), PMX_D8(how, 88)
#define PMX_D_208(how) PMX_D_192(how), PMX_D8(how, 96)
#define PMX_D_224(how) PMX_D_208(how), PMX_D8(how, 104)
#define PMX_D_240(how) PMX_D_224(how), PMX_D8(how, 112)
#define PMX_D_256(how) PMX_D_240(how), PMX_D8(how, 120)
/* a, b: the numbers of the operands behind the registers; add: 0 where the sum was 0. */
#define PMX_WGMMA_ADD(name, n, how, a_operand, b_operand, add)                                                        \
    template <>                                                                                                       \
    __device__ __forceinline__ void name<n>(float (&sum)[n / 2], uint64_t a, uint64_t b)                              \
    {                                                                                                                 \
        asm volatile("{\n\t.reg .pred add;\n\tsetp.ne.b32 add, " add ", 0;\n\t"                                       \
                     "wgmma.mma_async.sync.aligned.m64n" #n "k16.f32.bf16.bf16 {" PMX_R_##n "}, " a_operand ", " b_operand \
                     ", add, 1, 1, 0, 0;\n\t}"                                                                       \
                     : PMX_D_##n(how)                                                                                 \
                     : "l"(a), "l"(b));                                                                               \
    }
#define PMX_WGMMA(n, a_operand, b_operand)                                                                            \
    PMX_WGMMA_ADD(wgmma, n, "+f", a_operand, b_operand, "1")                                                          \
    PMX_WGMMA_ADD(wgmma_first, n, "=f", a_operand, b_operand, "0")
PMX_WGMMA(16, "%8", "%9")
PMX_WGMMA(32, "%16", "%17")
PMX_WGMMA(48, "%24", "%25")
PMX_WGMMA(64, "%32", "%33")
PMX_WGMMA(80, "%40", "%41")
PMX_WGMMA(96, "%48", "%49")
PMX_WGMMA(112, "%56", "%57")
PMX_WGMMA(128, "%64", "%65")
PMX_WGMMA(144, "%72", "%73")
PMX_WGMMA(160, "%80", "%81")
PMX_WGMMA(176, "%88", "%89")
PMX_WGMMA(192, "%96", "%97")
PMX_WGMMA(208, "%104", "%105")
PMX_WGMMA(224, "%112", "%113")
PMX_WGMMA(240, "%120", "%121")
PMX_WGMMA(256, "%128", "%129")
#undef PMX_WGMMA

}  // namespace pmx::moe::gpu::ptx
