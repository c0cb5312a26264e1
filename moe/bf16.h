/* SPDX-License-Identifier: BSD-3-Clause */
/* bf16.h: the upper half of a float. Rounds to nearest, ties to even; NaN stays NaN, infinity infinity. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pmx::moe {

inline float bf16_to_float(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

inline uint16_t float_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
    /* Rounding could carry a NaN into infinity or zero: it is made quiet instead. */
    uint32_t quiet = bits | 0x400000u;
    return (uint16_t)(((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded) >> 16);
}

inline void bf16_to_floats(float* dst, const uint16_t* src, size_t n_elems)
{
    for (size_t i = 0; i < n_elems; i++) dst[i] = bf16_to_float(src[i]);
}

inline void floats_to_bf16(uint16_t* dst, const float* src, size_t n_elems)
{
    for (size_t i = 0; i < n_elems; i++) dst[i] = float_to_bf16(src[i]);
}

/* Between float and the element type of a layer (bf16 or fp32). */
inline void load_floats(float* dst, const void* src, size_t n_elems, bool bf16)
{
    if (bf16)
        bf16_to_floats(dst, (const uint16_t*)src, n_elems);
    else if (n_elems > 0) /* of no elements the pointer may be null, which memcpy forbids */
        memcpy(dst, src, n_elems * sizeof(float));
}

inline void store_floats(void* dst, const float* src, size_t n_elems, bool bf16)
{
    if (bf16)
        floats_to_bf16((uint16_t*)dst, src, n_elems);
    else if (n_elems > 0)
        memcpy(dst, src, n_elems * sizeof(float));
}

}  // namespace pmx::moe
