/* SPDX-License-Identifier: BSD-3-Clause */
/* cell FAULT OPERATION MOMENT: one rank of a job of four, in one cell of the fault matrix. Prints one line:
 *
 *   rank R: kept|BROKEN: how it ended
 *
 * and ends with 0 when what is promised for the cell was kept on this rank. */
#include "cell.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace cell {

State state;

namespace {

/* Everything that was promised before the fault must be there; what a fatal fault takes with it is the
 * victim. */
bool allowed(int err)
{
    if (err == PMX_SUCCESS) return true;
    if (!may_fail()) return false;
    if (err == PMX_ERR_PEER_FAILED) return true;
    return err == PMX_ERR_TIMEOUT &&
           state.rank == kVictim; /* it may be the one to whom all others are lost */
}

void wrong(const char* what, const char* detail)
{
    state.n_wrong++;
    std::fprintf(stderr, "rank %d: BROKEN: %s: %s\n", state.rank, what, detail);
}

std::atomic<int> phase{0}; /* what the main thread is in: 1 quiet, 2 finalize */

void strike()
{
    const Fault& fault = *state.fault;
    if (fault.kind == Kind::local || state.rank == (fault.by_victim ? kVictim : kAttacker)) fault.strike();
}

/* At once, or by another thread when the main one is in that phase. */
std::thread strike_in(int when, bool now)
{
    if (!now && !state.fault->main_only)
        return std::thread([when] {
            while (phase.load() != when) std::this_thread::yield();
            strike();
        });
    strike();
    return {};
}

void quiet() { note("quiet", pmx_quiet(PMX_CTX_DEFAULT)); }

void run(Operation& operation, Moment moment)
{
    using enum Moment;
    if (moment != in_finalize) state.struck = true;
    if (moment == before_post) strike();
    operation.begin();
    if (moment == before_signal) strike();
    operation.announce();
    if (moment == after_post) strike();
    std::thread other;
    if (moment == in_quiet) other = strike_in(1, false);
    phase = 1;
    quiet();
    if (other.joinable()) other.join();
    operation.check();
}

/* The ranks that are left do something useful together, with waits for one another alone. */
void go_on()
{
    bool fatal = state.fault->kind == Kind::fatal && state.struck;
    if (fatal && state.rank == kVictim) return;
    static uint64_t *words = static_cast<uint64_t*>(nullptr), *data = nullptr;
    if (!words) {
        words = static_cast<uint64_t*>(sym(static_cast<size_t>(state.size) * 64));
        data = static_cast<uint64_t*>(sym(static_cast<size_t>(state.size) * 64 + 64));
        return; /* memory is taken while all ranks live */
    }
    uint64_t* mine = data + state.size * 8;
    *mine = static_cast<uint64_t>(state.rank) + 100;
    for (int to = 0; to < state.size; to++) {
        if (to == state.rank || (fatal && to == kVictim)) continue;
        int err = pmx_put_signal_nbi(PMX_CTX_DEFAULT, &data[state.rank * 8], mine, 8, &words[state.rank * 8],
                                     1, PMX_SIGNAL_SET, to);
        if (err) wrong("a put to a rank that lives", pmx_last_error_detail());
    }
    for (int from = 0; from < state.size; from++) {
        if (from == state.rank || (fatal && from == kVictim)) continue;
        int err = pmx_signal_wait(PMX_CTX_DEFAULT, &words[from * 8], PMX_CMP_EQ, 1, from, kWaitNs, nullptr);
        if (err) wrong("a wait for a rank that lives", pmx_last_error_detail());
        note_data("data of a rank that lives", data[from * 8] == static_cast<uint64_t>(from) + 100);
    }
    quiet();
    /* A word that nobody sends. */
    if (fatal)
        note("signal_wait", pmx_signal_wait(PMX_CTX_DEFAULT, &words[kVictim * 8 + 1], PMX_CMP_EQ, 1, kVictim,
                                            kWaitNs, nullptr));
}

/* No rank is in a call of before the fault when it strikes: who strikes waits for word from all that they
 * have heard of all. */
void start_together()
{
    note("barrier", pmx_barrier());
    static constexpr size_t kReady = 0, kGo = 1;
    uint64_t* words = static_cast<uint64_t*>(sym(128));
    int striker = state.fault->by_victim ? kVictim : kAttacker;
    uint64_t others = static_cast<uint64_t>(state.size) - 1;
    for (int to = 0; to < state.size; to++)
        if (to != state.rank) note("signal_add", pmx_signal_add(PMX_CTX_DEFAULT, &words[kReady], 1, to));
    note("signal_wait", pmx_signal_wait(PMX_CTX_DEFAULT, &words[kReady], PMX_CMP_EQ, others, PMX_RANK_ANY,
                                        kWaitNs, nullptr));
    quiet();
    if (state.rank != striker) {
        note("signal_add", pmx_signal_add(PMX_CTX_DEFAULT, &words[kGo], 1, striker));
        return;
    }
    note("signal_wait",
         pmx_signal_wait(PMX_CTX_DEFAULT, &words[kGo], PMX_CMP_EQ, others, PMX_RANK_ANY, kWaitNs, nullptr));
}

/* Whether somebody must have said who has failed. */
void judge(int finalized)
{
    const Fault& fault = *state.fault;
    bool mpi_first = std::strcmp(fault.name, "mpi") == 0;
    if (mpi_first
            ? finalized != PMX_SUCCESS && finalized != PMX_ERR_BOOTSTRAP && finalized != PMX_ERR_PEER_FAILED
            : !allowed(finalized))
        wrong("finalize", pmx_error_string(finalized));
    if (fault.kind != Kind::fatal || state.rank == kVictim || state.failed_seen) return;
    /* In finalize the victim may have done its part before. */
    if (finalized != PMX_SUCCESS || phase.load() != 2)
        wrong("nobody names the rank that failed", state.first_error.c_str());
}

/* A rank whose process is gone is lost to the others, which then name it instead of the victim: the ranks that are left
 * stay until all of them have seen what they must. Files, since pmx has ended. */
void stay_for_the_others()
{
    const char* dir = std::getenv("dir");
    if (!dir || state.fault->kind != Kind::fatal || state.rank == kVictim) return;
    auto path_of = [&](int rank) { return std::filesystem::path(dir) / ("judged." + std::to_string(rank)); };
    std::ofstream(path_of(state.rank)).put('\n');
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(kWaitNs);
    auto missing = [&] {
        for (int rank = 0; rank < state.size; rank++)
            if (rank != kVictim && !std::filesystem::exists(path_of(rank))) return true;
        return false;
    };
    while (missing() && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

}  // namespace

bool may_fail() { return state.struck && state.fault->kind == Kind::fatal; }

void note(const char* call, int err)
{
    if (err == PMX_SUCCESS) return;
    const char* detail = pmx_last_error_detail();
    if (state.first_error.empty()) state.first_error = detail;
    if (!allowed(err)) wrong(call, detail);
    if (err == PMX_ERR_PEER_FAILED && std::strstr(detail, "rank 1 ")) state.failed_seen = true;
}

void note_data(const char* what, bool right)
{
    if (!right) wrong("wrong", what);
}

void* sym(size_t n_bytes)
{
    void* p = nullptr;
    if (pmx_calloc(n_bytes, 1, &p)) pmx_abort(99, pmx_last_error_detail());
    return p;
}

}  // namespace cell

using namespace cell;

int main(int argc, char** argv)
{
    static const char* const kMoments[] = {"before_post", "after_post", "before_signal", "in_quiet",
                                           "in_finalize"};
    int moment = 0;
    while (moment < 5 && argc == 4 && std::strcmp(argv[3], kMoments[moment]) != 0) moment++;
    state.fault = argc == 4 ? find_fault(argv[1]) : nullptr;
    if (!state.fault || moment == 5) return 99;
    prepare_faults(argv[1]);
    if (pmx_init() || pmx_rank(&state.rank) || pmx_size(&state.size)) {
        std::fprintf(stderr, "not set up: %s\n", pmx_last_error_detail());
        return 99;
    }
    exchange_pids();
    go_on();
    std::unique_ptr<Operation> operation = make_operation(argv[2]);
    if (!operation) return 99;
    start_together();

    run(*operation, static_cast<Moment>(moment));
    if (static_cast<Moment>(moment) != Moment::in_finalize) go_on();
    std::thread other;
    if (static_cast<Moment>(moment) == Moment::in_finalize) {
        start_together();
        state.struck = true;
        other = strike_in(2, false);
    }
    phase = 2;
    auto begin = std::chrono::steady_clock::now();
    int finalized = pmx_finalize();
    double took_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (allowed(finalized)) note("finalize", finalized);
    if (other.joinable()) other.join();
    end_faults();
    judge(finalized);
    std::fprintf(stderr, "rank %d: %s: %s; finalize %.1f s: %s\n", state.rank,
                 state.n_wrong ? "BROKEN" : "kept",
                 state.first_error.empty() ? "all calls succeeded" : state.first_error.c_str(), took_s,
                 pmx_error_string(finalized));
    std::fflush(stderr);
    stay_for_the_others();
    /* Where a rank was lost MPI cannot end in order. */
    if (state.fault->kind == Kind::fatal) std::_Exit(state.n_wrong ? 1 : 0);
    return state.n_wrong ? 1 : 0;
}
