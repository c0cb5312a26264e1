/* SPDX-License-Identifier: BSD-3-Clause */
/* Teams, and collectives on them. */
#include <algorithm>
#include <array>

#include "runtime/api_checks.h"
#include "runtime/reduce.h"
#include "runtime/team_collectives.h"

namespace pmx {

namespace {

/* Finds the team, then does go(runtime, team), a Status. */
template <typename Go>
int on_team(const char* name, pmx_team_t handle, Go go)
{
    Runtime* rt = runtime_or_report(name);
    if (!rt) return PMX_ERR_STATE;
    return at_boundary([&]() -> Status {
        pmx_team_t team = rt->teams->find(handle);
        Status status = team ? go(*rt, *team) : fail(PMX_ERR_ARGUMENT, "team is not a team");
        return status.ok() ? status : fail(status.code(), "{}: {}", name, status.detail());
    });
}

Status check_out(const void* out) { return out ? Status() : fail(PMX_ERR_ARGUMENT, "the out-argument is NULL"); }

/* n blocks of n_bytes in the heap of host memory. */
Status check_blocks(Runtime& rt, const char* what, const void* p, size_t n, size_t n_bytes)
{
    size_t all;
    const char* base = rt.heap.base();
    uint64_t off = static_cast<uint64_t>(static_cast<const char*>(p) - base);
    if (!__builtin_mul_overflow(n, n_bytes, &all) && off <= rt.params.heap_bytes && all <= rt.params.heap_bytes - off)
        return {};
    return fail(PMX_ERR_ADDRESS, "{} {} with {} times {} bytes is not in the symmetric heap of host memory", what, p, n,
                n_bytes);
}

Status check_member(const Team& team, const char* what, int member)
{
    if (member >= 0 && member < team.size()) return {};
    return fail(PMX_ERR_RANK, "{} is {}, allowed 0..{}", what, member, team.size() - 1);
}

/* Where both have their place, and n_bytes is 0 nothing is to be done. */
Status check_two(Runtime& rt, const void* dst_sym, size_t n_dst, const void* src_sym, size_t n_src, size_t n_bytes)
{
    PMX_TRY(check_blocks(rt, "dst_sym", dst_sym, n_dst, n_bytes));
    return check_blocks(rt, "src_sym", src_sym, n_src, n_bytes);
}

Status split_strided(Runtime& rt, Team& parent, int first, int stride, int size, pmx_team_t& team_out)
{
    int64_t last = first + static_cast<int64_t>(stride) * (size - 1);
    Status checked = check_member(parent, "first", first);
    if (checked.ok() && (size < 1 || size > parent.size()))
        checked = fail(PMX_ERR_ARGUMENT, "size is {}, allowed 1..{}", size, parent.size());
    if (checked.ok() && stride == 0 && size > 1) checked = fail(PMX_ERR_ARGUMENT, "stride is 0, with a size of {}", size);
    if (checked.ok() && (last < 0 || last >= parent.size()))
        checked = fail(PMX_ERR_RANK, "the last member would be {} of the parent, allowed 0..{}", last, parent.size() - 1);
    std::vector<int> ranks;
    for (int i = 0; checked.ok() && i < size; i++) ranks.push_back(parent.job_rank(first + i * stride));
    int me = parent.job_rank(parent.rank());
    if (std::find(ranks.begin(), ranks.end(), me) == ranks.end()) ranks.clear();
    uint64_t arguments = static_cast<uint64_t>(static_cast<uint32_t>(first)) << 40 ^
                         static_cast<uint64_t>(static_cast<uint32_t>(stride)) << 20 ^ static_cast<uint32_t>(size);
    return rt.teams->split(parent, std::move(ranks), arguments, checked, team_out);
}

Status split_color(Runtime& rt, Team& parent, int color, int key, pmx_team_t& team_out)
{
    struct Choice {
        int color, key;
    };
    size_t size = static_cast<size_t>(parent.size());
    if (size * sizeof(Choice) > TeamPart::kBytes)
        return fail(PMX_ERR_UNSUPPORTED, "the parent has {} members, allowed {}", size, TeamPart::kBytes / sizeof(Choice));
    Choice mine = {color, key};
    std::vector<Choice> all(size);
    PMX_TRY(team_allgather_small(parent, all.data(), &mine, sizeof mine));
    Status checked;
    if (color < -1) checked = fail(PMX_ERR_ARGUMENT, "color is {}, allowed -1 and more", color);
    std::vector<int> members;
    for (int r = 0; color >= 0 && r < parent.size(); r++)
        if (all[static_cast<size_t>(r)].color == color) members.push_back(r);
    std::stable_sort(members.begin(), members.end(), [&](int a, int b) {
        return all[static_cast<size_t>(a)].key < all[static_cast<size_t>(b)].key;
    });
    for (int& member : members) member = parent.job_rank(member);
    return rt.teams->split(parent, std::move(members), 0, checked, team_out);
}

/* Members give their sizes first, so that all find the same places, or the same failure. */
Status allgatherv(Runtime& rt, Team& team, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    size_t size = static_cast<size_t>(team.size());
    std::vector<size_t> sizes(size), offs(size + 1);
    Status mine = check_blocks(rt, "src_sym", src_sym, 1, n_bytes);
    size_t given = mine.ok() ? n_bytes : SIZE_MAX;
    PMX_TRY(team_allgather_small(team, sizes.data(), &given, sizeof given));
    PMX_TRY(mine);
    for (size_t r = 0; r < size; r++) {
        if (sizes[r] == SIZE_MAX) return fail(PMX_ERR_MISMATCH, "src_sym of member {} is not in the symmetric heap", r);
        offs[r + 1] = offs[r] + sizes[r];
    }
    PMX_TRY(check_blocks(rt, "dst_sym", dst_sym, 1, offs[size]));
    return team_allgather_parts(team, dst_sym, src_sym, offs);
}

}  // namespace

}  // namespace pmx

