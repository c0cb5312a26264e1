/* SPDX-License-Identifier: BSD-3-Clause */
/* gather.cc: put_signal to each rank; epochs instead of resets. */
#include "gather.h"

#include <algorithm>
#include <cstring>

#include "launcher.h"

namespace pmx::tools {

namespace {

constexpr size_t kWordBytes = sizeof(uint64_t);

/* Waits until signal is at_least or more; a failure says whose word did not come. */
Status word_from(int from, const uint64_t* signal, uint64_t at_least, uint64_t patience_ns = Gather::kPatienceNs)
{
    const Status came =
        from_pmx(pmx_signal_wait(PMX_CTX_DEFAULT, signal, PMX_CMP_GE, at_least, from, patience_ns, nullptr));
    return came.ok() ? came
                     : Status(came.code(), fmt::format("no word from rank {}: {}", from, came.detail()));
}

}  // namespace

size_t Gather::heap_bytes(int n_ranks)
{
    const auto ranks = static_cast<size_t>(n_ranks);
    return (ranks + 1) * (2 * kMaxWords * kWordBytes + kChunkBytes) + 2 * ranks * kWordBytes + 4 * 4096;
}

Status Gather::open()
{
    PMX_TRY(from_pmx(pmx_rank(&rank_)));
    PMX_TRY(from_pmx(pmx_size(&size_)));
    const auto ranks = static_cast<size_t>(size_);
    void *words = nullptr, *signals = nullptr;
    PMX_TRY(from_pmx(pmx_calloc((ranks + 1) * 2 * kMaxWords, kWordBytes, &words)));
    PMX_TRY(from_pmx(pmx_calloc(ranks, kWordBytes, &signals)));
    words_ = static_cast<uint64_t*>(words);
    signals_ = static_cast<uint64_t*>(signals);
    epoch_ = 0;
    return {};
}

Status Gather::close()
{
    PMX_TRY(from_pmx(pmx_quiet(PMX_CTX_DEFAULT)));
    PMX_TRY(from_pmx(pmx_free(signals_)));
    return from_pmx(pmx_free(words_));
}

/* Two boxes for each sender are enough: a rank writes its record n + 2 only after it has seen record n + 1
 * of every other, and those were sent after record n had been read. The same holds for the source. */
Status Gather::all(std::span<const uint64_t> mine, std::vector<std::vector<uint64_t>>& all_out, uint64_t patience_ns)
{
    epoch_++;
    const size_t parity = epoch_ % 2;
    const auto box = [&](int rank) { return words_ + (static_cast<size_t>(rank) * 2 + parity) * kMaxWords; };
    uint64_t* source = box(size_);
    std::copy(mine.begin(), mine.end(), source);
    for (int step = 1; step < size_; step++) {
        const int to = (rank_ + step) % size_;
        PMX_TRY(from_pmx(pmx_put_signal_nbi(PMX_CTX_DEFAULT, box(rank_), source, mine.size() * kWordBytes,
                                            signals_ + rank_, epoch_, PMX_SIGNAL_SET, to)));
    }
    std::vector<std::vector<uint64_t>> all(static_cast<size_t>(size_));
    for (int from = 0; from < size_; from++) {
        const uint64_t* record = from == rank_ ? source : box(from);
        if (from != rank_) PMX_TRY(word_from(from, signals_ + from, epoch_, patience_ns));
        all[static_cast<size_t>(from)].assign(record, record + mine.size());
    }
    all_out = std::move(all);
    return {};
}

Status Gather::send_chunk(std::span<const std::byte> left, uint64_t round, std::byte* area, uint64_t* signals)
{
    const size_t n = std::min(left.size(), kChunkBytes);
    std::byte* source = area + static_cast<size_t>(size_) * kChunkBytes;
    std::memcpy(source, left.data(), n);
    return from_pmx(pmx_put_signal_nbi(PMX_CTX_DEFAULT, area + static_cast<size_t>(rank_) * kChunkBytes,
                                       source, n, signals + rank_, round + 1, PMX_SIGNAL_SET, 0));
}

Status Gather::take_round(const std::vector<uint64_t>& sizes, uint64_t round, const std::byte* area,
                          const uint64_t* signals, std::span<const std::byte> mine, const Take& take)
{
    const uint64_t off = round * kChunkBytes;
    Status taken;
    for (int from = 0; from < size_; from++) {
        const uint64_t size = sizes[static_cast<size_t>(from)];
        if (off >= size) continue;
        const auto n = static_cast<size_t>(std::min<uint64_t>(size - off, kChunkBytes));
        const std::byte* piece = area + static_cast<size_t>(from) * kChunkBytes;
        if (from == 0)
            piece = mine.data() + off;
        else
            PMX_TRY(word_from(from, signals + from, round + 1));
        if (taken.ok()) taken = take(from, off, {piece, n});
    }
    return taken;
}

Status Gather::to_root(std::span<const std::byte> mine, const Take& take)
{
    const auto ranks = static_cast<size_t>(size_);
    void *area = nullptr, *signals = nullptr;
    PMX_TRY(from_pmx(pmx_malloc((ranks + 1) * kChunkBytes, &area)));
    PMX_TRY(from_pmx(pmx_calloc(ranks, kWordBytes, &signals)));
    const uint64_t n_bytes = mine.size();
    std::vector<std::vector<uint64_t>> records;
    PMX_TRY(all({&n_bytes, 1}, records));
    std::vector<uint64_t> sizes;
    for (const auto& record : records) sizes.push_back(record[0]);
    const uint64_t largest = *std::max_element(sizes.begin(), sizes.end());

    Status result;
    for (uint64_t round = 0; round * kChunkBytes < largest; round++) {
        auto* bytes = static_cast<std::byte*>(area);
        auto* words = static_cast<uint64_t*>(signals);
        if (rank_ == 0)
            result = take_round(sizes, round, bytes, words, mine, take);
        else if (round * kChunkBytes < n_bytes)
            PMX_TRY(send_chunk(mine.subspan(round * kChunkBytes), round, bytes, words));
        /* Frees the chunk of this round, and tells all whether to go on. */
        const uint64_t code = static_cast<uint64_t>(result.code());
        PMX_TRY(all({&code, 1}, records));
        if (rank_ != 0 && records[0][0] != 0)
            result = Status(PMX_ERR_ABORTED, "rank 0 could not take the result");
    }
    PMX_TRY(from_pmx(pmx_free(signals)));
    PMX_TRY(from_pmx(pmx_free(area)));
    return result;
}

}  // namespace pmx::tools
