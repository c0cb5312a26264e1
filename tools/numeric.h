/* SPDX-License-Identifier: BSD-3-Clause */
/* numeric.h: bf16 bits, element sizes, products that must not wrap, and numbers in texts. */
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "pmx_moe.h"

namespace pmx::tools {

inline float bf16_to_float(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/* Rounds to nearest, ties to even; a NaN stays a NaN. */
inline uint16_t float_to_bf16(float value)
{
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
    return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline size_t element_bytes(pmx_moe_dtype_t dtype) { return dtype == PMX_MOE_BF16 ? 2 : 4; }

/* Copies n elements and converts when the types differ; neither side needs to be aligned. */
inline void convert_elements(const void* from, pmx_moe_dtype_t from_type, void* to, pmx_moe_dtype_t to_type,
                             size_t n_elems)
{
    const auto* in = static_cast<const std::byte*>(from);
    auto* out = static_cast<std::byte*>(to);
    if (from_type == to_type) {
        std::memcpy(out, in, n_elems * element_bytes(to_type));
    } else if (from_type == PMX_MOE_BF16) {
        for (size_t i = 0; i < n_elems; i++) {
            uint16_t bits;
            std::memcpy(&bits, in + 2 * i, 2);
            const float value = bf16_to_float(bits);
            std::memcpy(out + 4 * i, &value, 4);
        }
    } else {
        for (size_t i = 0; i < n_elems; i++) {
            float value;
            std::memcpy(&value, in + 4 * i, 4);
            const uint16_t bits = float_to_bf16(value);
            std::memcpy(out + 2 * i, &bits, 2);
        }
    }
}

/* False when a * b does not fit; then out is unchanged. */
inline bool multiply(uint64_t a, uint64_t b, uint64_t& out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    out = product;
    return true;
}

/* The whole of text as a number; false: it is none, or out of T. */
template <typename T>
bool parse_number(std::string_view text, T& number)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace pmx::tools
