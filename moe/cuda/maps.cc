/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/cuda/maps.h"

#include <cuda_runtime.h>

#include <atomic>

#include "moe/error.h"
#include "pmx_cuda.h"

namespace pmx::moe::gpu {

namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

/* The driver's function, without linking its library, which machines without a GPU lack. */
int find_encode(Encode* encode_out)
{
    static std::atomic<Encode> known{nullptr};
    if ((*encode_out = known.load(std::memory_order_relaxed))) return PMX_SUCCESS;
    void* found = nullptr;
    cudaDriverEntryPointQueryResult result = cudaDriverEntryPointSymbolNotFound;
    cudaError_t err = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &found, 12000, cudaEnableDefault, &result);
    PMX_MOE_TRY(pmx_cuda_report("cudaGetDriverEntryPointByVersion", err));
    if (!found) return fail(PMX_ERR_UNSUPPORTED, "the driver has no cuTensorMapEncodeTiled: it must be of CUDA 12 or newer");
    *encode_out = (Encode)found;
    known.store(*encode_out, std::memory_order_relaxed);
    return PMX_SUCCESS;
}

/* sizes, box: [n]; strides: [n - 1], of the dimensions behind the first, in bytes. */
int encode(const void* base, uint32_t n, const cuuint64_t* sizes, const cuuint64_t* strides, const cuuint32_t* box,
           CUtensorMap* map_out)
{
    Encode function = nullptr;
    PMX_MOE_TRY(find_encode(&function));
    const cuuint32_t steps[] = {1, 1, 1, 1};
    CUresult result = function(map_out, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, n, const_cast<void*>(base), sizes, strides, box,
                               steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result == CUDA_SUCCESS) return PMX_SUCCESS;
    return fail(PMX_ERR_SYSTEM, "cuTensorMapEncodeTiled: error {} for {} columns at {}", (int)result, sizes[0], base);
}

}  // namespace

int make_map(const void* base, uint64_t n_rows, uint64_t n_columns, uint64_t row_columns, uint32_t box_rows,
             CUtensorMap* map_out)
{
    const cuuint64_t sizes[] = {n_columns, n_rows}, strides[] = {2 * row_columns};
    const cuuint32_t box[] = {64, box_rows};
    return encode(base, 2, sizes, strides, box, map_out);
}

int make_map_in_turn(const void* first, const void* second, uint64_t n_rows, uint64_t n_columns, uint32_t n_group_rows,
                     uint32_t n_groups, CUtensorMap* map_out)
{
    const uint64_t apart = (uint64_t)((const char*)second - (const char*)first);
    if (apart >= (uint64_t)1 << 40)
        return fail(PMX_ERR_UNSUPPORTED, "two matrices of an expert are {} bytes apart: at most {} can be described", apart,
                    ((uint64_t)1 << 40) - 1);
    const cuuint64_t sizes[] = {n_columns, n_group_rows, 2, n_rows / n_group_rows};
    const cuuint64_t strides[] = {2 * n_columns, apart, 2 * n_columns * n_group_rows};
    const cuuint32_t box[] = {64, n_group_rows, 2, n_groups};
    return encode(first, 4, sizes, strides, box, map_out);
}

}  // namespace pmx::moe::gpu
