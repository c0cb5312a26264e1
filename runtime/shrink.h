/* SPDX-License-Identifier: BSD-3-Clause */
/* shrink.h: how the members of a team that are left agree on who is left.
 *
 * They talk in rounds. In each a member sends its view to all, waits for the views of those that it does not take for
 * lost, and joins what it hears to its own. Who hears its own view from all others has decided, and says so in the round
 * after; who hears that another has decided takes its view. A rank that fails meanwhile costs a round or two.
 *
 * What makes it safe: a member completes its messages of a round before it looks at those of the others, and looks again
 * at what a rank has sent after it has seen it fail. So nobody can have decided without word of it reaching all that are
 * left, and two decide differently only where each takes the other for failed. */
#pragma once

#include <vector>

#include "runtime/team.h"

namespace pmx {

/* What is agreed on. Joining only ever takes slots away, and adds to the rest. */
struct ShrinkView {
    uint64_t free_slots = 0;    /* of the next team: free on all members */
    uint64_t last_number = 0;   /* the largest of all members */
    std::vector<uint64_t> lost; /* a bit for each member */

    bool is_lost(int member) const { return lost[static_cast<size_t>(member) / 64] >> (member % 64) & 1; }
    void lose(int member) { lost[static_cast<size_t>(member) / 64] |= uint64_t{1} << (member % 64); }
    void join(const ShrinkView& other);
    bool operator==(const ShrinkView&) const = default;
};

class Shrink {
  public:
    static constexpr uint64_t kRounds = uint64_t{1} << 21; /* of a call; a team has at most 2^20 members */

    /* part: of the team. call: counts the calls on the team. The words hold first_number + 1 to first_number + kRounds,
     * more than any call before. */
    Shrink(const pmx_device_ctx_t& ctx, const Team& team, const TeamPart& part, uint64_t call, uint64_t first_number);

    /* Collective over the members that are left. view: what this member brings, lost empty; then what all agree on.
     * PMX_ERR_PEER_FAILED: the others take this rank for failed. PMX_ERR_TIMEOUT: a member that lives has not come
     * within PMX_TIMEOUT. */
    Status agree(ShrinkView& view);

  private:
    enum class Kind : uint64_t { view, decided, gave_up };
    struct Message {
        bool came = false;
        Kind kind = Kind::view;
        int64_t err = 0; /* of gave_up */
        ShrinkView view;
    };
    bool failed_here(int member) const;
    Status send(Kind kind, const ShrinkView& view, int64_t err = 0);
    Status receive(int member, uint64_t deadline_ns, Message& message_out);
    Status round(ShrinkView& view, bool& decided_out);
    Status give_up(const ShrinkView& view, Status why);
    Status left_out() const;
    uint64_t* cell(int member) const { return part_.shrink_cell(team_.job_rank(member), call_, number_); }

    const pmx_device_ctx_t& ctx_;
    const Team& team_;
    const TeamPart& part_;
    const uint64_t call_;
    uint64_t number_; /* of the round */
};

}  // namespace pmx
