/* SPDX-License-Identifier: BSD-3-Clause */
/* gather.h: small exchanges between the ranks of a tool, over pmx alone. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "status.h"

namespace pmx::tools {

/* All entries are collective. Waits end when a rank fails, or after kPatienceNs: ranks load and check at
 * their own pace. Where they do not, all() may be told to wait no longer than any call of pmx (kAtOnce), so that
 * a rank that nothing is heard of is found. */
class Gather {
public:
    static constexpr size_t kMaxWords = 32;
    static constexpr size_t kChunkBytes = 256u << 10;
    static constexpr uint64_t kPatienceNs = 3'600'000'000'000u, kAtOnce = 0;

    /* Symmetric heap that a Gather takes, largest use included. */
    static size_t heap_bytes(int n_ranks);

    Status open();
    Status close();

    /* all_out[r] is what rank r gave: the same number of words everywhere, at most kMaxWords. */
    Status all(std::span<const uint64_t> mine, std::vector<std::vector<uint64_t>>& all_out,
               uint64_t patience_ns = kPatienceNs);

    /* Brings the bytes of every rank to rank 0, which gets them piece by piece: those of one rank in order.
     * A failure of take ends the call on all ranks; rank 0 returns it. */
    using Take = std::function<Status(int rank, uint64_t off, std::span<const std::byte> piece)>;
    Status to_root(std::span<const std::byte> mine, const Take& take);

private:
    Status send_chunk(std::span<const std::byte> left, uint64_t round, std::byte* area, uint64_t* signals);
    Status take_round(const std::vector<uint64_t>& sizes, uint64_t round, const std::byte* area,
                      const uint64_t* signals, std::span<const std::byte> mine, const Take& take);

    int rank_ = 0, size_ = 1;
    uint64_t epoch_ = 0;
    uint64_t* words_ = nullptr;   /* two boxes of kMaxWords for each rank, then two of our own */
    uint64_t* signals_ = nullptr; /* the epoch of the last record of each rank */
};

}  // namespace pmx::tools
