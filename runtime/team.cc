/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/team.h"

#include <algorithm>

#include "runtime/failures.h"
#include "runtime/shrink.h"

namespace pmx {

Team::Team(const pmx_device_ctx_t& ctx, std::vector<int> ranks)
    : ctx_(ctx), ranks_(std::move(ranks)), rank_(find(ctx.rank))
{
}

void Team::begin(const TeamPart& part, uint64_t first_number)
{
    part_ = part;
    number_ = n_syncs_ = shrink_number_ = first_number;
}

int Team::find(int job_rank) const
{
    auto it = std::find(ranks_.begin(), ranks_.end(), job_rank);
    return it == ranks_.end() ? -1 : static_cast<int>(it - ranks_.begin());
}

uint64_t Team::last_number() const { return std::max({number_, n_syncs_, shrink_number_}); }

/* By dissemination, as collectives.h has it. */
Status Team::sync()
{
    if (!failure_.ok()) return failure_;
    n_syncs_++;
    for (int round = 0, ahead = 1; ahead < size(); round++, ahead *= 2) {
        uint64_t* word = part_.sync_word(n_syncs_ & 1, round);
        int to = ranks_[static_cast<size_t>((rank_ + ahead) % size())];
        if (int err = signal_set(thread, ctx_, word, n_syncs_, to)) return failed(err);
        PMX_TRY(wait_for(word, n_syncs_));
    }
    return {};
}

Status Team::take(size_t n_words, size_t n_bytes, Scratch& scratch_out)
{
    if (!failure_.ok()) return failure_;
    n_bytes = (n_bytes + 63) & ~size_t{63};
    if (n_words > part_.n_words() || n_bytes > TeamPart::kBytes)
        return fail(PMX_ERR_INTERNAL, "a collective takes {} words and {} bytes, allowed {} and {}", n_words, n_bytes,
                    part_.n_words(), TeamPart::kBytes);
    if (words_taken_ + n_words > part_.n_words() || bytes_taken_ + n_bytes > TeamPart::kBytes) {
        PMX_TRY(sync());
        words_taken_ = bytes_taken_ = 0;
    }
    number_++;
    scratch_out = {part_.word(words_taken_), part_.bytes() + bytes_taken_};
    words_taken_ += n_words;
    bytes_taken_ += n_bytes;
    return {};
}

Status Team::send(int member, void* dst, const void* src, size_t n_bytes, uint64_t* word)
{
    int err = put_signal(thread, ctx_, dst, src, n_bytes, word, number_, PMX_SIGNAL_SET, job_rank(member));
    return err ? failed(err) : Status();
}

Status Team::wait(const uint64_t* word) { return wait_for(word, number_); }

Status Team::wait_for(const uint64_t* word, uint64_t number)
{
    bool lost = false;
    int err = detail::wait_until(ctx_, detail::kNoRank, 0, [&] {
        if (detail::load_acquire(word) >= number) return true;
        lost = member_failed();
        return lost;
    });
    if (lost) err = PMX_ERR_PEER_FAILED;
    return err ? failed(err) : Status();
}

Status Team::agree_who_is_left(ShrinkView& view)
{
    uint64_t first_number = shrink_number_;
    shrink_number_ += Shrink::kRounds;
    view.last_number = std::max(view.last_number, last_number());
    return Shrink(ctx_, *this, part_, n_shrinks_++, first_number).agree(view);
}

Status Team::complete(const pmx_device_ctx_t& ctx)
{
    int err = quiet(thread, ctx);
    if (err == PMX_ERR_PEER_FAILED && !member_failed()) err = PMX_SUCCESS;
    return err ? failed(err) : Status();
}

/* The failure of a rank of another team is no reason to give up. */
bool Team::member_failed()
{
    uint32_t n_failed = detail::load_acquire(ctx_.n_failed);
    if (n_failed == n_failed_seen_) return false;
    for (int rank : ranks_)
        if (detail::load_acquire(&ctx_.peer_failed[rank])) return true;
    n_failed_seen_ = n_failed;
    return false;
}

Status Team::failed(int err)
{
    failure_ = device_failure(ctx_, "a collective on a team", err);
    return failure_;
}

}  // namespace pmx
