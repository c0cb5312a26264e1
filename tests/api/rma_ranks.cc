/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and gets of any memory, strided ones, words, and waits for several signals, on whatever transport the environment
 * asks for. */
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "check.h"

namespace {

const pmx_ctx_t kCtx = PMX_CTX_DEFAULT;

uint8_t byte_of(int from, size_t i, int round) { return static_cast<uint8_t>(static_cast<size_t>(from) * 37 + i * 11 + static_cast<size_t>(round)); }

/* The source is overwritten as soon as the call has returned. */
void put_leaves_its_source_free()
{
    constexpr size_t kMost = 200000;
    char* in = sym<char>(kMost * static_cast<size_t>(size));
    char* heap_src = sym<char>(kMost);
    std::vector<char> own(kMost);
    int round = 0;
    for (size_t n : {size_t{0}, size_t{1}, size_t{100}, size_t{16384}, size_t{16385}, kMost})
        for (char* src : {own.data(), heap_src}) {
            round++;
            for (int to = 0; to < size; to++) {
                for (size_t i = 0; i < n; i++) src[i] = static_cast<char>(byte_of(rank, i, round + to));
                CHECK_OK(pmx_put(kCtx, in + kMost * static_cast<size_t>(rank), src, n, to));
                std::memset(src, 0x55, n);
            }
            CHECK_OK(pmx_barrier());
            for (int from = 0; from < size; from++)
                for (size_t i = 0; i < n; i++)
                    CHECK(static_cast<uint8_t>(in[kMost * static_cast<size_t>(from) + i]) == byte_of(from, i, round + rank));
            CHECK_OK(pmx_barrier());
        }
    CHECK_OK(pmx_free(heap_src));
    CHECK_OK(pmx_free(in));
}

void get_is_there_on_return()
{
    constexpr size_t kMost = 100000;
    char* src = sym<char>(kMost);
    char* heap_dst = sym<char>(kMost);
    std::vector<char> own(kMost);
    for (size_t i = 0; i < kMost; i++) src[i] = static_cast<char>(byte_of(rank, i, 3));
    CHECK_OK(pmx_barrier());
    for (size_t n : {size_t{0}, size_t{1}, size_t{16385}, kMost})
        for (char* dst : {own.data(), heap_dst})
            for (int from = 0; from < size; from++) {
                std::memset(dst, 0, n);
                CHECK_OK(pmx_get(kCtx, dst, src, n, from));
                for (size_t i = 0; i < n; i++) CHECK(static_cast<uint8_t>(dst[i]) == byte_of(from, i, 3));
            }
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(heap_dst));
    CHECK_OK(pmx_free(src));
}

/* Elements of every size go to their places, and nothing between them is touched. */
void strided_elements_keep_their_distance()
{
    constexpr size_t kBytes = 120000;
    char* window = sym<char>(kBytes * static_cast<size_t>(size));
    std::vector<char> src(kBytes), got(kBytes);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    struct Case {
        size_t elem_bytes, n, to, from;
    };
    const Case cases[] = {{8, 1000, 2, 1}, {8, 3000, 3, 2}, {1, 500, 3, 5}, {4, 100, 1, 7}, {12, 50, 2, 2},
                          {20000, 2, 2, 1}, {8, 0, 1, 1}, {8, 5000, 1, 1}};
    for (const Case& c : cases) {
        char* mine = window + kBytes * static_cast<size_t>(left);
        std::memset(mine, 0x11, kBytes);
        for (size_t i = 0; i < kBytes; i++) src[i] = static_cast<char>(byte_of(rank, i, 5));
        CHECK_OK(pmx_barrier());
        CHECK_OK(pmx_iput(kCtx, window + kBytes * static_cast<size_t>(rank), src.data(), c.to, c.from, c.elem_bytes, c.n, right));
        std::fill(src.begin(), src.end(), 0x77);
        CHECK_OK(pmx_barrier());
        std::vector<char> expected(kBytes, 0x11);
        for (size_t e = 0; e < c.n; e++)
            for (size_t b = 0; b < c.elem_bytes; b++)
                expected[e * c.to * c.elem_bytes + b] =
                    static_cast<char>(byte_of(left, e * c.from * c.elem_bytes + b, 5));
        CHECK(std::memcmp(mine, expected.data(), kBytes) == 0);

        /* And back: what the right one has from this rank. */
        std::fill(got.begin(), got.end(), 0x22);
        CHECK_OK(pmx_iget(kCtx, got.data(), window + kBytes * static_cast<size_t>(rank), c.from, c.to, c.elem_bytes, c.n, right));
        std::fill(expected.begin(), expected.end(), 0x22);
        for (size_t e = 0; e < c.n; e++)
            for (size_t b = 0; b < c.elem_bytes; b++) {
                size_t at = e * c.from * c.elem_bytes + b;
                expected[at] = static_cast<char>(byte_of(rank, at, 5));
            }
        CHECK(got == expected);
        CHECK_OK(pmx_barrier());
    }
    CHECK_OK(pmx_free(window));
}

