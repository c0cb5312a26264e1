/* SPDX-License-Identifier: BSD-3-Clause */
/* command_line.h: how the tools read their command line. */
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "config.h"
#include "status.h"

namespace pmx::tools {

/* Reads the options that app, named for its tool, has; adds --version. text_out: what --help or --version wants
 * printed instead of any work, else "". PMX_ERR_ARGUMENT: a bad option, in one line. */
inline Status parse_command_line(CLI::App& app, int argc, char** argv, std::string& text_out)
{
    text_out.clear();
    app.set_version_flag("--version", app.get_name() + " " PACKAGE_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        text_out = app.help();
    } catch (const CLI::CallForVersion& version) {
        text_out = std::string(version.what()) + "\n";
    } catch (const CLI::ParseError& error) {
        return fail(PMX_ERR_ARGUMENT, "{} ({} --help lists the options)", error.what(), app.get_name());
    }
    return {};
}

}  // namespace pmx::tools
