/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/team.h"

#include <algorithm>
#include <memory>

#include "shmem/context.h"

namespace pmx::shmem {

Teams teams;

namespace {

/* The first PE of the job whose memory this one reaches by plain stores: the same for all that reach each other. */
int first_in_reach()
{
    for (int pe = 0; pe < job.n_pes; pe++) {
        void* direct = nullptr;
        if (pe == job.pe || (!pmx_ptr(job.heap, pe, &direct) && direct)) return pe;
    }
    return job.pe;
}

/* What the caller gets of a split of pmx. */
int take(int err, pmx_team_t made, const shmem_team_config_t* config, long config_mask, shmem_team_t* team_out)
{
    *team_out = SHMEM_TEAM_INVALID;
    if (err) return 1;
    if (made == PMX_TEAM_NONE) return 0;
    if (teams.add(made, config, config_mask, *team_out)) {
        (void)pmx_team_free(made);
        return 1;
    }
    return 0;
}

}  // namespace

int Teams::add(pmx_team_t pmx, const shmem_team_config_t* config, long config_mask, shmem_team_t& team_out)
{
    auto team = std::make_unique<Team>();
    int size = 0;
    int err = pmx_team_size(pmx, &size);
    if (!err) err = pmx_team_rank(pmx, &team->me);
    team->pmx = pmx;
    team->pes.resize(static_cast<size_t>(size));
    for (int i = 0; !err && i < size; i++)
        err = pmx_team_translate(pmx, i, job.world, &team->pes[static_cast<size_t>(i)]);
    if (err) return err;
    if (config && (config_mask & SHMEM_TEAM_NUM_CONTEXTS)) team->config = *config;
    team->config_mask = config_mask;
    auto slot = std::find_if(table_.begin(), table_.end(), [](auto& each) { return each.load() == nullptr; });
    if (slot == table_.end()) return PMX_ERR_MEMORY;
    slot->store(team.release(), std::memory_order_release);
    team_out = reinterpret_cast<shmem_team_t>(static_cast<uintptr_t>(slot - table_.begin()) + 1);
    return PMX_SUCCESS;
}

void Teams::remove(shmem_team_t team) { delete table_[reinterpret_cast<uintptr_t>(team) - 1].exchange(nullptr); }

int Teams::open()
{
    shmem_team_t handle = SHMEM_TEAM_INVALID;
    pmx_team_t shared = PMX_TEAM_NONE;
    int err = add(job.world, nullptr, 0, handle);
    if (!err) err = pmx_team_split_color(job.world, first_in_reach(), job.pe, &shared);
    return err ? err : add(shared, nullptr, 0, handle);
}

void Teams::close()
{
    if (const Team* shared = find(SHMEM_TEAM_SHARED)) (void)pmx_team_free(shared->pmx);
    for (auto& each : table_) delete each.exchange(nullptr);
}

const Team& team_of(const Call& call, shmem_team_t handle)
{
    const Team* team = teams.find(handle);
    if (!team) end_job(call.name, handle == SHMEM_TEAM_INVALID ? "the team is SHMEM_TEAM_INVALID" : "the team is not a team");
    return *team;
}

namespace api {

int team_my_pe(Call, shmem_team_t handle)
{
    const Team* team = teams.find(handle);
    return team ? team->me : -1;
}

int team_n_pes(Call, shmem_team_t handle)
{
    const Team* team = teams.find(handle);
    return team ? team->size() : -1;
}

int team_get_config(Call, shmem_team_t handle, long config_mask, shmem_team_config_t* config)
{
    const Team* team = teams.find(handle);
    if (!team || (config_mask & ~SHMEM_TEAM_NUM_CONTEXTS) || (config_mask && !config)) return 1;
    if (config_mask & SHMEM_TEAM_NUM_CONTEXTS) config->num_contexts = team->config.num_contexts;
    return 0;
}

int team_translate_pe(Call, shmem_team_t from, int pe, shmem_team_t to)
{
    const Team* source = teams.find(from);
    const Team* dest = teams.find(to);
    if (!source || !dest || pe < 0 || pe >= source->size()) return -1;
    auto found = std::find(dest->pes.begin(), dest->pes.end(), source->pes[static_cast<size_t>(pe)]);
    return found == dest->pes.end() ? -1 : static_cast<int>(found - dest->pes.begin());
}

int team_split_strided(Call, shmem_team_t parent, int start, int stride, int size, const shmem_team_config_t* config,
                       long config_mask, shmem_team_t* new_team)
{
    const Team* team = teams.find(parent);
    pmx_team_t made = PMX_TEAM_NONE;
    *new_team = SHMEM_TEAM_INVALID;
    if (!team) return 1;
    int err = pmx_team_split_strided(team->pmx, start, stride, size, &made);
    return take(err, made, config, config_mask, new_team);
}

int team_split_2d(Call, shmem_team_t parent, int xrange, const shmem_team_config_t* x_config, long x_mask,
                  shmem_team_t* x_team, const shmem_team_config_t* y_config, long y_mask, shmem_team_t* y_team)
{
    const Team* team = teams.find(parent);
    *x_team = *y_team = SHMEM_TEAM_INVALID;
    if (!team || xrange < 1) return 1;
    const int x = team->me % xrange, y = team->me / xrange;
    pmx_team_t made = PMX_TEAM_NONE;
    int err = pmx_team_split_color(team->pmx, y, x, &made);
    if (take(err, made, x_config, x_mask, x_team)) return 1;
    err = pmx_team_split_color(team->pmx, x, y, &made);
    return take(err, made, y_config, y_mask, y_team);
}

void team_destroy(Call call, shmem_team_t handle)
{
    if (handle == SHMEM_TEAM_INVALID) return;
    if (handle == SHMEM_TEAM_WORLD || handle == SHMEM_TEAM_SHARED) end_job(call.name, "this team is not to be destroyed");
    pmx_team_t pmx = team_of(call, handle).pmx;
    must(call.name, pmx_team_free(pmx));
    teams.remove(handle);
}

int team_create_ctx(Call, shmem_team_t handle, long options, shmem_ctx_t* ctx)
{
    const Team* team = teams.find(handle);
    return team ? create_context(handle, team->pes, options, ctx) : 1;
}

}  // namespace api

}  // namespace pmx::shmem
