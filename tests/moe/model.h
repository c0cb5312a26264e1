/* SPDX-License-Identifier: BSD-3-Clause */
/* model.h: layers for tests. Weights and tokens follow from numbers alone, so any rank can make those of
 * any other. */
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "moe/bf16.h"
#include "pmx_moe.h"

namespace model {

using Bytes = std::vector<char>;

/* -1 to 1, from a key: the finaliser of splitmix64. */
inline float number(uint64_t key)
{
    key += UINT64_C(0x9e3779b97f4a7c15);
    key = (key ^ key >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    key = (key ^ key >> 27) * UINT64_C(0x94d049bb133111eb);
    key ^= key >> 31;
    return (float)((double)(key >> 11) / (double)(UINT64_C(1) << 52) - 1.0);
}

inline std::vector<float> floats(uint64_t seed, size_t n_elems, float scale)
{
    std::vector<float> values(n_elems);
    for (size_t i = 0; i < n_elems; i++) values[i] = scale * number(seed << 32 | i);
    return values;
}

inline Bytes matrix(uint64_t seed, size_t n_elems, float scale, bool bf16)
{
    const std::vector<float> values = floats(seed, n_elems, scale);
    Bytes bytes(n_elems * (bf16 ? 2 : 4));
    pmx::moe::store_floats(bytes.data(), values.data(), n_elems, bf16);
    return bytes;
}

inline pmx_moe_config_t config(int hidden, int intermediate, int experts, int top_k, int max_tokens,
                               pmx_moe_dtype_t dtype)
{
    pmx_moe_config_t c{};
    c.size_bytes = sizeof c;
    c.hidden = hidden;
    c.intermediate = intermediate;
    c.experts = experts;
    c.top_k = top_k;
    c.max_tokens = max_tokens;
    c.dtype = dtype;
    c.renormalise = 1;
    return c;
}

/* All experts of a layer. Biases and a choice bias are there when the activation or the scores are not the
 * plain ones; the shared expert has a gate of its own when top_k is even. */
struct Model {
    explicit Model(const pmx_moe_config_t& c) : config(c)
    {
        const bool bf16 = c.dtype == PMX_MOE_BF16;
        const size_t h = (size_t)c.hidden, n = h * (size_t)c.intermediate, experts = (size_t)c.experts;
        router = matrix(1, experts * h, 0.3f, bf16);
        const float in = 2.0f / std::sqrt((float)h), out = 2.0f / std::sqrt((float)c.intermediate);
        for (size_t e = 0; e < experts; e++) {
            gate.push_back(matrix(1000 + 3 * e, n, in, bf16));
            up.push_back(matrix(1001 + 3 * e, n, in, bf16));
            down.push_back(matrix(1002 + 3 * e, n, out, bf16));
        }
        if (c.shared_intermediate) {
            const size_t s = h * (size_t)c.shared_intermediate;
            for (uint64_t seed : {3, 4}) shared.push_back(matrix(seed, s, in, bf16));
            shared.push_back(matrix(5, s, 2.0f / std::sqrt((float)c.shared_intermediate), bf16));
            shared.push_back(matrix(6, h, in, bf16));
        }
        if (c.activation != PMX_MOE_SWIGLU)
            for (size_t e = 0; e < 3 * experts; e++)
                biases.push_back(floats(5000 + e, e % 3 == 2 ? h : n / h, 0.5f));
        if (c.scores == PMX_MOE_SIGMOID || c.scores == PMX_MOE_SQRT_SOFTPLUS)
            choice_bias = floats(2, experts, 0.2f);
    }

    /* Pointers to the n experts from first on, or to those of the map; valid as long as the model. */
    pmx_moe_weights_t weights(int first, int n, const int32_t* map = nullptr)
    {
        pointers.clear();
        bias_pointers.clear();
        for (size_t part = 0; part < 3; part++)
            for (int p = first; p < first + n; p++) {
                const size_t e = (size_t)(map ? map[p] : p);
                const bool empty = map && map[p] < 0;
                pointers.push_back(empty ? nullptr : (part == 0 ? gate : part == 1 ? up : down)[e].data());
                if (!biases.empty()) bias_pointers.push_back(empty ? nullptr : biases[3 * e + part].data());
            }
        pmx_moe_weights_t w{};
        w.expert_map = map;
        if (!shared.empty()) {
            w.shared_gate = shared[0].data();
            w.shared_up = shared[1].data();
            w.shared_down = shared[2].data();
            if (config.top_k % 2 == 0) w.shared_router = shared[3].data();
        }
        w.size_bytes = sizeof w;
        w.router = router.data();
        w.gate = pointers.data();
        w.up = pointers.data() + n;
        w.down = pointers.data() + 2 * n;
        if (!choice_bias.empty()) w.choice_bias = choice_bias.data();
        if (biases.empty()) return w;
        w.gate_bias = bias_pointers.data();
        w.up_bias = bias_pointers.data() + n;
        w.down_bias = bias_pointers.data() + 2 * n;
        return w;
    }

    /* Routed by the oracle when ids is NULL. y_out: [n_tokens, H]. */
    int reference(const Bytes& x, int n_tokens, const int32_t* ids, const float* choice_weights,
                  double* y_out)
    {
        const pmx_moe_weights_t all = weights(0, config.experts);
        return pmx_moe_reference_layer(&config, &all, nullptr, nullptr, x.data(), n_tokens, ids,
                                       choice_weights, y_out);
    }

    Bytes tokens(int rank, int n_tokens) const
    {
        return matrix(100 + (uint64_t)rank, (size_t)n_tokens * (size_t)config.hidden, 1.0f,
                      config.dtype == PMX_MOE_BF16);
    }

    static int fetch(void* arg, int expert, const void** gate_out, const void** up_out, const void** down_out)
    {
        const Model* m = (const Model*)arg;
        *gate_out = m->gate[(size_t)expert].data();
        *up_out = m->up[(size_t)expert].data();
        *down_out = m->down[(size_t)expert].data();
        return PMX_SUCCESS;
    }

    pmx_moe_config_t config;
    Bytes router;
    std::vector<Bytes> gate, up, down;
    std::vector<std::vector<float>> biases; /* of gate, up and down of each expert */
    std::vector<float> choice_bias;
    std::vector<Bytes> shared; /* gate, up, down, router */
    std::vector<const void*> pointers;
    std::vector<const float*> bias_pointers;
};

/* The largest ||y - r|| / ||r|| over tokens; 0 without tokens, infinity for a NaN. */
inline double relative_error(const Bytes& y, const std::vector<double>& r, size_t hidden, bool bf16)
{
    std::vector<float> values(r.size());
    pmx::moe::load_floats(values.data(), y.data(), r.size(), bf16);
    double worst = 0;
    for (size_t begin = 0; begin < r.size(); begin += hidden) {
        double difference = 0, norm = 0;
        for (size_t i = begin; i < begin + hidden; i++) {
            difference += (values[i] - r[i]) * (values[i] - r[i]);
            norm += r[i] * r[i];
        }
        double error = difference == 0 ? 0 : std::sqrt(difference / norm);
        worst = error <= worst ? worst : std::isnan(error) ? INFINITY : error;
    }
    return worst;
}

/* FNV-1a. */
inline uint64_t hash(const Bytes& bytes)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (char c : bytes) h = (h ^ (unsigned char)c) * UINT64_C(0x100000001b3);
    return h;
}

}  // namespace model
