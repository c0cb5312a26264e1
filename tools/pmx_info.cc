/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_info.cc: what this build of pmx is and what it finds on this machine. Needs no launcher. */
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "config.h"
#include "info_sections.h"
#include "info_watch.h"
#include "launcher.h"
#include "runtime/params.h"

namespace {

using namespace pmx;
using namespace pmx::tools;
using nlohmann::ordered_json;

constexpr const char* kTool = "pmx_info";

struct Sections {
    bool build = false, transports = false, topology = false, params = false;
    bool roff = false, json = false;
    int watched = 0; /* a process */
    unsigned n_lines = 0;
};

void add_options(CLI::App& app, Sections& s)
{
    app.add_flag("--build", s.build, "how pmx was built");
    app.add_flag("--transports", s.transports,
                 "what the probe of each provider found, and the order mode that PMX_ORDER=auto leads to");
    app.add_flag("--topology", s.topology,
                 "cores and NUMA nodes, where the proxy runs, the transport in use");
    app.add_flag("--params", s.params, "the parameters, with the values in force");
    auto* roff =
        app.add_flag("--params-roff", s.roff, "the parameters as man(7) source, for pmx-environment(7)");
    app.add_flag("--json", s.json, "JSON instead of text")->excludes(roff);
    auto* watch = app.add_option("--watch", s.watched, "the counters of the rank that is this process, a line a second")
                      ->check(CLI::Range(1, INT32_MAX))
                      ->type_name("PID")
                      ->excludes(roff);
    app.add_option("--lines", s.n_lines, "with --watch: so many lines, then an end")
        ->check(CLI::Range(1u, 1000000000u))
        ->type_name("N")
        ->needs(watch);
}

/* The sections asked for; a failure keeps those that went well. */
Status collect(const Sections& s, ordered_json& all)
{
    Status worst;
    const auto keep = [&](const char* name, const Status& status, ordered_json& section) {
        if (status.ok())
            all[name] = std::move(section);
        else if (worst.ok())
            worst = status;
    };
    ordered_json section;
    if (s.build) all["build"] = info_build();
    if (s.transports) all["transports"] = info_transports();
    if (s.params) keep("params", info_params(section), section);
    /* Also after a failure: the other ranks wait in pmx_init, and learn there what is wrong. */
    if (s.topology) keep("topology", info_topology(section), section);
    return worst;
}

/* Rank 0 speaks and fails for all: mpirun would end it before its line is out if another were first. */
int run(int argc, char** argv)
{
    CLI::App app("pmx_info: what this build of pmx is and what it finds here; without an option, all of it",
                 kTool);
    app.set_version_flag("--version", std::string("pmx_info ") + PACKAGE_VERSION);
    app.footer("Exit status: 0 printed; 2 an unknown option, or a bad variable; 3 pmx could not start.\n");
    Sections sections;
    add_options(app, sections);
    const bool speaks = launcher_rank() == 0;
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return speaks ? app.exit(success) : kExitOk;
    } catch (const CLI::ParseError& error) {
        if (!speaks) return kExitOk;
        print_error(kTool, fmt::format("{} (pmx_info --help lists the options)", error.what()));
        return kExitInput;
    }
    Sections& s = sections;
    if (s.roff) {
        if (speaks) fmt::print("{}", params_roff());
        return kExitOk;
    }
    if (s.watched) {
        const Status status = speaks ? info_watch(s.watched, s.n_lines, s.json) : Status();
        if (!status.ok()) print_error(kTool, status.detail());
        return exit_status(status);
    }
    if (!s.build && !s.transports && !s.topology && !s.params)
        s.build = s.transports = s.topology = s.params = true;
    ordered_json all = ordered_json::object();
    const Status status = collect(s, all);
    if (speaks && s.json) fmt::print("{}\n", all.dump(2, ' ', true, ordered_json::error_handler_t::replace));
    if (speaks && !s.json)
        for (const auto& [name, section] : all.items()) fmt::print("{}\n{}\n", name, info_text(section));
    const bool written = std::fflush(stdout) == 0;
    if (!speaks) return kExitOk;
    if (!status.ok()) print_error(kTool, status.detail());
    return status.ok() && !written ? kExitRuntime : exit_status(status);
}

}  // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        print_error(kTool, error.what());
    }
    return kExitRuntime;
}
