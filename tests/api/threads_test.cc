/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads call pmx at the same time: two ranks, forked and joined without MPI, each with threads on contexts
 * of their own and threads that share one. Every put arrives with its signal, every atomic operation takes
 * place once, and the text of an error is that of the thread. Over shared memory, and over softnic, where all
 * goes through the engine: by the proxy thread, and by whichever thread waits.
 *
 * make check-tsan builds it with all of the library under ThreadSanitizer, and runs it over shared memory and over
 * libfabric's tcp, by arguments: transport, progress. No MPI is in the process, so nothing is suppressed; softnic is left
 * out, since ThreadSanitizer does not see what an answer from another process orders. */
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "check.h"
#include "pmx_job.h"

namespace {

constexpr int kSize = 2, kThreads = 4, kRounds = 60;
constexpr uint64_t kWords = 32; /* of a put */
constexpr unsigned kLimitS = 240;

/* Symmetric, for each thread. */
struct Lane {
    uint64_t in[kWords];
    uint64_t full, empty, word, out;
};

void round_trip(pmx_ctx_t ctx, Lane& lane, uint64_t* sum, uint64_t round)
{
    const int peer = 1 - rank;
    const auto value = [&](int of, uint64_t i) { return round * 1000 + i * 2 + static_cast<uint64_t>(of); };
    uint64_t data[kWords], one = 1, old = 0, seen = 0;
    for (uint64_t i = 0; i < kWords; i++) data[i] = value(rank, i);
    CHECK_OK(pmx_put_signal(ctx, lane.in, data, sizeof data, &lane.full, round, PMX_SIGNAL_SET, peer));
    CHECK_OK(pmx_signal_wait(ctx, &lane.full, PMX_CMP_EQ, round, peer, 0, &seen));
    CHECK(seen == round);
    for (uint64_t i = 0; i < kWords; i++) CHECK(lane.in[i] == value(peer, i));
    CHECK_OK(pmx_signal_set(ctx, &lane.empty, round, peer));
    CHECK_OK(pmx_signal_wait(ctx, &lane.empty, PMX_CMP_EQ, round, peer, 0, nullptr));

    lane.out = data[0];
    CHECK_OK(pmx_put_nbi(ctx, &lane.word, &lane.out, sizeof lane.out, peer));
    CHECK_OK(pmx_fence(ctx));
    CHECK_OK(pmx_quiet(ctx));
    CHECK_OK(pmx_get(ctx, &old, &lane.word, sizeof old, peer));
    CHECK(old == data[0]);
    CHECK_OK(pmx_atomic_op(ctx, sum, PMX_UINT64, PMX_ATOMIC_ADD, &one, peer));
    CHECK_OK(pmx_atomic_fetch_op(ctx, sum, PMX_UINT64, PMX_ATOMIC_ADD, &one, rank, &old));
    CHECK(old < 2 * kThreads * kRounds);
}

void one_thread(int number, pmx_ctx_t ctx, Lane& lane, uint64_t* sum)
{
    for (uint64_t round = 1; round <= kRounds; round++) {
        round_trip(ctx, lane, sum, round);
        const int nobody = 100 + number;
        CHECK(pmx_signal_set(ctx, &lane.full, 0, nobody) == PMX_ERR_RANK);
        CHECK(std::string(pmx_last_error_detail()).find(std::to_string(nobody)) != std::string::npos);
        int err = 1;
        CHECK_OK(pmx_async_error(&err, nullptr));
        CHECK(err == PMX_SUCCESS);
    }
    CHECK_OK(pmx_quiet(ctx));
}

void one_rank(const char* uid, int number)
{
    alarm(kLimitS);
    CHECK_OK(pmx_init_uid(uid, number, kSize));
    rank = number;
    size = kSize;
    pmx_ctx_t own[2];
    for (pmx_ctx_t& ctx : own) CHECK_OK(pmx_ctx_create(nullptr, &ctx));
    Lane* lanes = sym<Lane>(kThreads);
    uint64_t* sum = sym<uint64_t>(1);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back(one_thread, t, t < 2 ? own[t] : PMX_CTX_DEFAULT, std::ref(lanes[t]), sum);
    for (auto& thread : threads) thread.join();
    CHECK_OK(pmx_barrier());
    uint64_t total = 0;
    CHECK_OK(pmx_atomic_fetch(PMX_CTX_DEFAULT, sum, PMX_UINT64, rank, &total));
    CHECK(total == 2 * kThreads * kRounds);
    for (pmx_ctx_t ctx : own) CHECK_OK(pmx_ctx_free(ctx));
    CHECK_OK(pmx_free(sum));
    CHECK_OK(pmx_free(lanes));
    CHECK_OK(pmx_finalize());
}

/* Whether both ranks ended well. */
bool one_job(const char* transport, const char* progress)
{
    setenv("PMX_TRANSPORT", transport, 1);
    setenv("PMX_PROGRESS", progress, 1);
    char uid[PMX_UID_BYTES];
    CHECK_OK(pmx_uid_create(uid, sizeof uid));
    pid_t pids[kSize];
    for (int r = 0; r < kSize; r++) {
        pids[r] = fork();
        CHECK(pids[r] >= 0);
        if (pids[r] == 0) {
            one_rank(uid, r);
            std::exit(0); /* ThreadSanitizer sets its status there */
        }
    }
    bool well = true;
    for (pid_t pid : pids) {
        int status = 1;
        CHECK(waitpid(pid, &status, 0) == pid);
        well = well && status == 0;
    }
    return well;
}

}  // namespace

/* threads_test [TRANSPORT PROGRESS]: that job alone. */
int main(int argc, char** argv)
{
    setenv("PMX_HEAP_SIZE", "4m", 1);
    setenv("PMX_UID_ADDRESS", "127.0.0.1", 1);
#ifdef __SANITIZE_THREAD__
    std::vector<std::array<const char*, 2>> jobs = {{"shm", "auto"}};
#else
    std::vector<std::array<const char*, 2>> jobs = {{"shm", "auto"}, {"softnic", "proxy"}, {"softnic", "callers"}};
#endif
    if (argc == 3) jobs = {{argv[1], argv[2]}};
    for (const auto& [transport, progress] : jobs) {
        if (one_job(transport, progress)) continue;
        std::fprintf(stderr, "a rank failed with PMX_TRANSPORT=%s PMX_PROGRESS=%s\n", transport, progress);
        return 1;
    }
    return 0;
}
