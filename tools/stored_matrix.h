/* SPDX-License-Identifier: BSD-3-Clause */
/* stored_matrix.h: a matrix of weights as the tensors of a checkpoint have it. */
#pragma once

#include "numeric.h"
#include "safetensors.h"

namespace pmx::tools {

/* Rows and columns that have one scale, of F8_E4M3, as in DeepSeek-V3. */
inline constexpr size_t kScaleBlock = 128;
/* Elements that have one scale, of mxfp4, as in GPT-OSS: two in a byte, the lower bits first. */
inline constexpr size_t kPackedBlock = 32;

/* [rows, cols]: element (r, c) is number first + r * row_step + c * col_step of values. */
struct StoredMatrix {
    const Tensor* values = nullptr; /* BF16, F32 or, with scales, F8_E4M3, or U8: mxfp4 */
    /* What a block is multiplied by. Of F8_E4M3: F32 [ceil(rows / 128), ceil(cols / 128)]. Of mxfp4: U8, 2^(scale - 127), of
     * elements 32 i .. 32 i + 31. */
    const Tensor* scales = nullptr;
    size_t rows = 0, cols = 0;
    size_t first = 0, row_step = 0, col_step = 1;

    size_t n_elems() const { return rows * cols; }
};

/* The elements in memory as they are; nullptr: they must be read into other memory. */
const std::byte* in_place(const StoredMatrix& matrix, pmx_moe_dtype_t dtype);
/* out: [rows, cols] of dtype. */
void read_matrix(const StoredMatrix& matrix, pmx_moe_dtype_t dtype, std::byte* out);

}  // namespace pmx::tools
