/* SPDX-License-Identifier: BSD-3-Clause */
/* shrink_ranks HOW VICTIM...: ranks of a job of which those named are killed; the others go on as a team of
 * their own. before   all are killed before anybody calls pmx_team_shrink during   each victim makes the
 * call, and is killed in it in_turn  one after the other, with a shrink of the team that is left after each
 * Who is left prints "rank R: done". */
#include <signal.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "../api/check.h"

namespace {

std::vector<int> victims;
uint64_t *words, *data; /* size + 1 and 64 * size elements */

bool is_victim(int r)
{
    for (int each : victims)
        if (each == r) return true;
    return false;
}

/* No rank is in a call of before when the victim ends: it waits for word from all that are left, n of them.
 */
void gather_at(int victim, int n)
{
    static uint64_t n_words = 0;
    if (rank != victim) {
        CHECK_OK(pmx_signal_add(PMX_CTX_DEFAULT, &words[size], 1, victim));
        const int err = pmx_quiet_rank(PMX_CTX_DEFAULT, victim); /* it may end with this word, before it answers */
        CHECK(err == PMX_SUCCESS || err == PMX_ERR_PEER_FAILED);
        return;
    }
    n_words += static_cast<uint64_t>(n);
    CHECK_OK(pmx_wait_until(
        PMX_CTX_DEFAULT, [](void* word) { return int(*static_cast<volatile uint64_t*>(word) >= n_words); },
        &words[size], rank, 0));
}

[[noreturn]] void die()
{
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

pmx_team_t shrink(pmx_team_t from)
{
    pmx_team_t team = PMX_TEAM_NONE;
    CHECK_OK(pmx_team_shrink(from, &team));
    return team;
}

/* All that a team is for. */
void compute(pmx_team_t team, int expected_size)
{
    int me, n, place;
    pmx_team_t world, half;
    CHECK_OK(pmx_team_world(&world));
    CHECK_OK(pmx_team_rank(team, &me));
    CHECK_OK(pmx_team_size(team, &n));
    CHECK(n == expected_size);
    CHECK_OK(pmx_team_translate(world, rank, team, &place));
    CHECK(place == me);
    for (int round = 1; round <= 200; round++) {
        data[0] = static_cast<uint64_t>(me + round);
        CHECK_OK(pmx_allreduce(team, data + 1, data, 1, PMX_UINT64, PMX_OP_SUM));
        CHECK(data[1] == static_cast<uint64_t>(n * (n - 1) / 2 + n * round));
    }
    CHECK_OK(pmx_allgather(team, data + 2, data, 8));
    for (int m = 0; m < n; m++) CHECK(data[2 + m] == static_cast<uint64_t>(m + 200));
    for (int root = 0; root < n; root++) {
        data[0] = static_cast<uint64_t>(me);
        CHECK_OK(pmx_broadcast(team, data + 1, data, 8, root));
        CHECK(data[1] == static_cast<uint64_t>(root));
    }
    CHECK_OK(pmx_team_barrier(team));
    CHECK_OK(pmx_team_split_color(team, me % 2, 0, &half));
    data[0] = 1;
    CHECK_OK(pmx_allreduce(half, data + 1, data, 1, PMX_UINT64, PMX_OP_SUM));
    CHECK(data[1] == static_cast<uint64_t>((n + 1 - me % 2) / 2));
    CHECK_OK(pmx_team_free(half));
    CHECK_OK(pmx_team_barrier(team));
}

/* Nobody leaves before all have what they wait for: who has gone is one more that has failed. */
void leave_together()
{
    int first = 0;
    while (is_victim(first)) first++;
    for (int r = 0; rank == first && r < size; r++)
        if (!is_victim(r) && r != rank)
            CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, &words[r], PMX_CMP_EQ, 1, r, 0, nullptr));
    for (int r = 0; r < size; r++)
        if (!is_victim(r) && r != rank && (rank == first || r == first)) {
            CHECK_OK(pmx_signal_set(PMX_CTX_DEFAULT, &words[rank], 1, r));
            CHECK_OK(pmx_quiet_rank(PMX_CTX_DEFAULT, r));
        }
    if (rank != first)
        CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, &words[first], PMX_CMP_EQ, 1, first, 0, nullptr));
}

pmx_team_t before(pmx_team_t world)
{
    for (int victim : victims) gather_at(victim, size - 1);
    if (is_victim(rank)) die();
    CHECK(pmx_team_sync(world) == PMX_ERR_PEER_FAILED);
    return shrink(world);
}

/* Some victims end with a word to some ranks under way; the team may have them, and then its first collective
 * fails. */
pmx_team_t during(pmx_team_t world)
{
    for (int victim : victims) gather_at(victim, size - 1);
    if (is_victim(rank)) {
        std::thread([] {
            for (int i = 0; i < 10 * rank; i++) std::this_thread::yield();
            die();
        }).detach();
        pmx_team_t team;
        pmx_team_shrink(world, &team);
        die();
    }
    pmx_team_t team = shrink(world);
    for (;;) {
        int n;
        CHECK_OK(pmx_team_size(team, &n));
        if (n == size - static_cast<int>(victims.size())) return team;
        CHECK(pmx_team_sync(team) == PMX_ERR_PEER_FAILED);
        pmx_team_t next = shrink(team);
        CHECK(pmx_team_free(team) == PMX_ERR_PEER_FAILED);
        team = next;
    }
}

pmx_team_t in_turn(pmx_team_t world)
{
    pmx_team_t team = world;
    int n_dead = 0;
    for (int victim : victims) {
        gather_at(victim, size - 1 - n_dead);
        if (rank == victim) die();
        CHECK(pmx_team_sync(team) == PMX_ERR_PEER_FAILED);
        team = shrink(team);
        compute(team, size - ++n_dead);
    }
    return team;
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 3) return 99;
    const std::string how = argv[1];
    for (int i = 2; i < argc; i++) victims.push_back(std::atoi(argv[i]));
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    words = sym<uint64_t>(static_cast<size_t>(size) + 1);
    data = sym<uint64_t>(64 * static_cast<size_t>(size));
    pmx_team_t world, team = PMX_TEAM_NONE;
    CHECK_OK(pmx_team_world(&world));
    /* A team that nobody has failed in is as good. */
    CHECK_OK(pmx_team_shrink(world, &team));
    compute(team, size);
    CHECK_OK(pmx_team_free(team));
    team = how == "before" ? before(world) : how == "during" ? during(world) : in_turn(world);
    compute(team, size - static_cast<int>(victims.size()));
    leave_together();
    CHECK(pmx_finalize() == PMX_ERR_PEER_FAILED);
    std::printf("rank %d: done\n", rank);
    std::fflush(stdout);
    std::_Exit(0); /* MPI cannot end in order where a rank is lost */
}
