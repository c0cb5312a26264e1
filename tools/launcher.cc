/* SPDX-License-Identifier: BSD-3-Clause */
/* launcher.cc: exit statuses, error lines and the environment of the launcher. */
#include "launcher.h"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <initializer_list>

#include "numeric.h"

namespace pmx::tools {

namespace {

/* Writer: the handler of HoldSigterm, on any thread. Reader: its destructor. */
volatile std::sig_atomic_t sigterm_came = 0;

/* The first of these variables that holds a number of at least lowest, else otherwise. */
int from_environment(std::initializer_list<const char*> names, int lowest, int otherwise)
{
    for (const char* name : names) {
        const char* text = std::getenv(name);
        if (!text) continue;
        int number = 0;
        if (parse_number(text, number) && number >= lowest) return number;
    }
    return otherwise;
}

}  // namespace

int exit_status(const Status& failure)
{
    if (failure.ok()) return kExitOk;
    int error_class = PMX_CLASS_JOB;
    (void)pmx_error_class(failure.code(), &error_class);
    return error_class == PMX_CLASS_CALL || failure.code() == PMX_ERR_MEMORY ? kExitInput : kExitRuntime;
}

Status from_pmx(int err)
{
    if (err == PMX_SUCCESS) return {};
    const std::string detail = pmx_last_error_detail();
    return Status(static_cast<pmx_err_t>(err), detail.empty() ? pmx_error_string(err) : detail);
}

int launcher_rank() { return from_environment({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}, 0, 0); }

int launcher_size()
{
    /* Slurm sets its variables in batch shells too: they count only for what srun started. */
    const bool by_pmi = std::getenv("PMIX_RANK") || std::getenv("PMI_RANK");
    if (by_pmi) return from_environment({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_NTASKS"}, 1, 1);
    return from_environment({"OMPI_COMM_WORLD_SIZE"}, 1, 1);
}

void print_error(const char* tool, const std::string& line)
{
    std::string text = fmt::format("{}: {}\n", tool, line);
    for (char& c : text)
        if (c == '\n' && &c != &text.back()) c = ' ';
    const char* left = text.data();
    size_t n_bytes = text.size();
    while (n_bytes > 0) {
        const ssize_t n = write(STDERR_FILENO, left, n_bytes);
        if (n <= 0) return; /* nowhere to report it */
        left += n;
        n_bytes -= static_cast<size_t>(n);
    }
}

/* A handler and not a mask: threads that stood before, such as those of OpenBLAS, would take the signal. */
HoldSigterm::HoldSigterm()
{
    struct sigaction note = {};
    note.sa_handler = [](int) { sigterm_came = 1; };
    note.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &note, &before_);
}

HoldSigterm::~HoldSigterm()
{
    sigaction(SIGTERM, &before_, nullptr);
    if (sigterm_came) raise(SIGTERM);
}

}  // namespace pmx::tools
