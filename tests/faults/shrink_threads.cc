/* SPDX-License-Identifier: BSD-3-Clause */
/* How the members of a team that are left agree, many times over: ranks are threads that reach each other by
 * plain stores, each with a view of its own of who has failed. Some end in the middle of the call, and the
 * others hear of it one after the other; in some runs two that live take each other for failed.
 *
 * A rank ends when all stores to others are taken from it: what it has sent so far is there, and nothing more
 * comes. */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "runtime/shrink.h"
#include "runtime/team.h"

using namespace pmx;

namespace {

constexpr int kMostRanks = 7;

struct Rank {
    std::unique_ptr<char, decltype(&std::free)> heap{nullptr, &std::free};
    int32_t fault = 0;
    uint32_t n_failed = 0;
    uint32_t failed[kMostRanks] = {};
    pmx_device_ctx_t ctx{};
    Status status;
    ShrinkView view;
    std::thread thread;

    /* Any thread: this rank takes other for failed from here on. */
    void lose(int other) { detail::store_release(&failed[other], 1u); }
    void end(int size)
    {
        for (int other = 0; other < size; other++) lose(other);
        detail::store_release(&fault, int32_t{PMX_ERR_INTERNAL});
        thread.join();
    }
};

struct Run {
    explicit Run(uint64_t seed)
        : random(seed), size(2 + static_cast<int>(seed % (kMostRanks - 1))), ranks(static_cast<size_t>(size))
    {
        size_t n_bytes = TeamPart::n_bytes(size);
        for (int r = 0; r < size; r++) {
            Rank& rank = at(r);
            rank.heap.reset(static_cast<char*>(std::calloc(1, n_bytes + 64)));
            char* base = rank.heap.get();
            base += -reinterpret_cast<uintptr_t>(base) & 63;
            bases.push_back(base);
            rank.ctx = {};
            rank.ctx.rank = r;
            rank.ctx.size = size;
            rank.ctx.heap_base = base;
            rank.ctx.heap_bytes = n_bytes;
            rank.ctx.fault = &rank.fault;
            rank.ctx.n_failed = &rank.n_failed;
            rank.ctx.peer_failed = rank.failed;
            rank.ctx.timeout_ns = 20'000'000'000;
        }
        for (Rank& rank : ranks) rank.ctx.peer_base = bases.data();
    }
    Rank& at(int r) { return ranks[static_cast<size_t>(r)]; }
    int any(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
    void pause(int most)
    {
        for (int i = any(most + 1); i > 0; i--) std::this_thread::yield();
    }
    void start()
    {
        std::vector<int> all;
        for (int r = 0; r < size; r++) all.push_back(r);
        for (int r = 0; r < size; r++)
            at(r).thread = std::thread([this, r, all, wait = any(40)] {
                Rank& rank = at(r);
                Team team(rank.ctx, all);
                team.begin(TeamPart(bases[static_cast<size_t>(r)], size), 1000);
                for (int i = 0; i < wait; i++) std::this_thread::yield();
                rank.view.free_slots = ~uint64_t{0} << r;
                rank.status = team.agree_who_is_left(rank.view);
            });
    }

    std::mt19937_64 random;
    int size;
    std::vector<Rank> ranks;
    std::vector<char*> bases;
};

int broken(uint64_t seed, const char* what)
{
    std::fprintf(stderr, "seed %llu: %s\n", static_cast<unsigned long long>(seed), what);
    return 1;
}

/* Up to size - 1 ranks end, at any moment. */
int all_that_are_left_agree(uint64_t seed)
{
    Run run(seed);
    std::vector<bool> ended(static_cast<size_t>(run.size));
    int n_ended = run.any(run.size), first = run.any(run.size);
    run.start();
    for (int i = 0; i < n_ended; i++) {
        int victim = (first + i) % run.size;
        run.pause(60);
        run.at(victim).end(run.size);
        ended[static_cast<size_t>(victim)] = true;
        for (int r = 0; r < run.size; r++) {
            run.pause(4);
            run.at(r).lose(victim);
        }
    }
    const Rank* before = nullptr;
    for (int r = 0; r < run.size; r++) {
        if (ended[static_cast<size_t>(r)]) continue;
        Rank& rank = run.at(r);
        rank.thread.join();
        if (!rank.status.ok()) return broken(seed, rank.status.detail().c_str());
        for (int other = 0; other < run.size; other++)
            if (!ended[static_cast<size_t>(other)] && rank.view.is_lost(other))
                return broken(seed, "a rank that lives is left out");
        if (before && !(before->view == rank.view))
            return broken(seed, "two ranks that live have different teams");
        if (rank.view.last_number < 1000 || rank.view.free_slots == 0)
            return broken(seed, "no place for the team");
        before = &rank;
    }
    return 0;
}

/* Two take each other for failed: nobody waits for long, and who is in a team with another has the same one.
 */
int doubt_ends(uint64_t seed)
{
    Run run(seed);
    int a = run.any(run.size), b = (a + 1) % run.size;
    run.start();
    run.pause(60);
    run.at(a).lose(b);
    run.pause(10);
    run.at(b).lose(a);
    for (Rank& rank : run.ranks) rank.thread.join();
    for (int r = 0; r < run.size; r++)
        for (int s = 0; s < run.size; s++) {
            Rank &one = run.at(r), &other = run.at(s);
            if (one.status.code() == PMX_ERR_TIMEOUT) return broken(seed, "a wait lasted until its limit");
            if (!one.status.ok() || !other.status.ok() || one.view.is_lost(s) || other.view.is_lost(r))
                continue;
            if (!(one.view == other.view)) return broken(seed, "two members have different teams");
        }
    return 0;
}

}  // namespace

/* shrink_threads [FIRST_SEED N] */
int main(int argc, char** argv)
{
    uint64_t first = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1,
             n = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1500;
    int n_broken = 0;
    for (uint64_t seed = first; seed < first + n && !n_broken; seed++)
        n_broken = seed % 4 ? all_that_are_left_agree(seed) : doubt_ends(seed);
    return n_broken ? 1 : 0;
}