void words_go_and_come()
{
    uint64_t* word = sym<uint64_t>(static_cast<size_t>(size));
    for (int to = 0; to < size; to++) CHECK_OK(pmx_put_value_64(kCtx, &word[rank], 1000u + static_cast<uint64_t>(rank), to));
    for (int to = 0; to < size; to++) CHECK_OK(pmx_quiet_rank(kCtx, to));
    /* Complete at the target: whoever looks, sees it. */
    for (int to = 0; to < size; to++) {
        uint64_t seen = 0;
        CHECK_OK(pmx_get_value_64(kCtx, &word[rank], to, &seen));
        CHECK(seen == 1000u + static_cast<uint64_t>(rank));
    }
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(word));
}

/* More than one slot of bounced data stays before its signal. */
void put_signal_shows_all_its_data()
{
    constexpr size_t kMost = 60000;
    char* in = sym<char>(kMost);
    uint64_t* sig = sym<uint64_t>(2);
    std::vector<char> src(kMost);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    for (uint64_t round = 1; round <= 30; round++) {
        size_t n = round % 3 == 0 ? kMost : round * 10;
        for (size_t i = 0; i < n; i++) src[i] = static_cast<char>(byte_of(rank, i, static_cast<int>(round)));
        CHECK_OK(pmx_put_signal(kCtx, in, src.data(), n, &sig[0], round, PMX_SIGNAL_SET, right));
        std::fill(src.begin(), src.end(), 0x33);
        uint64_t seen = 0;
        CHECK_OK(pmx_signal_wait(kCtx, &sig[0], PMX_CMP_EQ, round, left, 0, nullptr));
        CHECK_OK(pmx_signal_fetch(kCtx, &sig[0], &seen));
        CHECK(seen == round);
        for (size_t i = 0; i < n; i++) CHECK(static_cast<uint8_t>(in[i]) == byte_of(left, i, static_cast<int>(round)));
        CHECK_OK(pmx_put_signal(kCtx, in, nullptr, 0, &sig[1], 1, PMX_SIGNAL_ADD, left));
        CHECK_OK(pmx_signal_wait(kCtx, &sig[1], PMX_CMP_EQ, round, right, 0, nullptr));
    }
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(sig));
    CHECK_OK(pmx_free(in));
}

void several_signals_are_waited_for()
{
    const size_t n = static_cast<size_t>(size) + 1;
    uint64_t* sig = sym<uint64_t>(n); /* the last one is never sent */
    std::vector<int> skip(n, 0);
    skip[n - 1] = 1;
    std::vector<size_t> indices(n);
    size_t index = 0, n_some = 0, n_seen = 0;
    int hit = 1;
    CHECK_OK(pmx_signal_test_all(kCtx, sig, n, nullptr, PMX_CMP_GE, 1, &hit));
    CHECK(hit == 0);
    CHECK_OK(pmx_barrier());
    for (int to = 0; to < size; to++) CHECK_OK(pmx_signal_set(kCtx, &sig[rank], 7, to));
    /* Each one is found once. */
    while (n_seen < n - 1) {
        CHECK_OK(pmx_signal_wait_some(kCtx, sig, n, skip.data(), PMX_CMP_NE, 0, 0, indices.data(), &n_some));
        CHECK(n_some >= 1);
        for (size_t i = 0; i < n_some; i++) {
            CHECK(sig[indices[i]] == 7 && !skip[indices[i]]);
            CHECK(i == 0 || indices[i] > indices[i - 1]);
            skip[indices[i]] = 1;
        }
        n_seen += n_some;
    }
    /* Nothing is left to look at. */
    CHECK_OK(pmx_signal_wait_some(kCtx, sig, n, skip.data(), PMX_CMP_NE, 0, 0, indices.data(), &n_some));
    CHECK(n_some == 0);
    CHECK_OK(pmx_signal_wait_any(kCtx, sig, n, skip.data(), PMX_CMP_NE, 0, 0, &index));
    CHECK(index == SIZE_MAX);
    CHECK_OK(pmx_signal_wait_all(kCtx, sig, n, skip.data(), PMX_CMP_NE, 0, 0));

    CHECK_OK(pmx_signal_wait_all(kCtx, sig, n - 1, nullptr, PMX_CMP_EQ, 7, 0));
    CHECK_OK(pmx_signal_wait_any(kCtx, sig, n, nullptr, PMX_CMP_EQ, 0, 0, &index));
    CHECK(index == n - 1);
    CHECK_OK(pmx_signal_test_any(kCtx, sig, n, nullptr, PMX_CMP_GT, 7, &index));
    CHECK(index == SIZE_MAX);
    CHECK_OK(pmx_signal_test_some(kCtx, sig, n, nullptr, PMX_CMP_LE, 7, indices.data(), &n_some));
    CHECK(n_some == n);
    CHECK_OK(pmx_signal_test_all(kCtx, sig, n - 1, nullptr, PMX_CMP_EQ, 7, &hit));
    CHECK(hit == 1);
    CHECK(pmx_signal_wait_all(kCtx, sig, n, nullptr, PMX_CMP_EQ, 7, 1000000) == PMX_ERR_TIMEOUT);
    CHECK(pmx_signal_wait_any(kCtx, sig, n, nullptr, PMX_CMP_GT, 7, 1000000, &index) == PMX_ERR_TIMEOUT);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(sig));
}

