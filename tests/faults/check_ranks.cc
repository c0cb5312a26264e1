/* SPDX-License-Identifier: BSD-3-Clause */
/* check_ranks HOW: ranks by a network path, with PMX_CHECK on.
 *   right     nothing is wrong: all data and signals come, by each way to send them
 *   wrong     the file of PMX_SOFTNIC_SWITCH turns the faults on; rank 0 sends until rank 1 says that what
 * came is wrong rate N    n_bytes of a put_signal to the next rank, many times; rank 0 prints how many a
 * second Rank 0 prints what it found. */
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "../api/check.h"

namespace {

constexpr size_t kElems = 1024, kSlots = 8;
uint64_t *in, *out,
    *words; /* kSlots parts of kElems from each rank, one part, kSlots + 2 words for each rank */

uint64_t value_of(int from, int round, size_t i)
{
    return static_cast<uint64_t>(from + 1) << 48 ^ static_cast<uint64_t>(round) << 20 ^ i;
}

void fill(uint64_t* p, size_t n, int round)
{
    for (size_t i = 0; i < n; i++) p[i] = value_of(rank, round, i);
}
void expect(const uint64_t* p, size_t n, int from, int round)
{
    for (size_t i = 0; i < n; i++) CHECK(p[i] == value_of(from, round, i));
}
uint64_t* part(int from, size_t slot) { return in + (static_cast<size_t>(from) * kSlots + slot) * kElems; }
uint64_t* word(int from, size_t i) { return words + static_cast<size_t>(from) * (kSlots + 2) + i; }

/* Each rank to the next, by each way; ctx carries it. */
void send_all_ways(pmx_ctx_t ctx, int round)
{
    const int to = (rank + 1) % size, from = (rank + size - 1) % size;
    const size_t n = 1 + static_cast<size_t>(round * 37) % kElems;
    const uint64_t now = static_cast<uint64_t>(round) + 1;
    std::vector<uint64_t> elsewhere(kElems);
    fill(elsewhere.data(), n, round);
    fill(out, n, round);
    CHECK_OK(pmx_put_signal_nbi(ctx, part(rank, 0), out, n * 8, word(rank, 0), now, PMX_SIGNAL_SET, to));
    CHECK_OK(
        pmx_put_signal(ctx, part(rank, 1), elsewhere.data(), n * 8, word(rank, 1), 1, PMX_SIGNAL_ADD, to));
    pmx_group_t group;
    CHECK_OK(pmx_group_begin(ctx, to, &group));
    CHECK_OK(pmx_group_put(group, part(rank, 2), out, n * 8));
    CHECK_OK(pmx_group_put(group, part(rank, 3), out, n * 8));
    CHECK_OK(pmx_group_signal(group, word(rank, 2), now, PMX_SIGNAL_SET));
    CHECK_OK(pmx_group_signal(group, word(rank, 3), 1, PMX_SIGNAL_ADD));
    CHECK_OK(pmx_group_commit(group));
    for (size_t way = 0; way < 4; way++) {
        CHECK_OK(pmx_signal_wait(ctx, word(from, way), PMX_CMP_GE, now, from, 0, nullptr));
        expect(part(from, way), n, from, round);
        if (way == 3) expect(part(from, 2), n, from, round);
    }
    /* What quiet has completed is there, its signal too: no other word tells of it. */
    CHECK_OK(pmx_put_signal_nbi(ctx, part(rank, 4), out, n * 8, word(rank, 4), now, PMX_SIGNAL_SET, to));
    CHECK_OK(pmx_quiet(ctx));
    CHECK_OK(pmx_barrier());
    CHECK(*word(from, 4) == now);
    expect(part(from, 4), n, from, round);
    CHECK_OK(pmx_barrier());
}

void right()
{
    for (int round = 0; round < 60; round++) send_all_ways(PMX_CTX_DEFAULT, round);
    /* A context that takes the place of another goes on where that stopped. */
    for (int again = 0; again < 2; again++) {
        pmx_ctx_t ctx;
        CHECK_OK(pmx_ctx_create(nullptr, &ctx));
        for (int round = 60 + 10 * again; round < 70 + 10 * again; round++) send_all_ways(ctx, round);
        CHECK_OK(pmx_ctx_free(ctx));
    }
    /* Many more than there are places for, by several threads, to all ranks. */
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; t++)
        threads.emplace_back([] {
            for (int i = 0; i < 300; i++)
                for (int to = 0; to < size; to++)
                    CHECK_OK(pmx_put_signal_nbi(PMX_CTX_DEFAULT, part(rank, 5), out, 64, word(rank, 5), 1,
                                                PMX_SIGNAL_ADD, to));
        });
    for (std::thread& thread : threads) thread.join();
    for (int from = 0; from < size; from++)
        CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, word(from, 5), PMX_CMP_EQ, 900, from, 0, nullptr));
}

