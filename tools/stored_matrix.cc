/* SPDX-License-Identifier: BSD-3-Clause */
#include "stored_matrix.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace pmx::tools {

namespace {

/* Bias 7, no infinity; all ones but the sign is NaN. */
float e4m3_to_float(unsigned bits)
{
    const unsigned exponent = bits >> 3 & 15, mantissa = bits & 7;
    float value = std::nanf("");
    if (exponent == 0)
        value = std::ldexp(static_cast<float>(mantissa), -9);
    else if (exponent != 15 || mantissa != 7)
        value = std::ldexp(static_cast<float>(8 + mantissa), static_cast<int>(exponent) - 10);
    return bits & 128 ? -value : value;
}

const std::array<float, 256>& e4m3_values()
{
    static const std::array<float, 256> values = [] {
        std::array<float, 256> all;
        for (unsigned bits = 0; bits < 256; bits++) all[bits] = e4m3_to_float(bits);
        return all;
    }();
    return values;
}

float float_at(const Tensor& tensor, size_t i)
{
    float value;
    std::memcpy(&value, tensor.data + 4 * i, sizeof value);
    return value;
}

/* Element i of mxfp4. */
float packed_at(const StoredMatrix& matrix, size_t i)
{
    static constexpr float sizes[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
    const unsigned bits = std::to_integer<unsigned>(matrix.values->data[i / 2]) >> 4 * (i % 2) & 15;
    const int exponent = std::to_integer<int>(matrix.scales->data[i / kPackedBlock]) - 127;
    return std::ldexp(bits & 8 ? -sizes[bits & 7] : sizes[bits & 7], exponent);
}

/* One row, as fp32. */
void read_row(const StoredMatrix& matrix, size_t row, float* out)
{
    const std::byte* data = matrix.values->data;
    const size_t begin = matrix.first + row * matrix.row_step;
    if (matrix.scales && matrix.values->dtype == "U8") {
        for (size_t col = 0; col < matrix.cols; col++) out[col] = packed_at(matrix, begin + col * matrix.col_step);
        return;
    }
    if (matrix.scales) {
        const size_t row_blocks = (matrix.cols + kScaleBlock - 1) / kScaleBlock;
        for (size_t col = 0; col < matrix.cols; col++)
            out[col] = e4m3_values()[std::to_integer<unsigned>(data[begin + col])] *
                       float_at(*matrix.scales, row / kScaleBlock * row_blocks + col / kScaleBlock);
        return;
    }
    const pmx_moe_dtype_t from = matrix.values->dtype == "F32" ? PMX_MOE_FP32 : PMX_MOE_BF16;
    const size_t step = matrix.col_step * element_bytes(from);
    for (size_t col = 0; col < matrix.cols; col++)
        convert_elements(data + begin * element_bytes(from) + col * step, from, out + col, PMX_MOE_FP32, 1);
}

bool is_dense(const StoredMatrix& matrix) { return matrix.row_step == matrix.cols && matrix.col_step == 1; }

}  // namespace

const std::byte* in_place(const StoredMatrix& matrix, pmx_moe_dtype_t dtype)
{
    if (matrix.values->dtype != (dtype == PMX_MOE_BF16 ? "BF16" : "F32") || !is_dense(matrix)) return nullptr;
    const std::byte* data = matrix.values->data + matrix.first * element_bytes(dtype);
    return reinterpret_cast<uintptr_t>(data) % element_bytes(dtype) == 0 ? data : nullptr;
}

void read_matrix(const StoredMatrix& matrix, pmx_moe_dtype_t dtype, std::byte* out)
{
    if (is_dense(matrix) && !matrix.scales) {
        const pmx_moe_dtype_t from = matrix.values->dtype == "F32" ? PMX_MOE_FP32 : PMX_MOE_BF16;
        convert_elements(matrix.values->data + matrix.first * element_bytes(from), from, out, dtype, matrix.n_elems());
        return;
    }
    std::vector<float> row(matrix.cols);
    for (size_t i = 0; i < matrix.rows; i++) {
        read_row(matrix, i, row.data());
        convert_elements(row.data(), PMX_MOE_FP32, out + i * matrix.cols * element_bytes(dtype), dtype, matrix.cols);
    }
}

}  // namespace pmx::tools
