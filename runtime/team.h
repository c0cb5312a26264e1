/* SPDX-License-Identifier: BSD-3-Clause */
/* team.h: an ordered set of ranks, and the part of the work area through which its collectives talk.
 *
 * A collective takes words and bytes of the part that nobody has used since the last time all members met, so nothing
 * is reset and no message needs an answer. When the part is used up, the members meet and begin at its start again.
 * All members take the same, since they make the same calls. */
#pragma once

#include <vector>

#include "pmx_device.h"
#include "status.h"

namespace pmx {

struct ShrinkView;

/* Where a team's part is, and what it consists of. The same offsets on all ranks. */
class TeamPart {
  public:
    static constexpr int kRounds = 20; /* 2^20 ranks */
    static constexpr size_t kBytes = size_t{480} << 10;

    static constexpr size_t kShrinkHeadWords = 5; /* of a cell: shrink.cc says what they are; then a bit for each rank */

    TeamPart(char* base, int job_size) : base_(base), job_size_(static_cast<size_t>(job_size)), n_words_(words(job_size)) {}
    static size_t n_bytes(int job_size)
    {
        size_t size = static_cast<size_t>(job_size);
        return (2 * kRounds * 64 + words(job_size) * sizeof(uint64_t) + kBytes +
                4 * size * shrink_cell_words(size) * sizeof(uint64_t) + 4095) & ~size_t{4095};
    }

    uint64_t* sync_word(unsigned parity, int round) const
    {
        return reinterpret_cast<uint64_t*>(base_ + (parity * kRounds + static_cast<size_t>(round)) * 64);
    }
    /* Writers: other members, once between two meetings, the number of the collective, which only grows. Reader: this
     * rank, acquire. */
    uint64_t* word(size_t i) const { return sync_word(0, 2 * kRounds) + i; }
    size_t n_words() const { return n_words_; }
    char* bytes() const { return reinterpret_cast<char*>(word(n_words_)); }
    /* Writer: job_rank, once for each round of each call, the signal word last; on job_rank itself, what it sends.
     * Reader: this rank, acquire. By parity of both: a member can be one round, or one call, ahead of another. */
    uint64_t* shrink_cell(int job_rank, uint64_t call, uint64_t round) const
    {
        size_t i = static_cast<size_t>(job_rank) * 4 + (call & 1) * 2 + (round & 1);
        return reinterpret_cast<uint64_t*>(bytes() + kBytes) + i * shrink_cell_words(job_size_);
    }

  private:
    static size_t shrink_cell_words(size_t job_size) { return (kShrinkHeadWords + (job_size + 63) / 64 + 7) & ~size_t{7}; }
    static size_t words(int job_size) { return 1024 + 8 * ((static_cast<size_t>(job_size) * 4 + 7) / 8); }

    char* base_;
    size_t job_size_, n_words_;
};

/* What one collective works with. */
struct Scratch {
    uint64_t* words;
    char* bytes;
};

class Team {
  public:
    /* ctx: its heap includes the work area; it outlives the team. ranks: those of the job, ctx.rank among them. */
    Team(const pmx_device_ctx_t& ctx, std::vector<int> ranks);
    /* Before any other call. part: zeroed, or left by teams whose last_number() was at most first_number, a value that
     * all members give alike. */
    void begin(const TeamPart& part, uint64_t first_number);

    int rank() const { return rank_; }
    int size() const { return static_cast<int>(ranks_.size()); }
    int job_rank(int member) const { return ranks_[static_cast<size_t>(member)]; }
    /* -1: no member. */
    int find(int job_rank) const;
    uint64_t last_number() const;

    /* Collective. Returns after all members have entered. */
    Status sync();
    /* Collective over the members that are left, whatever has failed before. As Shrink::agree. */
    Status agree_who_is_left(ShrinkView& view);

    /* What collectives are made of. */

    /* Begins a collective. n_words: up to TeamPart::n_words(); n_bytes: up to TeamPart::kBytes. May meet the others. */
    Status take(size_t n_words, size_t n_bytes, Scratch& scratch_out);
    /* n_bytes from src to dst of a member, then the number of this collective into its word. Both addresses are of this
     * rank and in the heap; src stays as it is until complete(), or until the receiver must have answered. */
    Status send(int member, void* dst, const void* src, size_t n_bytes, uint64_t* word);
    /* Until a member has sent the word. */
    Status wait(const uint64_t* word);
    /* Until what was sent has left the memory of this rank. */
    Status complete() { return complete(ctx_); }
    /* The same of another context. */
    Status complete(const pmx_device_ctx_t& ctx);

  private:
    bool member_failed();
    Status wait_for(const uint64_t* word, uint64_t number);
    Status failed(int err);

    const pmx_device_ctx_t& ctx_;
    std::vector<int> ranks_;
    int rank_ = 0;
    TeamPart part_{nullptr, 0};
    uint64_t number_ = 0;   /* of the collective */
    uint64_t n_syncs_ = 0;  /* what sync words hold. Two sets by parity: no rank is two ahead of another */
    uint64_t n_shrinks_ = 0, shrink_number_ = 0; /* the calls, and the last number that their words can hold */
    size_t words_taken_ = 0, bytes_taken_ = 0;
    uint32_t n_failed_seen_ = 0; /* so many ranks have failed, none of them a member */
    Status failure_;             /* the first one, which stays */
};

}  // namespace pmx

/* What a pmx_team_t points to. */
struct pmx_team final : pmx::Team {
    using Team::Team;
};
