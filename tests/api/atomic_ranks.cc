/* SPDX-License-Identifier: BSD-3-Clause */
/* Atomic operations of all ranks on the same words: each takes place once, and none gets lost between another's load and
 * store. On whatever transport the environment asks for. */
#include <algorithm>
#include <thread>
#include <vector>

#include "check.h"

namespace {

const pmx_ctx_t kCtx = PMX_CTX_DEFAULT;
constexpr int kRounds = 200;

template <typename T>
struct TypeOf;
template <>
struct TypeOf<int32_t> { static constexpr pmx_type_t value = PMX_INT32; };
template <>
struct TypeOf<uint32_t> { static constexpr pmx_type_t value = PMX_UINT32; };
template <>
struct TypeOf<int64_t> { static constexpr pmx_type_t value = PMX_INT64; };
template <>
struct TypeOf<uint64_t> { static constexpr pmx_type_t value = PMX_UINT64; };
template <>
struct TypeOf<float> { static constexpr pmx_type_t value = PMX_FLOAT; };
template <>
struct TypeOf<double> { static constexpr pmx_type_t value = PMX_DOUBLE; };

template <typename T>
T fetch_op(T* word, pmx_atomic_t op, T value, int to)
{
    T before{};
    CHECK_OK(pmx_atomic_fetch_op(kCtx, word, TypeOf<T>::value, op, &value, to, &before));
    return before;
}

/* All ranks add to rank 0, some of them without asking for the value; who asks gets each value once. */
template <typename T>
void adds_happen_exactly_once()
{
    T* words = sym<T>(4);
    T* seen = sym<T>(static_cast<size_t>(kRounds));
    T one{1}, three{3};
    for (int i = 0; i < kRounds; i++) {
        seen[i] = fetch_op(&words[1], PMX_ATOMIC_ADD, one, 0);
        CHECK(i == 0 || seen[i] > seen[i - 1]);
        CHECK_OK(pmx_atomic_op(kCtx, &words[2], TypeOf<T>::value, PMX_ATOMIC_ADD, &three, 0));
    }
    CHECK_OK(pmx_barrier());
    T sum{}, other{};
    CHECK_OK(pmx_atomic_fetch(kCtx, &words[1], TypeOf<T>::value, 0, &sum));
    CHECK_OK(pmx_atomic_fetch(kCtx, &words[2], TypeOf<T>::value, 0, &other));
    CHECK(sum == static_cast<T>(size * kRounds));
    CHECK(other == static_cast<T>(3 * size * kRounds));
    CHECK(words[0] == T{} && words[3] == T{}); /* the neighbours are untouched */
    /* The values that all ranks saw are 0 .. size * kRounds - 1. */
    T* all = sym<T>(static_cast<size_t>(size * kRounds));
    pmx_team_t world;
    CHECK_OK(pmx_team_world(&world));
    CHECK_OK(pmx_allgather(world, all, seen, kRounds * sizeof(T)));
    std::sort(all, all + size * kRounds);
    for (int i = 0; i < size * kRounds; i++) CHECK(all[i] == static_cast<T>(i));
    CHECK_OK(pmx_free(all));
    CHECK_OK(pmx_free(seen));
    CHECK_OK(pmx_free(words));
}

/* A lock of compare and swap guards a word that is not atomic. */
template <typename T>
void cswap_makes_a_lock()
{
    T* lock = sym<T>(1);
    uint64_t* guarded = sym<uint64_t>(1);
    T free_value{}, mine = static_cast<T>(rank + 1), before{};
    for (int i = 0; i < 20; i++) {
        do {
            CHECK_OK(pmx_atomic_cswap(kCtx, lock, TypeOf<T>::value, &free_value, &mine, 0, &before));
            CHECK(before != mine);
            if (before != free_value) std::this_thread::yield();
        } while (before != free_value);
        uint64_t value = 0;
        CHECK_OK(pmx_get(kCtx, &value, guarded, sizeof value, 0));
        value++;
        CHECK_OK(pmx_put(kCtx, guarded, &value, sizeof value, 0));
        CHECK_OK(pmx_quiet(kCtx));
        CHECK(fetch_op(lock, PMX_ATOMIC_SET, free_value, 0) == mine);
    }
    CHECK_OK(pmx_barrier());
    if (rank == 0) CHECK(*guarded == static_cast<uint64_t>(20 * size));
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(guarded));
    CHECK_OK(pmx_free(lock));
}

template <typename T>
void bits_are_kept()
{
    T* word = sym<T>(1);
    int right = (rank + 1) % size;
    T value{};
    CHECK(fetch_op(word, PMX_ATOMIC_SET, static_cast<T>(0x0ff0), right) == T{});
    CHECK(fetch_op(word, PMX_ATOMIC_AND, static_cast<T>(0x00ff), right) == static_cast<T>(0x0ff0));
    CHECK(fetch_op(word, PMX_ATOMIC_OR, static_cast<T>(0x000f), right) == static_cast<T>(0x00f0));
    CHECK(fetch_op(word, PMX_ATOMIC_XOR, static_cast<T>(0x0101), right) == static_cast<T>(0x00ff));
    T ops[] = {static_cast<T>(0x0fff), static_cast<T>(0x1001), static_cast<T>(0x0001)};
    CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_AND, &ops[0], right));
    CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_OR, &ops[1], right));
    CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_XOR, &ops[2], right));
    CHECK_OK(pmx_atomic_fetch(kCtx, word, TypeOf<T>::value, right, &value));
    CHECK(value == static_cast<T>(0x11fe));
    CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_SET, &ops[2], right));
    CHECK_OK(pmx_barrier());
    CHECK(*word == ops[2]);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(word));
}

