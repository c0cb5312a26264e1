/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/teams.h"

#include <bit>
#include <numeric>

#include "runtime/shrink.h"
#include "runtime/team_collectives.h"

namespace pmx {

Teams::Teams(const pmx_device_ctx_t& ctx, char* area) : ctx_(ctx), area_(area)
{
    std::vector<int> all(static_cast<size_t>(ctx.size));
    std::iota(all.begin(), all.end(), 0);
    owned_[0] = std::make_unique<pmx_team>(ctx, std::move(all));
    owned_[0]->begin(part(0), 0);
    teams_[0].store(owned_[0].get());
}

TeamPart Teams::part(int slot) const
{
    return TeamPart(area_ + static_cast<size_t>(slot) * TeamPart::n_bytes(ctx_.size), ctx_.size);
}

pmx_team_t Teams::find(pmx_team_t handle) const
{
    if (handle == PMX_TEAM_NONE) return nullptr;
    for (const auto& each : teams_)
        if (each.load(std::memory_order_acquire) == handle) return handle;
    return nullptr;
}

Status Teams::split(Team& parent, std::vector<int> ranks, uint64_t arguments, const Status& checked,
                    pmx_team_t& team_out)
{
    bool member = !ranks.empty();
    auto team = std::make_unique<pmx_team>(ctx_, std::move(ranks));
    /* Members agree on a slot that all have free, and on a number beyond all that its words may hold. */
    uint64_t common[2] = {free_slots(), arguments};
    uint64_t largest[3] = {last_number_, arguments, static_cast<uint64_t>(-checked.code())};
    PMX_TRY(team_allreduce_small(parent, common, common, 2, PMX_UINT64, PMX_OP_AND));
    PMX_TRY(team_allreduce_small(parent, largest, largest, 3, PMX_UINT64, PMX_OP_MAX));
    if (!checked.ok()) return checked;
    if (largest[2] != 0)
        return fail(static_cast<pmx_err_t>(-static_cast<int>(largest[2])), "team_split: another member has failed: {}",
                    pmx_error_string(-static_cast<int>(largest[2])));
    if (common[1] != largest[1])
        return fail(PMX_ERR_MISMATCH, "team_split: the arguments differ between members of the parent team");
    if (common[0] == 0) return fail(PMX_ERR_MEMORY, "team_split: a member is in {} teams already", kMost);
    if (!member) {
        team_out = PMX_TEAM_NONE;
        return {};
    }
    team_out = put_in(common[0], std::move(team), largest[0]);
    return {};
}

Status Teams::shrink(Team& team, pmx_team_t& team_out)
{
    ShrinkView view = {free_slots(), last_number_, {}};
    PMX_TRY(team.agree_who_is_left(view));
    if (view.free_slots == 0) return fail(PMX_ERR_MEMORY, "team_shrink: a member is in {} teams already", kMost);
    std::vector<int> ranks;
    for (int member = 0; member < team.size(); member++)
        if (!view.is_lost(member)) ranks.push_back(team.job_rank(member));
    team_out = put_in(view.free_slots, std::make_unique<pmx_team>(ctx_, std::move(ranks)), view.last_number);
    return {};
}

uint64_t Teams::free_slots() const
{
    uint64_t free = 0;
    for (size_t slot = 0; slot < kMost; slot++)
        if (!owned_[slot]) free |= uint64_t{1} << slot;
    return free & ~lost_slots_;
}

/* free_slots: not 0, the same on all members. */
pmx_team_t Teams::put_in(uint64_t free_slots, std::unique_ptr<pmx_team> team, uint64_t first_number)
{
    int slot = std::countr_zero(free_slots);
    team->begin(part(slot), first_number);
    pmx_team_t handle = team.get();
    owned_[static_cast<size_t>(slot)] = std::move(team);
    teams_[static_cast<size_t>(slot)].store(handle, std::memory_order_release);
    return handle;
}

Status Teams::free(pmx_team_t team)
{
    /* Who has left a collective may still be sending in it: nobody may use the part before all have come here. */
    Status met = team->sync();
    for (size_t slot = 1; slot < kMost; slot++) {
        if (owned_[slot].get() != team) continue;
        last_number_ = std::max(last_number_, team->last_number());
        if (!met.ok()) lost_slots_ |= uint64_t{1} << slot;
        teams_[slot].store(nullptr, std::memory_order_release);
        owned_[slot].reset();
    }
    return met;
}

}  // namespace pmx
