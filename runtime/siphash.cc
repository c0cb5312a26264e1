/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/siphash.h"

#include <bit>
#include <cstring>

namespace pmx {

namespace {

struct State {
    uint64_t v0, v1, v2, v3;

    void round()
    {
        v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
        v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
    void take(uint64_t word)
    {
        v3 ^= word;
        round();
        round();
        v0 ^= word;
    }
};

}  // namespace

uint64_t siphash(const SipKey& key, std::span<const std::byte> message)
{
    State state = {key.low ^ 0x736f6d6570736575, key.high ^ 0x646f72616e646f6d, key.low ^ 0x6c7967656e657261,
                   key.high ^ 0x7465646279746573};
    size_t n_words = message.size() / 8;
    for (size_t i = 0; i < n_words; i++) {
        uint64_t word;
        std::memcpy(&word, message.data() + 8 * i, sizeof word);
        state.take(word);
    }
    uint64_t last = static_cast<uint64_t>(message.size()) << 56;
    if (!message.empty()) std::memcpy(&last, message.data() + 8 * n_words, message.size() % 8); /* little-endian */
    state.take(last);
    state.v2 ^= 0xff;
    for (int i = 0; i < 4; i++) state.round();
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace pmx