template <typename T>
void floats_are_added()
{
    T* word = sym<T>(1);
    T half = T{1} / 2, value{};
    CHECK_OK(pmx_barrier());
    for (int i = 0; i < 100; i++) CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_ADD, &half, 0));
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_atomic_fetch(kCtx, word, TypeOf<T>::value, 0, &value));
    CHECK(value == half * static_cast<T>(100 * size));
    CHECK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_AND, &half, 0) == PMX_ERR_ARGUMENT);
    CHECK_OK(pmx_barrier());
    T next = -half;
    CHECK_OK(pmx_atomic_op(kCtx, word, TypeOf<T>::value, PMX_ATOMIC_SET, &next, (rank + 1) % size));
    CHECK_OK(pmx_barrier());
    CHECK(*word == next);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(word));
}

/* What was put before an atomic operation, with a fence between, is seen by who sees the operation. */
void a_fence_orders_atomics_too()
{
    uint64_t* data = sym<uint64_t>(64);
    int32_t* flag = sym<int32_t>(1);
    int right = (rank + 1) % size;
    std::vector<uint64_t> out(64);
    for (int32_t round = 1; round <= 30; round++) {
        for (size_t i = 0; i < 64; i++) out[i] = static_cast<uint64_t>(round) * 100 + i;
        for (size_t i = 0; i < 64; i++) CHECK_OK(pmx_put(kCtx, &data[i], &out[i], 8, right));
        CHECK_OK(pmx_fence(kCtx));
        int32_t one = 1;
        CHECK_OK(pmx_atomic_op(kCtx, flag, PMX_INT32, PMX_ATOMIC_ADD, &one, right));
        int32_t seen = 0;
        while (seen < round) {
            CHECK_OK(pmx_atomic_fetch(kCtx, flag, PMX_INT32, rank, &seen));
            if (seen < round) std::this_thread::yield();
        }
        for (size_t i = 0; i < 64; i++) CHECK(data[i] == static_cast<uint64_t>(round) * 100 + i);
        CHECK_OK(pmx_barrier());
    }
    CHECK_OK(pmx_free(flag));
    CHECK_OK(pmx_free(data));
}

/* More threads than a rank may have requests under way. */
void threads_share_the_lanes()
{
    uint64_t* word = sym<uint64_t>(1);
    std::vector<std::thread> threads;
    for (int t = 0; t < 12; t++)
        threads.emplace_back([&] {
            for (int i = 0; i < 30; i++)
                for (int to = 0; to < size; to++) (void)fetch_op(word, PMX_ATOMIC_ADD, uint64_t{1}, to);
        });
    for (auto& thread : threads) thread.join();
    CHECK_OK(pmx_barrier());
    CHECK(*word == static_cast<uint64_t>(12 * 30 * size));
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(word));
}

void bad_arguments_are_refused()
{
    uint64_t* word = sym<uint64_t>(1);
    uint64_t value = 1, own = 0;
    char* bytes = reinterpret_cast<char*>(word);
    CHECK(pmx_atomic_op(kCtx, word, PMX_INT16, PMX_ATOMIC_ADD, &value, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_atomic_op(kCtx, word, PMX_INT64, static_cast<pmx_atomic_t>(5), &value, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_atomic_op(kCtx, word, PMX_INT64, PMX_ATOMIC_ADD, nullptr, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_atomic_op(kCtx, word, PMX_INT64, PMX_ATOMIC_ADD, &value, size) == PMX_ERR_RANK);
    CHECK(pmx_atomic_op(kCtx, bytes + 4, PMX_INT64, PMX_ATOMIC_ADD, &value, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_atomic_op(kCtx, bytes + 2, PMX_INT32, PMX_ATOMIC_ADD, &value, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_atomic_op(kCtx, &own, PMX_INT64, PMX_ATOMIC_ADD, &value, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_atomic_fetch_op(kCtx, word, PMX_INT64, PMX_ATOMIC_ADD, &value, 0, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_atomic_cswap(kCtx, word, PMX_INT64, nullptr, &value, 0, &own) == PMX_ERR_ARGUMENT);
    CHECK(pmx_atomic_fetch(kCtx, word, PMX_INT64, -1, &own) == PMX_ERR_RANK);
    CHECK(*word == 0 && own == 0);
    CHECK_OK(pmx_free(word));
}

}  // namespace

int main()
{
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    adds_happen_exactly_once<int32_t>();
    adds_happen_exactly_once<uint64_t>();
    adds_happen_exactly_once<float>();
    adds_happen_exactly_once<double>();
    cswap_makes_a_lock<uint32_t>();
    cswap_makes_a_lock<int64_t>();
    bits_are_kept<int32_t>();
    bits_are_kept<uint32_t>();
    bits_are_kept<int64_t>();
    bits_are_kept<uint64_t>();
    floats_are_added<float>();
    floats_are_added<double>();
    a_fence_orders_atomics_too();
    threads_share_the_lanes();
    bad_arguments_are_refused();
    CHECK_OK(pmx_finalize());
    if (rank == 0) std::printf("ok\n");
    return 0;
}
