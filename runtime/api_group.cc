/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups for host callers: puts go as they come, the signals wait here for the commit. */
#include <algorithm>

#include "runtime/api_checks.h"
#include "runtime/groups.h"

using namespace pmx;

namespace {

struct Signal {
    uint64_t* sig_sym;
    uint64_t value;
    pmx_sigop_t op;
};

}  // namespace

struct pmx_group {
    pmx_ctx_t ctx;
    int dst_rank;
    std::vector<Signal> signals;
};

namespace pmx {

Groups::Groups() = default;
Groups::~Groups() = default;

pmx_group_t Groups::make(pmx_ctx_t ctx, int dst_rank)
{
    std::lock_guard lock(mutex_);
    groups_.push_back(std::make_unique<pmx_group>(pmx_group{ctx, dst_rank, {}}));
    return groups_.back().get();
}

bool Groups::has(pmx_group_t group)
{
    std::lock_guard lock(mutex_);
    return std::any_of(groups_.begin(), groups_.end(), [&](auto& each) { return each.get() == group; });
}

std::unique_ptr<pmx_group> Groups::take(pmx_group_t group)
{
    std::lock_guard lock(mutex_);
    auto at = std::find_if(groups_.begin(), groups_.end(), [&](auto& each) { return each.get() == group; });
    if (at == groups_.end()) return nullptr;
    std::unique_ptr<pmx_group> taken = std::move(*at);
    groups_.erase(at);
    return taken;
}

namespace {

bool known(const char* name, pmx_group_t group, int& err_out)
{
    Runtime* rt = runtime_or_report(name);
    if (rt && rt->groups.has(group)) return true;
    err_out = rt ? report(fail(PMX_ERR_ARGUMENT, "{}: group is not from pmx_group_begin, or was committed", name))
                 : int{PMX_ERR_STATE};
    return false;
}

/* The first signal carries the order point of the group; with coupled signals each has its own. */
int send(const pmx_device_ctx_t& device, const pmx_group& group)
{
    unsigned flags = PMX_CMD_ORDER | PMX_CMD_COMMIT;
    for (const Signal& each : group.signals) {
        if (Checked* checked = checked_way(group.ctx, group.dst_rank, {each.sig_sym})) {
            Checked::What what;
            what.sig_off = host_off(device, each.sig_sym);
            what.value = each.value;
            what.op = each.op;
            if (int err = checked->send(device, what, false, group.dst_rank)) return err;
            continue;
        }
        if (void* direct = ptr(device, each.sig_sym, group.dst_rank)) {
            detail::apply_signal(static_cast<uint64_t*>(direct), each.value, each.op);
            continue;
        }
        pmx_command_t command = detail::signal_command(detail::heap_off(device, each.sig_sym), each.value, each.op,
                                                       flags, group.dst_rank);
        if (int err = detail::push(device, group.dst_rank, &command, 1)) return err;
        if (device.signals != PMX_SIGNALS_COUPLED) flags = 0;
    }
    return PMX_SUCCESS;
}

}  // namespace

}  // namespace pmx

extern "C" int pmx_group_begin(pmx_ctx_t ctx, int dst_rank, pmx_group_t* group_out)
try {
    return call(
        "group_begin", ctx,
        [=](const pmx_device_ctx_t& device) {
            if (!group_out) return fail(PMX_ERR_ARGUMENT, "group_out is NULL");
            return check_rank(device, "dst_rank", dst_rank);
        },
        [=](const pmx_device_ctx_t&) {
            *group_out = runtime()->groups.make(ctx, dst_rank);
            return 0;
        });
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "group_begin: out of memory");
}

extern "C" int pmx_group_put(pmx_group_t group, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    int err = 0;
    if (!known("group_put", group, err)) return err;
    if (!runtime()->params.check) return pmx_put_nbi(group->ctx, dst_sym, src_sym, n_bytes, group->dst_rank);
    return call(
        "group_put", group->ctx,
        [=](const pmx_device_ctx_t& device) { return check_put(device, dst_sym, src_sym, n_bytes, group->dst_rank); },
        [=](const pmx_device_ctx_t& device) {
            if (Checked* checked = checked_way(group->ctx, group->dst_rank, {dst_sym, src_sym}))
                return checked->send(device, {host_off(device, dst_sym), src_sym, n_bytes}, true, group->dst_rank);
            return put(thread, device, dst_sym, src_sym, n_bytes, group->dst_rank);
        });
}

extern "C" int pmx_group_signal(pmx_group_t group, uint64_t* sig_sym, uint64_t value, pmx_sigop_t op)
try {
    int err = 0;
    if (!known("group_signal", group, err)) return err;
    return call(
        "group_signal", group->ctx,
        [=](const pmx_device_ctx_t& device) {
            PMX_TRY(check_signal(device, sig_sym));
            return check_choice("op", op, PMX_SIGNAL_ADD);
        },
        [=](const pmx_device_ctx_t&) {
            group->signals.push_back({sig_sym, value, op});
            return 0;
        });
} catch (const std::bad_alloc&) {
    return pmx_error_report(PMX_ERR_MEMORY, "group_signal: out of memory");
}

extern "C" int pmx_group_commit(pmx_group_t group)
{
    Runtime* rt = runtime_or_report("group_commit");
    if (!rt) return PMX_ERR_STATE;
    std::unique_ptr<pmx_group> ended = rt->groups.take(group);
    if (!ended)
        return report(fail(PMX_ERR_ARGUMENT, "group_commit: group is not from pmx_group_begin, or was committed"));
    return call(
        "group_commit", ended->ctx,
        [&](const pmx_device_ctx_t& device) {
            int err = detail::check(device, ended->dst_rank);
            return err ? device_failure(device, "dst_rank", err) : Status();
        },
        [&](const pmx_device_ctx_t& device) { return send(device, *ended); });
}
