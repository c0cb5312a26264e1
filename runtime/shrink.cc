/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/shrink.h"

#include <algorithm>

#include "runtime/failures.h"

namespace pmx {

namespace {

/* Words of a cell. */
constexpr size_t kSignal = 0, kKind = 1, kErr = 2, kFreeSlots = 3, kLastNumber = 4,
                 kLost = TeamPart::kShrinkHeadWords;

}  // namespace

void ShrinkView::join(const ShrinkView& other)
{
    free_slots &= other.free_slots;
    last_number = std::max(last_number, other.last_number);
    for (size_t i = 0; i < lost.size(); i++) lost[i] |= other.lost[i];
}

Shrink::Shrink(const pmx_device_ctx_t& ctx, const Team& team, const TeamPart& part, uint64_t call,
               uint64_t first_number)
    : ctx_(ctx), team_(team), part_(part), call_(call), number_(first_number)
{
}

bool Shrink::failed_here(int member) const
{
    return detail::load_acquire(&ctx_.peer_failed[team_.job_rank(member)]) != 0;
}

Status Shrink::left_out() const
{
    return fail(PMX_ERR_PEER_FAILED, "team_shrink: other members take rank {}, which is this one, for failed",
                ctx_.rank);
}

/* To all members that this rank reaches, those too that are lost by the word of others: they must hear of it.
 */
Status Shrink::send(Kind kind, const ShrinkView& view, int64_t err)
{
    number_++;
    uint64_t* mine = cell(team_.rank());
    mine[kKind] = static_cast<uint64_t>(kind);
    mine[kErr] = static_cast<uint64_t>(err);
    mine[kFreeSlots] = view.free_slots;
    mine[kLastNumber] = view.last_number;
    std::copy(view.lost.begin(), view.lost.end(), mine + kLost);
    size_t n_bytes = (kLost - kKind + view.lost.size()) * sizeof(uint64_t);
    for (int to = 0; to < team_.size(); to++) {
        if (to == team_.rank() || failed_here(to)) continue;
        int sent = put_signal(thread, ctx_, mine + kKind, mine + kKind, n_bytes, mine + kSignal, number_,
                              PMX_SIGNAL_SET, team_.job_rank(to));
        if (sent && sent != PMX_ERR_PEER_FAILED) return device_failure(ctx_, "team_shrink", sent);
    }
    int done = quiet(thread, ctx_);
    return done && done != PMX_ERR_PEER_FAILED ? device_failure(ctx_, "team_shrink", done) : Status();
}

/* Not there when the member has failed without it. */
Status Shrink::receive(int member, uint64_t deadline_ns, Message& message_out)
{
    const uint64_t* theirs = cell(member);
    auto there = [&] { return detail::load_acquire(theirs + kSignal) >= number_; };
    uint64_t now_ns = detail::now_ns();
    int err = detail::wait_until(ctx_, detail::kNoRank, deadline_ns > now_ns ? deadline_ns - now_ns : 1,
                                 [&] { return there() || failed_here(member); });
    if (err == PMX_ERR_TIMEOUT)
        return fail(PMX_ERR_TIMEOUT, "team_shrink: no word from rank {}, which has not failed",
                    team_.job_rank(member));
    if (err) return device_failure(ctx_, "team_shrink", err);
    if (!there()) return {};
    message_out.came = true;
    message_out.kind = static_cast<Kind>(detail::load_relaxed(theirs + kKind));
    message_out.err = static_cast<int64_t>(detail::load_relaxed(theirs + kErr));
    message_out.view.free_slots = detail::load_relaxed(theirs + kFreeSlots);
    message_out.view.last_number = detail::load_relaxed(theirs + kLastNumber);
    for (size_t i = 0; i < message_out.view.lost.size(); i++)
        message_out.view.lost[i] = detail::load_relaxed(theirs + kLost + i);
    /* Who goes on without this rank may write the next message over this one. */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return detail::load_relaxed(theirs + kSignal) == number_ ? Status() : left_out();
}

/* view: sent already. Decided: it is what all have. */
Status Shrink::round(ShrinkView& view, bool& decided_out)
{
    ShrinkView joined = view;
    bool all_same = true;
    const uint64_t deadline_ns = detail::now_ns() + ctx_.timeout_ns;
    for (int from = 0; from < team_.size(); from++) {
        if (from == team_.rank() || view.is_lost(from)) continue;
        Message message;
        message.view.lost.resize(view.lost.size());
        PMX_TRY(receive(from, deadline_ns, message));
        if (!message.came) {
            joined.lose(from);
            all_same = false;
            continue;
        }
        if (message.kind == Kind::gave_up)
            return fail(static_cast<pmx_err_t>(message.err), "team_shrink: rank {} has given up: {}",
                        team_.job_rank(from), pmx_error_string(static_cast<int>(message.err)));
        if (message.view.is_lost(team_.rank())) return left_out();
        if (message.kind == Kind::decided) {
            view = std::move(message.view);
            decided_out = true;
            return {};
        }
        all_same = all_same && message.view == view;
        joined.join(message.view);
    }
    view = std::move(joined);
    decided_out = all_same;
    return {};
}

Status Shrink::give_up(const ShrinkView& view, Status why)
{
    (void)send(Kind::gave_up, view, why.code());
    return why;
}

Status Shrink::agree(ShrinkView& view)
{
    view.lost.assign((static_cast<size_t>(team_.size()) + 63) / 64, 0);
    for (int member = 0; member < team_.size(); member++)
        if (failed_here(member)) view.lose(member);
    for (bool decided = false; !decided;) {
        Status status = send(Kind::view, view);
        if (status.ok()) status = round(view, decided);
        if (!status.ok()) return give_up(view, std::move(status));
    }
    /* Complete everywhere before this rank uses what it tells of. */
    return send(Kind::decided, view);
}

}  // namespace pmx
