/* SPDX-License-Identifier: BSD-3-Clause */
/* teams.h: the teams of this rank, and making and freeing them. find() is for any thread, the rest for one at a time. */
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "runtime/team.h"

namespace pmx {

class Teams {
  public:
    static constexpr int kMost = 64; /* bits of a word */
    static size_t n_bytes(int job_size) { return kMost * TeamPart::n_bytes(job_size); }

    /* area: zeroed, n_bytes(ctx.size), at the same heap offset on all ranks; in the heap of ctx, which outlives this.
     * Makes the team of all ranks. */
    Teams(const pmx_device_ctx_t& ctx, char* area);

    pmx_team_t world() const { return teams_[0].load(std::memory_order_relaxed); }
    /* The team behind a handle, or nullptr. */
    pmx_team_t find(pmx_team_t handle) const;

    /* Collective over parent. ranks: of the job, those of the new team of this rank; empty: in none, which gives
     * PMX_TEAM_NONE. arguments: what must be the same on all members of parent. checked: a failure of this rank
     * alone, which becomes one of all. */
    Status split(Team& parent, std::vector<int> ranks, uint64_t arguments, const Status& checked, pmx_team_t& team_out);
    /* Collective over the members of team that are left: the team of those that all take for alive. */
    Status shrink(Team& team, pmx_team_t& team_out);
    /* Collective over team. It is gone, whatever this returns. */
    Status free(pmx_team_t team);

  private:
    TeamPart part(int slot) const;
    uint64_t free_slots() const;
    pmx_team_t put_in(uint64_t free_slots, std::unique_ptr<pmx_team> team, uint64_t first_number);

    const pmx_device_ctx_t& ctx_;
    char* area_;
    uint64_t last_number_ = 0; /* of all teams that were freed */
    uint64_t lost_slots_ = 0;  /* of teams that had failed: members that live may still send to them */
    /* Slot 0 is the world. Writer: one thread at a time, release. Readers: any thread, acquire. */
    std::array<std::atomic<pmx_team_t>, kMost> teams_{};
    std::array<std::unique_ptr<pmx_team>, kMost> owned_;
};

}  // namespace pmx
