/* SPDX-License-Identifier: BSD-3-Clause */
/* team.h: teams, which are those of pmx with the numbers of their members in the job. */
#pragma once

#include <array>
#include <atomic>
#include <vector>

#include "shmem/job.h"

namespace pmx::shmem {

struct Team {
    pmx_team_t pmx;
    int me;
    std::vector<int> pes; /* of the job */
    long config_mask;
    shmem_team_config_t config;

    int size() const { return static_cast<int>(pes.size()); }
};

class Teams {
  public:
    /* As many as pmx has for one rank. */
    static constexpr size_t kMost = 64;

    /* Collective: SHMEM_TEAM_WORLD and SHMEM_TEAM_SHARED. */
    int open();
    /* Collective; pmx_finalize ends those that the program has left. */
    void close();

    /* An error of pmx; team_out is written on success. */
    int add(pmx_team_t pmx, const shmem_team_config_t* config, long config_mask, shmem_team_t& team_out);
    void remove(shmem_team_t team);
    /* Null: no team. */
    const Team* find(shmem_team_t team) const
    {
        uintptr_t slot = reinterpret_cast<uintptr_t>(team) - 1;
        return slot < kMost ? table_[slot].load(std::memory_order_acquire) : nullptr;
    }

  private:
    /* Handles are 1 + the place here: SHMEM_TEAM_WORLD has the first, SHMEM_TEAM_SHARED the second. */
    std::array<std::atomic<Team*>, kMost> table_{};
};
extern Teams teams;

/* Ends the job where it is none. */
const Team& team_of(const Call& call, shmem_team_t team);

namespace api {

int team_my_pe(Call call, shmem_team_t team);
int team_n_pes(Call call, shmem_team_t team);
int team_get_config(Call call, shmem_team_t team, long config_mask, shmem_team_config_t* config);
int team_translate_pe(Call call, shmem_team_t from, int pe, shmem_team_t to);
int team_split_strided(Call call, shmem_team_t parent, int start, int stride, int size, const shmem_team_config_t* config,
                       long config_mask, shmem_team_t* new_team);
int team_split_2d(Call call, shmem_team_t parent, int xrange, const shmem_team_config_t* x_config, long x_mask,
                  shmem_team_t* x_team, const shmem_team_config_t* y_config, long y_mask, shmem_team_t* y_team);
void team_destroy(Call call, shmem_team_t team);
int team_create_ctx(Call call, shmem_team_t team, long options, shmem_ctx_t* ctx);

}  // namespace api

}  // namespace pmx::shmem
