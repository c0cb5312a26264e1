/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_data.h: the data that go along with a counted put into the target's completion queue. */
#pragma once

#include <cstddef>
#include <cstdint>

namespace pmx {

/* Bytes of data that the provider must carry: for stream and number, and for the sender's rank as well. */
inline constexpr size_t kOfiData = 4;
inline constexpr size_t kOfiDataWithRank = 8;

/* Bits 0..23: low bits of Op::seq; 24..31: Op::stream; 32..63: the sender's rank + 1, or 0 where the provider
 * carries 4 bytes only. */
struct OfiData {
    static constexpr unsigned kSeqBits = 24;

    static uint64_t pack(int src_rank, uint32_t stream, uint64_t seq)
    {
        return (uint64_t(src_rank) + 1) << 32 | uint64_t(stream) << kSeqBits | seq_of(seq);
    }
    static uint64_t without_rank(uint64_t data) { return uint32_t(data); }
    static uint64_t seq_of(uint64_t data) { return data & ((uint64_t(1) << kSeqBits) - 1); }
    static uint32_t stream_of(uint64_t data) { return uint32_t(data) >> kSeqBits; }
    /* -1: none was carried. */
    static int64_t rank_of(uint64_t data) { return int64_t(data >> 32) - 1; }
};

}  // namespace pmx
