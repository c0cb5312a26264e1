/* SPDX-License-Identifier: BSD-3-Clause */
/* arrivals.h: the target's side of order mode counted: what of a stream has arrived, and the signals that wait
 * for what has not. Proxy thread only. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pmx_atomic.h"

namespace pmx {

/* A signal as it came; `id` is the transport's, to acknowledge it. */
struct ArrivedSignal {
    uint64_t seq;
    uint64_t dst_off;
    uint64_t value;
    uint64_t id;
    bool add;
};

/* Writes the word of a signal with one access. Its readers load it with acquire: release, so that they see the puts that
 * this thread has seen arrive. */
inline void apply_signal(void* word, uint64_t value, bool add)
{
    if (add)
        detail::fetch_add_release(static_cast<uint64_t*>(word), value);
    else
        detail::store_release(static_cast<uint64_t*>(word), value);
}

/* One stream from one rank: Op::seq of transport.h. Numbers may come in any order, each once. */
class ArrivalStream {
  public:
    /* A put of which only the low `bits` (8..64) of the number are known, as an immediate carries them: the number
     * meant is the one nearest to the first missing one. False: it came before. */
    bool put(uint64_t low, unsigned bits);
    /* False: it came before. */
    bool signal(const ArrivedSignal& signal);
    /* The next signal before which nothing is missing, or false. In the order of the numbers. */
    bool next(ArrivedSignal& signal_out);

    uint64_t first_missing() const { return first_missing_; }
    size_t n_parked() const { return parked_.size(); }

  private:
    bool mark(uint64_t seq);

    uint64_t first_missing_ = 0;
    /* Bit seq % size: seq has arrived, for seq in first_missing_ .. first_missing_ + size - 1. */
    std::vector<bool> arrived_ = std::vector<bool>(256);
    std::vector<ArrivedSignal> parked_; /* a heap, lowest seq on top; arrived, but not counted as such */
};

/* The streams of all ranks, made when they are first used. */
class Arrivals {
  public:
    explicit Arrivals(int size) : ranks_(static_cast<size_t>(size)) {}

    ArrivalStream& stream(int src_rank, uint32_t stream)
    {
        std::vector<ArrivalStream>& streams = ranks_[static_cast<size_t>(src_rank)];
        if (stream >= streams.size()) streams.resize(stream + 1);
        return streams[stream];
    }
    void forget(int src_rank) { ranks_[static_cast<size_t>(src_rank)].clear(); }

  private:
    std::vector<std::vector<ArrivalStream>> ranks_;
};

}  // namespace pmx
