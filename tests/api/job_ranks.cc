/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads, several jobs of one process, and memory of the program in the heap. */
#include <sys/mman.h>

#include <thread>
#include <vector>

#include "check.h"
#include "pmx_job.h"

namespace {

const pmx_ctx_t kCtx = PMX_CTX_DEFAULT;

constexpr size_t kPage = 4096;
alignas(kPage) uint64_t in_data[kPage] = {11, 22, 33}; /* 8 pages */

void begin()
{
    int provided = -1;
    CHECK_OK(pmx_init_thread(PMX_THREAD_MULTIPLE, &provided));
    CHECK(provided == PMX_THREAD_MULTIPLE);
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
}

/* Threads with contexts and words of their own, and others with one between them. */
void threads_do_not_mix()
{
    constexpr int kThreads = 4, kRounds = 50;
    pmx_ctx_t ctx[kThreads];
    for (int t = 0; t < kThreads; t++) {
        pmx_ctx_attr_t attr = {sizeof attr, PMX_ORDER_AUTO, t % 2, static_cast<unsigned>(t % 3)};
        CHECK_OK(pmx_ctx_create(t < 2 ? &attr : nullptr, &ctx[t]));
    }
    uint64_t* in = sym<uint64_t>(static_cast<size_t>(kThreads * 64));
    uint64_t* sig = sym<uint64_t>(static_cast<size_t>(kThreads));
    uint64_t* answer = sym<uint64_t>(static_cast<size_t>(kThreads));
    uint64_t* sum = sym<uint64_t>(1);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back([=] {
            pmx_ctx_t mine = t == kThreads - 1 ? kCtx : ctx[t];
            uint64_t data[64], one = 1;
            for (uint64_t round = 1; round <= kRounds; round++) {
                for (uint64_t i = 0; i < 64; i++) data[i] = round * 1000 + i + static_cast<uint64_t>(rank);
                CHECK_OK(pmx_put_signal(mine, &in[64 * t], data, sizeof data, &sig[t], round, PMX_SIGNAL_SET,
                                        right));
                CHECK_OK(pmx_signal_wait(mine, &sig[t], PMX_CMP_EQ, round, left, 0, nullptr));
                for (uint64_t i = 0; i < 64; i++)
                    CHECK(in[64 * static_cast<uint64_t>(t) + i] ==
                          round * 1000 + i + static_cast<uint64_t>(left));
                CHECK_OK(pmx_signal_set(mine, &answer[t], round, left));
                CHECK_OK(pmx_signal_wait(mine, &answer[t], PMX_CMP_EQ, round, right, 0, nullptr));
                CHECK_OK(pmx_atomic_op(kCtx, sum, PMX_UINT64, PMX_ATOMIC_ADD, &one, right));
            }
            CHECK_OK(pmx_quiet(mine));
        });
    for (auto& thread : threads) thread.join();
    CHECK_OK(pmx_barrier());
    CHECK(*sum == kThreads * kRounds);
    for (pmx_ctx_t each : ctx) CHECK_OK(pmx_ctx_free(each));
    CHECK_OK(pmx_free(sum));
    CHECK_OK(pmx_free(answer));
    CHECK_OK(pmx_free(sig));
    CHECK_OK(pmx_free(in));
}

/* Collectives on different teams in different threads. */
void teams_have_threads()
{
    constexpr int kThreads = 3;
    pmx_team_t world, team[kThreads];
    CHECK_OK(pmx_team_world(&world));
    for (pmx_team_t& each : team) CHECK_OK(pmx_team_split_strided(world, 0, 1, size, &each));
    uint64_t* word = sym<uint64_t>(2 * kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back([=] {
            for (uint64_t round = 1; round <= 100; round++) {
                word[2 * t] = round * static_cast<uint64_t>(t + 1);
                CHECK_OK(pmx_allreduce(team[t], &word[2 * t + 1], &word[2 * t], 1, PMX_UINT64, PMX_OP_SUM));
                CHECK(word[2 * t + 1] == round * static_cast<uint64_t>((t + 1) * size));
            }
        });
    for (auto& thread : threads) thread.join();
    for (pmx_team_t each : team) CHECK_OK(pmx_team_free(each));
    CHECK_OK(pmx_free(word));
}

/* Static memory keeps contents and address, and is reached by other ranks. */
void registered_memory_is_symmetric()
{
    void *sym_data = nullptr, *other = nullptr;
    uint64_t* own = reinterpret_cast<uint64_t*>(
        mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(own != MAP_FAILED);
    own[5] = 55;
    in_data[3] = static_cast<uint64_t>(rank);
    pmx_heap_info_t before{sizeof before, {}, {}, {}, {}}, after = before;
    CHECK_OK(pmx_heap_query(&before));
    CHECK_OK(pmx_register(in_data, sizeof in_data, &sym_data));
    CHECK_OK(pmx_register(own, 4 * kPage, &other));
    CHECK(in_data[0] == 11 && in_data[2] == 33 && in_data[3] == static_cast<uint64_t>(rank) && own[5] == 55);
    CHECK_OK(pmx_barrier()); /* the neighbours write from here on */
    uint64_t *data = static_cast<uint64_t*>(sym_data), *more = static_cast<uint64_t*>(other);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    uint64_t seen = 0;
    CHECK_OK(pmx_get(kCtx, &seen, &data[3], sizeof seen, right));
    CHECK(seen == static_cast<uint64_t>(right));
    uint64_t value = 100 + static_cast<uint64_t>(rank);
    CHECK_OK(pmx_put_signal(kCtx, &more[5], &value, sizeof value, &data[7], 1, PMX_SIGNAL_SET, right));
    CHECK_OK(pmx_signal_wait(kCtx, &data[7], PMX_CMP_EQ, 1, left, 0, nullptr));
    CHECK(own[5] == 100 + static_cast<uint64_t>(left) && __atomic_load_n(&in_data[7], __ATOMIC_ACQUIRE) == 1);

    CHECK(pmx_register(in_data, kPage, &other) == PMX_ERR_ADDRESS); /* is registered */
    CHECK(pmx_register(reinterpret_cast<char*>(own) + 8, kPage, &other) == PMX_ERR_ADDRESS);
    CHECK(pmx_register(own, 100, &other) == PMX_ERR_ADDRESS);
    CHECK(pmx_register(nullptr, kPage, &other) == PMX_ERR_ADDRESS);
    CHECK(pmx_register(own, kPage, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_deregister(&value) == PMX_ERR_ADDRESS);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_deregister(own));
    CHECK_OK(pmx_deregister(in_data));
    CHECK(own[5] == 100 + static_cast<uint64_t>(left) && in_data[2] == 33 && in_data[7] == 1);
    in_data[7] = 0;
    CHECK_OK(pmx_heap_query(&after));
    CHECK(after.used_bytes == before.used_bytes);
    munmap(own, 4 * kPage);
}

void all_is_well()
{
    int err = 1, failed = 1;
    CHECK_OK(pmx_async_error(&err, &failed));
    CHECK(err == PMX_SUCCESS && failed == -1);
    CHECK_OK(pmx_async_error(&err, nullptr));
    CHECK(pmx_async_error(nullptr, nullptr) == PMX_ERR_ARGUMENT);
    CHECK_OK(pmx_error_handler_set(nullptr, nullptr));
}

}  // namespace

int main()
{
    int provided = -1, err = 0;
    CHECK(pmx_init_thread(static_cast<pmx_thread_level_t>(4), &provided) == PMX_ERR_ARGUMENT);
    CHECK(pmx_async_error(&err, nullptr) == PMX_ERR_STATE);
    CHECK(pmx_register(in_data, kPage, nullptr) == PMX_ERR_STATE);
    for (int job = 0; job < 3; job++) {
        begin();
        all_is_well();
        threads_do_not_mix();
        teams_have_threads();
        registered_memory_is_symmetric();
        CHECK_OK(pmx_finalize());
    }
    if (rank == 0) std::printf("ok\n");
    return 0;
}