void turn_on()
{
    const char* path = std::getenv("PMX_SOFTNIC_SWITCH");
    int faults = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    CHECK(faults >= 0 && pwrite(faults, "1", 1, 0) == 1);
    close(faults);
}

/* Rank 1 counts the parts that were announced and are not what was sent. Without PMX_CHECK there are such;
 * with it a wait ends before the first. */
void wrong()
{
    int n_wrong = 0, err = PMX_SUCCESS;
    if (rank == 0) turn_on();
    for (int round = 1; round <= 200 && !err; round++) {
        const uint64_t now = static_cast<uint64_t>(round);
        if (rank == 0) {
            fill(out, kElems, round);
            err = pmx_put_signal_nbi(PMX_CTX_DEFAULT, part(0, 0), out, kElems * 8, word(0, 0), now,
                                     PMX_SIGNAL_SET, 1);
            if (!err) err = pmx_signal_wait(PMX_CTX_DEFAULT, word(1, 0), PMX_CMP_EQ, now, 1, 0, nullptr);
        } else if (rank == 1) {
            err = pmx_signal_wait(PMX_CTX_DEFAULT, word(0, 0), PMX_CMP_EQ, now, 0, 0, nullptr);
            for (size_t i = 0; i < kElems && !err; i++)
                if (part(0, 0)[i] != value_of(0, round, i)) {
                    n_wrong++;
                    break;
                }
            if (!err) err = pmx_signal_set(PMX_CTX_DEFAULT, word(1, 0), now, 0);
        }
    }
    if (rank == 1) std::printf("wrong %d, %s\n", n_wrong, err ? pmx_last_error_detail() : "no error");
    std::fflush(stdout);
    std::_Exit(0);
}

void rate(size_t n_bytes)
{
    constexpr int kBatch = 50, kRounds = 40;
    double best = 0;
    for (int round = 1; round <= kRounds; round++) {
        auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < kBatch; i++)
            CHECK_OK(pmx_put_signal_nbi(PMX_CTX_DEFAULT, part(rank, 0), out, n_bytes, word(rank, 0), 1,
                                        PMX_SIGNAL_ADD, (rank + 1) % size));
        CHECK_OK(pmx_quiet(PMX_CTX_DEFAULT));
        double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        best = std::max(best, kBatch / s);
    }
    CHECK_OK(pmx_barrier());
    if (rank == 0) std::printf("%zu bytes: %.0f put_signals a second\n", n_bytes, best);
}

}  // namespace

int main(int argc, char** argv)
{
    const std::string how = argc > 1 ? argv[1] : "";
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    in = sym<uint64_t>(static_cast<size_t>(size) * kSlots * kElems);
    out = sym<uint64_t>(kElems);
    words = sym<uint64_t>(static_cast<size_t>(size) * (kSlots + 2));
    CHECK_OK(pmx_barrier());
    if (how == "right")
        right();
    else if (how == "wrong")
        wrong();
    else
        rate(std::min(kElems * 8, static_cast<size_t>(std::atoi(argv[2]))));
    CHECK_OK(pmx_finalize());
    if (rank == 0) std::printf("ok\n");
    return 0;
}
