/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/context.h"

#include <algorithm>
#include <string>

#include "shmem/api.h"

namespace pmx::shmem {

Contexts contexts;

int Contexts::open()
{
    pmx_ctx_attr_t attr = {sizeof attr, PMX_ORDER_AUTO, -1, 1};
    for (pmx_ctx_t& each : pool_)
        if (int err = pmx_ctx_create(&attr, &each)) return err;
    n_users_.fill(0);
    return PMX_SUCCESS;
}

void Contexts::close()
{
    for (auto& each : table_) delete each.exchange(nullptr);
    for (pmx_ctx_t& each : pool_) {
        if (each) (void)pmx_ctx_free(each);
        each = nullptr;
    }
}

shmem_ctx_t Contexts::create(shmem_team_t team, std::vector<int> pes)
{
    std::lock_guard<std::mutex> hold(lock_);
    auto slot = std::find_if(table_.begin(), table_.end(), [](auto& each) { return each.load() == nullptr; });
    if (slot == table_.end()) return SHMEM_CTX_INVALID;
    size_t i = static_cast<size_t>(std::min_element(n_users_.begin(), n_users_.end()) - n_users_.begin());
    n_users_[i]++;
    slot->store(new Context{pool_[i], i, team, std::move(pes)}, std::memory_order_release);
    return reinterpret_cast<shmem_ctx_t>(kFirst + static_cast<uintptr_t>(slot - table_.begin()));
}

void Contexts::destroy(shmem_ctx_t ctx)
{
    std::lock_guard<std::mutex> hold(lock_);
    auto& slot = table_[reinterpret_cast<uintptr_t>(ctx) - kFirst];
    n_users_[slot.load()->pool_index]--;
    delete slot.exchange(nullptr);
}

namespace {

const Context& context_of(const Call& call)
{
    const Context* found = contexts.find(call.ctx);
    if (!found) end_job(call.name, call.ctx == SHMEM_CTX_INVALID ? "ctx is SHMEM_CTX_INVALID" : "ctx is not a context");
    return *found;
}

}  // namespace

pmx_ctx_t pmx_context_slow(const Call& call) { return context_of(call).pmx; }

Target target_slow(const Call& call, int pe)
{
    const Context& context = context_of(call);
    if (context.pes.empty()) return {context.pmx, pe};
    if (pe < 0 || static_cast<size_t>(pe) >= context.pes.size()) {
        std::string line = "pe is " + std::to_string(pe) + ", allowed in the team of the context 0.." +
                           std::to_string(context.pes.size() - 1);
        end_job(call.name, line.c_str());
    }
    return {context.pmx, context.pes[static_cast<size_t>(pe)]};
}

int create_context(shmem_team_t team, std::vector<int> pes, long options, shmem_ctx_t* ctx_out)
{
    constexpr long all = SHMEM_CTX_SERIALIZED | SHMEM_CTX_PRIVATE | SHMEM_CTX_NOSTORE;
    if (!ctx_out || (options & ~all)) return 1;
    shmem_ctx_t made = contexts.create(team, std::move(pes));
    if (made == SHMEM_CTX_INVALID) return 1;
    *ctx_out = made;
    return 0;
}

namespace api {

int ctx_create(Call call, long options, shmem_ctx_t* ctx)
{
    if (!job.up) end_job(call.name, "OpenSHMEM is not initialised");
    return create_context(SHMEM_TEAM_WORLD, {}, options, ctx);
}

void ctx_destroy(Call call, shmem_ctx_t ctx)
{
    if (ctx == SHMEM_CTX_INVALID) return;
    if (ctx == SHMEM_CTX_DEFAULT) end_job(call.name, "SHMEM_CTX_DEFAULT is not to be destroyed");
    must(call.name, pmx_quiet(pmx_context({call.name, ctx})));
    contexts.destroy(ctx);
}

int ctx_get_team(Call call, shmem_ctx_t ctx, shmem_team_t* team)
{
    if (ctx == SHMEM_CTX_INVALID) {
        *team = SHMEM_TEAM_INVALID;
        return 1;
    }
    *team = ctx == SHMEM_CTX_DEFAULT ? SHMEM_TEAM_WORLD : context_of({call.name, ctx}).team;
    return 0;
}

void fence(Call call) { must(call.name, pmx_fence(pmx_context(call))); }
void quiet(Call call) { must(call.name, pmx_quiet(pmx_context(call))); }
void barrier_all(Call call) { must(call.name, pmx_barrier()); }
void sync_all(Call call) { must(call.name, pmx_team_sync(job.world)); }

}  // namespace api

}  // namespace pmx::shmem
