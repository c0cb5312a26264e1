/* SPDX-License-Identifier: BSD-3-Clause */
/* context.h: contexts. shmem_ctx_create is no collective call and pmx_ctx_create is one, so shmem_init makes a few contexts of
 * pmx, which those of the program share: completing one may then complete others too. */
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "shmem/job.h"

namespace pmx::shmem {

struct Context {
    pmx_ctx_t pmx;
    size_t pool_index;
    shmem_team_t team;
    std::vector<int> pes; /* of the job, for each PE of the team; empty: they are the same */
};

class Contexts {
  public:
    static constexpr size_t kMost = 1024;
    static constexpr size_t kPool = 4;

    /* Collective. */
    int open();
    /* Collective; frees what is left too. */
    void close();

    /* SHMEM_CTX_INVALID: kMost are there. */
    shmem_ctx_t create(shmem_team_t team, std::vector<int> pes);
    void destroy(shmem_ctx_t ctx);
    /* Null: no context of create(). */
    const Context* find(shmem_ctx_t ctx) const
    {
        uintptr_t slot = reinterpret_cast<uintptr_t>(ctx) - kFirst;
        return slot < kMost ? table_[slot].load(std::memory_order_acquire) : nullptr;
    }

  private:
    /* Handles are numbers from here on, beyond SHMEM_CTX_INVALID and SHMEM_CTX_DEFAULT. */
    static constexpr uintptr_t kFirst = 2;

    std::mutex lock_; /* of create, destroy */
    std::array<std::atomic<Context*>, kMost> table_{};
    std::array<pmx_ctx_t, kPool> pool_{};
    std::array<size_t, kPool> n_users_{};
};
extern Contexts contexts;

/* For ctx_create and team_create_ctx: their result. */
int create_context(shmem_team_t team, std::vector<int> pes, long options, shmem_ctx_t* ctx_out);

/* What pmx has for a call on a context: ends the job where it is none. */
pmx_ctx_t pmx_context_slow(const Call& call);
inline pmx_ctx_t pmx_context(const Call& call)
{
    return __builtin_expect(call.ctx == SHMEM_CTX_DEFAULT, 1) ? PMX_CTX_DEFAULT : pmx_context_slow(call);
}

/* And for a PE of that context: a rank of the job. */
struct Target {
    pmx_ctx_t ctx;
    int rank;
};
Target target_slow(const Call& call, int pe);
inline Target target(const Call& call, int pe)
{
    return __builtin_expect(call.ctx == SHMEM_CTX_DEFAULT, 1) ? Target{PMX_CTX_DEFAULT, pe} : target_slow(call, pe);
}

}  // namespace pmx::shmem