void any_condition_is_waited_for()
{
    int* flag = sym<int>(1);
    auto ready = [](void* arg) { return static_cast<int>(__atomic_load_n(static_cast<int*>(arg), __ATOMIC_ACQUIRE) == 5); };
    int five = 5;
    CHECK_OK(pmx_put(kCtx, flag, &five, sizeof five, (rank + 1) % size));
    CHECK_OK(pmx_wait_until(kCtx, ready, flag, PMX_RANK_ANY, 0));
    CHECK(*flag == 5);
    CHECK_OK(pmx_barrier());
    *flag = 0;
    CHECK(pmx_wait_until(kCtx, ready, flag, rank, 1000000) == PMX_ERR_TIMEOUT);
    CHECK(pmx_wait_until(kCtx, nullptr, flag, rank, 1000000) == PMX_ERR_ARGUMENT);
    CHECK(pmx_wait_until(kCtx, ready, flag, size, 1000000) == PMX_ERR_RANK);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(flag));
}

void bad_arguments_are_refused()
{
    uint64_t* word = sym<uint64_t>(4);
    uint64_t own = 0;
    size_t index;
    CHECK(pmx_put(kCtx, &own, word, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put(kCtx, word, nullptr, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put(kCtx, word, &own, 8, size) == PMX_ERR_RANK);
    CHECK(pmx_get(kCtx, &own, &own, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_get(kCtx, nullptr, word, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_iput(kCtx, word, &own, 0, 1, 8, 1, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_iput(kCtx, word, &own, SIZE_MAX / 2, 1, 8, 3, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_iget(kCtx, &own, word, 1, 0, 8, 1, 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_iget(kCtx, &own, word, 1, size_t{1} << 40, 8, 2, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put_value_64(kCtx, reinterpret_cast<uint64_t*>(reinterpret_cast<char*>(word) + 4), 1, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_get_value_64(kCtx, word, 0, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_quiet_rank(kCtx, -1) == PMX_ERR_RANK);
    CHECK(pmx_signal_fetch(kCtx, &own, &own) == PMX_ERR_ADDRESS);
    CHECK(pmx_signal_wait_any(kCtx, word, SIZE_MAX, nullptr, PMX_CMP_EQ, 0, 0, &index) == PMX_ERR_ADDRESS);
    CHECK(pmx_signal_wait_any(kCtx, word, 4, nullptr, static_cast<pmx_cmp_t>(6), 0, 0, &index) == PMX_ERR_ARGUMENT);
    CHECK(pmx_signal_wait_any(kCtx, word, 4, nullptr, PMX_CMP_EQ, 0, 0, nullptr) == PMX_ERR_ARGUMENT);
    CHECK_OK(pmx_free(word));
}

/* Slots remember the queues of a context; it goes, and they are used on. */
void contexts_come_and_go()
{
    char* in = sym<char>(64 * 100);
    for (int i = 0; i < 5; i++) {
        pmx_ctx_t ctx;
        CHECK_OK(pmx_ctx_create(nullptr, &ctx));
        char text[64] = "bounced";
        for (int k = 0; k < 100; k++) CHECK_OK(pmx_put(ctx, in + 64 * k, text, sizeof text, (rank + 1) % size));
        CHECK_OK(pmx_ctx_free(ctx));
        CHECK(std::string(in + 64 * 99) == "bounced");
        CHECK_OK(pmx_barrier());
    }
    CHECK_OK(pmx_free(in));
}

}  // namespace

int main()
{
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    put_leaves_its_source_free();
    get_is_there_on_return();
    strided_elements_keep_their_distance();
    words_go_and_come();
    put_signal_shows_all_its_data();
    several_signals_are_waited_for();
    any_condition_is_waited_for();
    bad_arguments_are_refused();
    contexts_come_and_go();
    CHECK_OK(pmx_finalize());
    if (rank == 0) std::printf("ok\n");
    return 0;
}
