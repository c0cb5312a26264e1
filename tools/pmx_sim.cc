/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_sim.cc: reads the options, runs the simulations asked for, prints what they found. */
#include <cstdio>
#include <new>

#include "launcher.h"
#include "order.h"
#include "progress.h"
#include "sim_options.h"
#include "sim_paper.h"
#include "sim_report.h"
#include "transport_softnic_nic.h"

namespace {

using namespace pmx;
using namespace pmx::tools;

/* The modes asked for: one, or all that the fabric can keep. */
std::vector<SimTask> tasks_of(const SimOptions& options)
{
    if (!options.table) return {options.task};
    std::vector<SimTask> tasks;
    for (int order = PMX_ORDER_STALL_ALL; order <= PMX_ORDER_COUNTED; order++)
        for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED}) {
            SimTask task = options.task;
            task.signals = signals;
            if (!resolve_order(static_cast<pmx_order_t>(order), softnic_caps(task.profile), task.order).ok()) continue;
            tasks.push_back(task);
        }
    return tasks;
}

/* The same layer on one node. */
Status one_node(const SimTask& task, double& us_out)
{
    us_out = 0;
    if (task.op != "moe") return {};
    SimTask alone = task;
    alone.n_nodes = 1;
    alone.progress = nullptr;
    SimResult result;
    if (alone.ranks_per_node == 1) return {}; /* one rank: there is no such job */
    PMX_TRY(sim_moe(alone, result));
    us_out = result.p50_us;
    return {};
}

Status run_tasks(const SimOptions& options, std::vector<SimResult>& results, double& one_node_us)
{
    std::vector<SimTask> tasks = tasks_of(options);
    PMX_TRY(one_node(options.task, one_node_us));
    Progress progress("pmx_sim", 0);
    for (size_t i = 0; i < tasks.size(); i++) {
        tasks[i].progress = [&](double share) {
            progress(static_cast<int>(1000 * (static_cast<double>(i) + share)), static_cast<int>(1000 * tasks.size()));
        };
        results.emplace_back();
        PMX_TRY(sim_run(tasks[i], results.back()));
    }
    return {};
}

int print_results(const SimOptions& options, const std::vector<SimResult>& results, double one_node_us)
{
    std::string text;
    if (options.json)
        for (const SimResult& result : results) text += sim_json(result, one_node_us) + "\n";
    else
        text = sim_table(results, one_node_us);
    std::fputs(text.c_str(), stdout);
    if (std::fflush(stdout) != 0) return kExitRuntime;
    for (const SimResult& result : results) {
        Status right = sim_check(result);
        if (right.ok()) continue;
        print_error("pmx_sim", right.detail());
        return kExitWrong;
    }
    return kExitOk;
}

int run(int argc, char** argv)
{
    SimOptions options;
    std::string text;
    Status status = parse_sim_options(argc, argv, options, text);
    if (status.ok() && options.profiles) text = sim_profiles();
    if (status.ok() && text.empty() && options.paper) status = sim_paper(options.task, options.json, text);
    if (!text.empty()) {
        std::fputs(text.c_str(), stdout);
        return std::fflush(stdout) == 0 ? kExitOk : kExitRuntime;
    }
    std::vector<SimResult> results;
    double one_node_us = 0;
    if (status.ok()) status = run_tasks(options, results, one_node_us);
    if (status.ok()) return print_results(options, results, one_node_us);
    print_error("pmx_sim", status.detail());
    return exit_status(status);
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::bad_alloc&) {
        print_error("pmx_sim", "out of memory");
    } catch (const std::exception& error) {
        print_error("pmx_sim", error.what());
    }
    return kExitRuntime;
}
