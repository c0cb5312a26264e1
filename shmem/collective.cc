/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/collective.h"

#include "shmem/team.h"

namespace pmx::shmem {

namespace {

/* The one of the two that is not symmetric, for the reason. */
const void* culprit(const void* dest, const void* source) { return in_heap(symmetric(dest)) ? source : dest; }

int done(const Call& call, int err, const void* dest, const void* source)
{
    must(call.name, err, culprit(dest, source));
    return 0;
}

}  // namespace

int broadcast_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes, int root)
{
    return done(call, pmx_broadcast(team_of(call, team).pmx, symmetric(dest), symmetric(source), n_bytes, root), dest, source);
}

int collect_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return done(call, pmx_allgatherv(team_of(call, team).pmx, symmetric(dest), symmetric(source), n_bytes), dest, source);
}

int fcollect_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return done(call, pmx_allgather(team_of(call, team).pmx, symmetric(dest), symmetric(source), n_bytes), dest, source);
}

int alltoall_bytes(Call call, shmem_team_t team, void* dest, const void* source, size_t n_bytes)
{
    return done(call, pmx_alltoall(team_of(call, team).pmx, symmetric(dest), symmetric(source), n_bytes), dest, source);
}

int alltoalls_bytes(Call call, shmem_team_t handle, void* dest, const void* source, Strides strides, size_t elem_bytes,
                    size_t n_elems)
{
    const Team& team = team_of(call, handle);
    check_strides(call, strides);
    const size_t to = times(times(static_cast<size_t>(team.me), n_elems), times(static_cast<size_t>(strides.dst), elem_bytes));
    for (int i = 0; i < team.size(); i++) {
        /* Each begins with the one behind it, so that not all go to one. */
        const int other = (team.me + 1 + i) % team.size();
        const size_t from =
            times(times(static_cast<size_t>(other), n_elems), times(static_cast<size_t>(strides.src), elem_bytes));
        const int pe = team.pes[static_cast<size_t>(other)];
        must(call.name,
             pmx_iput(PMX_CTX_DEFAULT, static_cast<char*>(symmetric(dest)) + to, static_cast<const char*>(source) + from,
                      static_cast<size_t>(strides.dst), static_cast<size_t>(strides.src), elem_bytes, n_elems, pe),
             dest);
    }
    for (int pe : team.pes) must(call.name, pmx_quiet_rank(PMX_CTX_DEFAULT, pe));
    must(call.name, pmx_team_sync(team.pmx));
    return 0;
}

int reduce(Call call, shmem_team_t team, void* dest, const void* source, size_t n_elems, pmx_type_t type, pmx_op_t op)
{
    return done(call, pmx_allreduce(team_of(call, team).pmx, symmetric(dest), symmetric(source), n_elems, type, op), dest,
                source);
}

namespace api {

int team_sync(Call call, shmem_team_t team)
{
    if (team == SHMEM_TEAM_INVALID) return 1;
    must(call.name, pmx_team_sync(team_of(call, team).pmx));
    return 0;
}

}  // namespace api

}  // namespace pmx::shmem
