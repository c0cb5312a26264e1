/* SPDX-License-Identifier: BSD-3-Clause */
/* diagnosis WHAT: two ranks by the software NIC, where a put from rank 0 to rank 1 never completes. Rank 0
 * then wait      waits for a word that nobody sends, until PMX_TIMEOUT dump      calls pmx_dump for stdout
 *   signal    sends itself SIGUSR1, and goes on when a line about it was to be written
 *   handler   the same with a handler of its own
 * and says "done". */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pmx.h"

namespace {

volatile sig_atomic_t handled = 0;
void on_signal(int) { handled = 1; }

void must(int err)
{
    if (!err) return;
    std::fprintf(stderr, "not set up: %s\n", pmx_last_error_detail());
    std::_Exit(99);
}

void wait_for_post()
{
    pmx_counters_t counters{};
    counters.size_bytes = sizeof counters;
    for (int i = 0; i < 20000 && counters.doorbells == 0; i++) {
        usleep(1000);
        must(pmx_counters_get(PMX_CTX_DEFAULT, &counters));
    }
}

/* What the proxy writes to stderr comes through a pipe, so that it can be waited for. */
void expect_lines()
{
    int ends[2], terminal = dup(2);
    if (pipe(ends) || dup2(ends[1], 2) < 0) std::_Exit(99);
    kill(getpid(), SIGUSR1);
    pollfd entry = {ends[0], POLLIN, 0};
    char text[4096];
    ssize_t n = poll(&entry, 1, 20000) == 1 ? read(ends[0], text, sizeof text) : 0;
    dup2(terminal, 2);
    if (n > 0 && write(1, text, static_cast<size_t>(n)) < 0) std::_Exit(99);
}

}  // namespace

int main(int argc, char** argv)
{
    const char* what = argc == 2 ? argv[1] : "";
    int rank;
    uint64_t* words = nullptr;
    if (!std::strcmp(what, "handler")) signal(SIGUSR1, on_signal);
    must(pmx_init());
    must(pmx_rank(&rank));
    must(pmx_calloc(64, 8, reinterpret_cast<void**>(&words)));
    must(pmx_barrier());
    if (rank == 0) {
        /* From here on nothing gets through to rank 1. */
        int faults = open(std::getenv("PMX_SOFTNIC_SWITCH"), O_WRONLY);
        if (pwrite(faults, "1", 1, 0) != 1) std::_Exit(99);
        must(pmx_counters_reset(PMX_CTX_DEFAULT));
        must(pmx_put_nbi(PMX_CTX_DEFAULT, words, words + 8, 40, 1)); /* is lost without a word */
        wait_for_post();
        if (!std::strcmp(what, "wait")) {
            words[2] = 3;
            int err = pmx_signal_wait(PMX_CTX_DEFAULT, &words[2], PMX_CMP_GE, 7, 1, 0, nullptr);
            std::printf("%d %s\n", err, pmx_last_error_detail());
        } else if (!std::strcmp(what, "dump")) {
            std::fflush(stdout);
            must(pmx_dump(1));
        } else if (!std::strcmp(what, "signal")) {
            expect_lines();
        } else {
            kill(getpid(), SIGUSR1);
            std::printf("handled %d\n", static_cast<int>(handled));
        }
        std::puts("done");
    }
    std::fflush(stdout);
    /* With an operation that never completes there is no end in order. */
    int err = pmx_finalize();
    std::_Exit(rank == 0 && err == PMX_SUCCESS);
}
