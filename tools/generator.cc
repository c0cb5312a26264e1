/* SPDX-License-Identifier: BSD-3-Clause */
/* generator.cc: SplitMix64 over a counter; four values from each 64 bits. */
#include "generator.h"

#include <cmath>

namespace pmx::tools {

namespace {

uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

template <typename Element, typename Store>
void fill(uint64_t key, float scale, size_t n_elems, Element* out, Store store)
{
    const auto value = [&](uint64_t bits) {
        return store((static_cast<float>(static_cast<int16_t>(bits)) + 0.5f) * scale);
    };
    size_t i = 0;
    for (; i + 4 <= n_elems; i += 4) {
        const uint64_t bits = mix(key + i);
        out[i] = value(bits);
        out[i + 1] = value(bits >> 16);
        out[i + 2] = value(bits >> 32);
        out[i + 3] = value(bits >> 48);
    }
    for (const uint64_t bits = mix(key + i); i < n_elems; i++) out[i] = value(bits >> 16 * (i % 4));
}

}  // namespace

void generate(uint64_t seed, Stream stream, uint64_t index, float deviation, pmx_moe_dtype_t dtype,
              size_t n_elems, void* out)
{
    const uint64_t key = mix(mix(mix(seed) + static_cast<uint64_t>(stream) + 1) + index + 1);
    /* Uniform on -32767.5 .. 32767.5 has the deviation 32768 / sqrt(3). */
    const float scale = deviation * std::sqrt(3.0f) / 32768.0f;
    if (dtype == PMX_MOE_BF16)
        fill(key, scale, n_elems, static_cast<uint16_t*>(out), float_to_bf16);
    else
        fill(key, scale, n_elems, static_cast<float*>(out), [](float v) { return v; });
}

}  // namespace pmx::tools