using namespace pmx;

extern "C" int pmx_team_world(pmx_team_t* team_out)
{
    Runtime* rt = runtime_or_report("team_world");
    if (!rt) return PMX_ERR_STATE;
    if (!team_out) return pmx_error_report(PMX_ERR_ARGUMENT, "team_world: team_out is NULL");
    *team_out = rt->teams->world();
    return PMX_SUCCESS;
}

extern "C" int pmx_team_split_strided(pmx_team_t parent, int first, int stride, int size, pmx_team_t* team_out)
{
    return on_team("team_split_strided", parent, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_out(team_out));
        return split_strided(rt, team, first, stride, size, *team_out);
    });
}

extern "C" int pmx_team_split_color(pmx_team_t parent, int color, int key, pmx_team_t* team_out)
{
    return on_team("team_split_color", parent, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_out(team_out));
        return split_color(rt, team, color, key, *team_out);
    });
}

extern "C" int pmx_team_rank(pmx_team_t handle, int* rank_out)
{
    return on_team("team_rank", handle, [=](Runtime&, Team& team) {
        PMX_TRY(check_out(rank_out));
        *rank_out = team.rank();
        return Status();
    });
}

extern "C" int pmx_team_size(pmx_team_t handle, int* size_out)
{
    return on_team("team_size", handle, [=](Runtime&, Team& team) {
        PMX_TRY(check_out(size_out));
        *size_out = team.size();
        return Status();
    });
}

extern "C" int pmx_team_translate(pmx_team_t from_team, int rank, pmx_team_t to_team, int* rank_out)
{
    return on_team("team_translate", from_team, [=](Runtime& rt, Team& from) {
        pmx_team_t to = rt.teams->find(to_team);
        if (!to) return fail(PMX_ERR_ARGUMENT, "to_team is not a team");
        PMX_TRY(check_member(from, "rank", rank));
        PMX_TRY(check_out(rank_out));
        *rank_out = to->find(from.job_rank(rank));
        return Status();
    });
}

extern "C" int pmx_team_shrink(pmx_team_t handle, pmx_team_t* team_out)
{
    return on_team("team_shrink", handle, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_out(team_out));
        return rt.teams->shrink(team, *team_out);
    });
}

extern "C" int pmx_team_free(pmx_team_t handle)
{
    return on_team("team_free", handle, [=](Runtime& rt, Team&) {
        if (handle == rt.teams->world()) return fail(PMX_ERR_ARGUMENT, "the team of all ranks is not to be freed");
        return rt.teams->free(handle);
    });
}

extern "C" int pmx_team_sync(pmx_team_t handle)
{
    return on_team("team_sync", handle, [](Runtime&, Team& team) { return team.sync(); });
}

extern "C" int pmx_team_barrier(pmx_team_t handle)
{
    return on_team("team_barrier", handle, [](Runtime& rt, Team& team) {
        PMX_TRY(team.complete(rt.default_context->device));
        int err = rt.default_context->complete_checked(PMX_RANK_ANY, PMX_SUCCESS);
        if (err && err != PMX_ERR_PEER_FAILED) return device_failure(rt.default_context->device, "quiet", err);
        return team.sync();
    });
}

extern "C" int pmx_broadcast(pmx_team_t handle, void* dst_sym, const void* src_sym, size_t n_bytes, int root)
{
    return on_team("broadcast", handle, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_member(team, "root", root));
        PMX_TRY(check_two(rt, dst_sym, 1, src_sym, 1, n_bytes));
        return n_bytes ? team_broadcast(team, dst_sym, src_sym, n_bytes, root) : Status();
    });
}

extern "C" int pmx_allgather(pmx_team_t handle, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    return on_team("allgather", handle, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_two(rt, dst_sym, static_cast<size_t>(team.size()), src_sym, 1, n_bytes));
        return n_bytes ? team_allgather(team, dst_sym, src_sym, n_bytes) : Status();
    });
}

extern "C" int pmx_allgatherv(pmx_team_t handle, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    return on_team("allgatherv", handle,
                   [=](Runtime& rt, Team& team) { return allgatherv(rt, team, dst_sym, src_sym, n_bytes); });
}

extern "C" int pmx_alltoall(pmx_team_t handle, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    return on_team("alltoall", handle, [=](Runtime& rt, Team& team) {
        size_t size = static_cast<size_t>(team.size());
        PMX_TRY(check_two(rt, dst_sym, size, src_sym, size, n_bytes));
        return n_bytes ? team_alltoall(team, dst_sym, src_sym, n_bytes) : Status();
    });
}

extern "C" int pmx_allreduce(pmx_team_t handle, void* dst_sym, const void* src_sym, size_t n_elems, pmx_type_t type,
                             pmx_op_t op)
{
    return on_team("allreduce", handle, [=](Runtime& rt, Team& team) {
        PMX_TRY(check_choice("type", type, PMX_DOUBLE_COMPLEX));
        PMX_TRY(check_choice("op", op, PMX_OP_XOR));
        if (!reduce_allowed(type, op))
            return fail(PMX_ERR_ARGUMENT, "op {} is not one for type {}: see pmx_op_t", int{op}, int{type});
        PMX_TRY(check_two(rt, dst_sym, n_elems, src_sym, n_elems, type_bytes(type)));
        return n_elems ? team_allreduce(team, dst_sym, src_sym, n_elems, type, op) : Status();
    });
}
