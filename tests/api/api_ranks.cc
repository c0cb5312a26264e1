/* SPDX-License-Identifier: BSD-3-Clause */
/* The C API over all ranks of a job: what each call promises, on whatever transport and mode the environment
 * asks for. */
#include <string>
#include <vector>

#include "check.h"
#include "pmx_device.h"

namespace {

void memory_is_symmetric()
{
    pmx_heap_info_t before{sizeof before, {}, {}, {}, {}}, after = before;
    CHECK_OK(pmx_heap_query(&before));
    void* p = nullptr;
    CHECK_OK(pmx_aligned_alloc(4096, 1000, &p));
    CHECK(reinterpret_cast<uintptr_t>(p) % 64 == 0);
    uint64_t* offs = sym<uint64_t>(size);
    uint64_t off = static_cast<uint64_t>(static_cast<char*>(p) - static_cast<char*>(before.base_sym));
    CHECK(off % 4096 == 0);
    uint64_t* mine = sym<uint64_t>(1);
    *mine = off;
    for (int r = 0; r < size; r++) CHECK_OK(pmx_put_nbi(PMX_CTX_DEFAULT, &offs[rank], mine, 8, r));
    CHECK_OK(pmx_quiet(PMX_CTX_DEFAULT));
    CHECK_OK(pmx_barrier());
    for (int r = 0; r < size; r++) CHECK(offs[r] == off);

    void* big = &p;
    CHECK(pmx_malloc(before.heap_bytes + 1, &big) == PMX_ERR_MEMORY);
    CHECK(big == &p);
    CHECK(pmx_calloc(SIZE_MAX, 16, &big) == PMX_ERR_MEMORY);
    CHECK(pmx_aligned_alloc(3, 64, &big) == PMX_ERR_ARGUMENT);
    CHECK_OK(pmx_malloc(0, &big));
    CHECK(big == nullptr);
    CHECK_OK(pmx_free(nullptr));
    CHECK(pmx_free(static_cast<char*>(p) + 64) == PMX_ERR_ADDRESS);
    if (size > 1) CHECK(pmx_malloc(rank == 0 ? 64 : 128, &big) == PMX_ERR_MISMATCH);
    CHECK_OK(pmx_free(p));
    CHECK_OK(pmx_free(mine));
    CHECK_OK(pmx_free(offs));
    CHECK_OK(pmx_heap_query(&after));
    CHECK(after.used_bytes == before.used_bytes);
    CHECK(after.largest_free_bytes == before.largest_free_bytes);
}

/* Round after round to every rank; the data carry sender and round, the signal the round. */
void put_signal_shows_data_before_signal()
{
    constexpr int kRounds = 30;
    const size_t sizes[] = {0, 1, 8, 100, 4096, 65536, 300000};
    size_t largest = 300000;
    char* in = sym<char>(largest * size);
    char* out = sym<char>(largest);
    uint64_t* arrived = sym<uint64_t>(size);
    uint64_t* answered = sym<uint64_t>(size);
    for (int round = 1; round <= kRounds; round++) {
        size_t n = sizes[round % 7];
        std::memset(out, (rank * 7 + round) % 251, n);
        for (int i = 0; i < size; i++) {
            int to = (rank + i) % size;
            CHECK_OK(pmx_put_signal_nbi(PMX_CTX_DEFAULT, in + largest * rank, out, n, &arrived[rank], round,
                                        PMX_SIGNAL_SET, to));
        }
        for (int from = 0; from < size; from++) {
            uint64_t seen = 0;
            CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, &arrived[from], PMX_CMP_GE, round, from, 0, &seen));
            CHECK(seen == static_cast<uint64_t>(round));
            char expected = static_cast<char>((from * 7 + round) % 251);
            for (size_t b = 0; b < n; b++) CHECK(in[largest * from + b] == expected);
            CHECK_OK(pmx_signal_set(PMX_CTX_DEFAULT, &answered[rank], round, from));
        }
        /* All have read: the source may change. */
        for (int from = 0; from < size; from++)
            CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, &answered[from], PMX_CMP_GE, round, from, 0, nullptr));
    }
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(answered));
    CHECK_OK(pmx_free(arrived));
    CHECK_OK(pmx_free(out));
    CHECK_OK(pmx_free(in));
}

void add_happens_exactly_once()
{
    constexpr int kAdds = 200;
    uint64_t* sum = sym<uint64_t>(1);
    char* cell = sym<char>(64);
    for (int i = 0; i < kAdds; i++)
        for (int to = 0; to < size; to++) {
            if (i % 2)
                CHECK_OK(pmx_signal_add(PMX_CTX_DEFAULT, sum, 3, to));
            else
                CHECK_OK(pmx_put_signal_nbi(PMX_CTX_DEFAULT, cell, cell, 64, sum, 3, PMX_SIGNAL_ADD, to));
        }
    uint64_t all = static_cast<uint64_t>(size) * kAdds * 3;
    CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, sum, PMX_CMP_GE, all, PMX_RANK_ANY, 0, nullptr));
    CHECK_OK(pmx_quiet(PMX_CTX_DEFAULT));
    CHECK_OK(pmx_barrier());
    CHECK(*sum == all);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(cell));
    CHECK_OK(pmx_free(sum));
}

/* Data by plain puts, fence, then a plain signal: the fence makes it a put_signal. */
void fence_orders_what_follows()
{
    uint64_t* data = sym<uint64_t>(64 * size);
    uint64_t* out = sym<uint64_t>(64);
    uint64_t* flag = sym<uint64_t>(size);
    int to = (rank + 1) % size, from = (rank + size - 1) % size;
    for (uint64_t round = 1; round <= 20; round++) {
        for (int i = 0; i < 64; i++) out[i] = round * 1000 + static_cast<uint64_t>(i);
        for (int i = 0; i < 64; i++)
            CHECK_OK(pmx_put_nbi(PMX_CTX_DEFAULT, &data[64 * rank + i], &out[i], 8, to));
        CHECK_OK(round % 2 ? pmx_fence_rank(PMX_CTX_DEFAULT, to) : pmx_fence(PMX_CTX_DEFAULT));
        CHECK_OK(pmx_signal_set(PMX_CTX_DEFAULT, &flag[rank], round, to));
        CHECK_OK(pmx_signal_wait(PMX_CTX_DEFAULT, &flag[from], PMX_CMP_EQ, round, from, 0, nullptr));
        for (int i = 0; i < 64; i++) CHECK(data[64 * from + i] == round * 1000 + static_cast<uint64_t>(i));
        CHECK_OK(pmx_quiet(PMX_CTX_DEFAULT));
        CHECK_OK(pmx_barrier());
    }
    CHECK_OK(pmx_free(flag));
    CHECK_OK(pmx_free(out));
    CHECK_OK(pmx_free(data));
}

/* Order points of one context: one for each put_signal in coupled mode, at most that in grouped mode. */
void contexts_count_their_own()
{
    int n_network = 0;
    pmx_transport_info_t info{};
    info.size_bytes = sizeof info;
    CHECK_OK(pmx_transport_query(&info));
    n_network = info.n_network_ranks;
    CHECK(info.n_direct_ranks + n_network == size);
    char* cell = sym<char>(64);
    uint64_t* word = sym<uint64_t>(1);
    for (int signals : {PMX_SIGNALS_COUPLED, PMX_SIGNALS_GROUPED}) {
        pmx_ctx_t ctx;
        pmx_ctx_attr_t attr = {sizeof attr, PMX_ORDER_AUTO, signals, 3};
        CHECK_OK(pmx_ctx_create(&attr, &ctx));
        pmx_ctx_attr_t in_force = {sizeof in_force, PMX_ORDER_AUTO, -1, 0};
        CHECK_OK(pmx_ctx_query(ctx, &in_force));
        CHECK(in_force.signals == signals);
        for (int i = 0; i < 10; i++)
            for (int to = 0; to < size; to++)
                CHECK_OK(pmx_put_signal_nbi(ctx, cell, cell, 64, word, 1, PMX_SIGNAL_SET, to));
        CHECK_OK(pmx_quiet(ctx));
        pmx_counters_t counters{};
        counters.size_bytes = sizeof counters;
        CHECK_OK(pmx_counters_get(ctx, &counters));
        CHECK(counters.puts == static_cast<uint64_t>(10 * n_network));
        CHECK(counters.put_bytes == static_cast<uint64_t>(640 * n_network));
        CHECK(counters.signals == counters.puts);
        CHECK(counters.order_points_requested == counters.puts);
        if (signals == PMX_SIGNALS_COUPLED) CHECK(counters.order_points == counters.puts);
        CHECK(counters.order_points <= counters.puts);
        bool stalling = std::strncmp(info.order, "stall", 5) == 0;
        if (!stalling) CHECK(counters.stalls == 0);
        CHECK(counters.errors == 0);
        CHECK_OK(pmx_counters_reset(ctx));
        CHECK_OK(pmx_counters_get(ctx, &counters));
        CHECK(counters.puts == 0);
        CHECK_OK(pmx_ctx_free(ctx));
        CHECK(pmx_quiet(ctx) == PMX_ERR_ARGUMENT);
    }
    CHECK_OK(pmx_free(word));
    CHECK_OK(pmx_free(cell));
}

void bad_arguments_are_refused()
{
    uint64_t* word = sym<uint64_t>(2);
    uint64_t outside = 0;
    char* bytes = reinterpret_cast<char*>(word);
    pmx_ctx_t ctx = PMX_CTX_DEFAULT;
    CHECK(pmx_init() == PMX_ERR_STATE);
    CHECK(pmx_put_nbi(ctx, word, word, 8, size) == PMX_ERR_RANK);
    CHECK(std::string(pmx_last_error_detail()).find("dst_rank is") != std::string::npos);
    CHECK(pmx_put_nbi(ctx, word, word, 8, -1) == PMX_ERR_RANK);
    CHECK(pmx_put_nbi(ctx, &outside, word, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put_nbi(ctx, word, &outside, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put_nbi(ctx, word, word, SIZE_MAX, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put_nbi(ctx, nullptr, word, 8, 0) == PMX_ERR_ADDRESS);
    CHECK(pmx_put_signal_nbi(ctx, word, word, 8, reinterpret_cast<uint64_t*>(bytes + 4), 1, PMX_SIGNAL_SET, 0) ==
          PMX_ERR_ADDRESS);
    CHECK(pmx_put_signal_nbi(ctx, word, word, 8, word, 1, static_cast<pmx_sigop_t>(7), 0) == PMX_ERR_ARGUMENT);
    CHECK(pmx_signal_wait(ctx, word, static_cast<pmx_cmp_t>(6), 0, 0, 0, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_signal_wait(ctx, word, PMX_CMP_EQ, 1, size, 0, nullptr) == PMX_ERR_RANK);
    CHECK(pmx_signal_wait(ctx, word, PMX_CMP_EQ, 1, PMX_RANK_ANY, 1000000, nullptr) == PMX_ERR_TIMEOUT);
    CHECK(pmx_signal_test(ctx, word, PMX_CMP_EQ, 1, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_quiet(reinterpret_cast<pmx_ctx_t>(word)) == PMX_ERR_ARGUMENT);
    CHECK(pmx_launch(nullptr, 1, 1, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_launch([](void*) {}, 0, 1, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_launch([](void*) {}, 1, 257, nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_rank(nullptr) == PMX_ERR_ARGUMENT);
    CHECK(pmx_param_set("ORDER", "auto") == PMX_ERR_STATE);
    pmx_counters_t counters{};
    CHECK(pmx_counters_get(ctx, &counters) == PMX_ERR_ARGUMENT);
    void* p;
    CHECK(pmx_ptr(&outside, 0, &p) == PMX_ERR_ADDRESS);
    CHECK(pmx_ptr(word, size, &p) == PMX_ERR_RANK);
    CHECK_OK(pmx_ptr(word, rank, &p));
    CHECK(p == word);
    CHECK(*word == 0);
    /* A bad attribute on one rank is an error on all, and nobody waits. */
    pmx_ctx_t made = nullptr;
    pmx_ctx_attr_t attr = {sizeof attr, PMX_ORDER_AUTO, -1, rank == 0 ? 65u : 1u};
    int err = pmx_ctx_create(&attr, &made);
    CHECK(err == (rank == 0 ? PMX_ERR_ARGUMENT : PMX_ERR_MISMATCH));
    CHECK(made == nullptr);
    CHECK_OK(pmx_free(word));
}

struct BlockTest {
    pmx_device_ctx_t ctx;
    uint64_t* words; /* [blocks][threads] of the neighbour */
    char* cells;
    int errors;
};

/* Each block sends its cell to the next rank at block scope; each thread sends its own word. The next round begins
 * when the receiver has answered that it has read. */
void block_body(void* arg)
{
    BlockTest& t = *static_cast<BlockTest*>(arg);
    pmx_block_t me = pmx_block_get();
    int to = (t.ctx.rank + 1) % t.ctx.size, from = (t.ctx.rank + t.ctx.size - 1) % t.ctx.size;
    char* out = t.cells + 8192 * me.index;
    char* in = t.cells + 8192 * (me.n_blocks + me.index);
    uint64_t* block_word = &t.words[me.index];
    uint64_t* answer_word = &t.words[me.n_blocks + me.index];
    uint64_t* thread_word = &t.words[2 * me.n_blocks + me.index * me.n_threads + me.thread];
    int errors = 0;
    for (uint64_t round = 1; round <= 10; round++) {
        for (unsigned i = me.thread; i < 8192; i += me.n_threads) out[i] = static_cast<char>(round + i % 100);
        errors += 0 != pmx::put_signal(pmx::block, t.ctx, in, out, 8192, block_word, round, PMX_SIGNAL_SET, to);
        errors += 0 != pmx::signal_wait(pmx::block, t.ctx, block_word, PMX_CMP_EQ, round, from);
        for (unsigned i = me.thread; i < 8192; i += me.n_threads) errors += in[i] != static_cast<char>(round + i % 100);
        errors += 0 != pmx::signal_set(pmx::thread, t.ctx, thread_word, round, to);
        errors += 0 != pmx::signal_wait(pmx::thread, t.ctx, thread_word, PMX_CMP_EQ, round, from);
        errors += 0 != pmx::signal_set(pmx::block, t.ctx, answer_word, round, from);
        errors += 0 != pmx::signal_wait(pmx::block, t.ctx, answer_word, PMX_CMP_EQ, round, to);
        errors += 0 != pmx::quiet(pmx::block, t.ctx);
        pmx_block_sync();
    }
    pmx::detail::fetch_add_relaxed(&t.errors, errors);
}

void blocks_put_and_wait()
{
    constexpr unsigned kBlocks = 3, kThreads = 2;
    BlockTest t{};
    t.ctx.size_bytes = sizeof t.ctx;
    CHECK_OK(pmx_device_handle(PMX_CTX_DEFAULT, &t.ctx));
    t.words = sym<uint64_t>(kBlocks * (2 + kThreads));
    t.cells = sym<char>(2 * 8192 * kBlocks);
    CHECK_OK(pmx_launch(block_body, kBlocks, kThreads, &t));
    CHECK(t.errors == 0);
    CHECK_OK(pmx_barrier());
    CHECK_OK(pmx_free(t.cells));
    CHECK_OK(pmx_free(t.words));
}

}  // namespace

int main()
{
    int up = 1;
    CHECK(pmx_initialized(&up) == PMX_SUCCESS && up == 0);
    CHECK(pmx_barrier() == PMX_ERR_STATE);
    CHECK(pmx_finalize() == PMX_ERR_STATE);
    CHECK_OK(pmx_init());
    CHECK_OK(pmx_rank(&rank));
    CHECK_OK(pmx_size(&size));
    CHECK_OK(pmx_initialized(&up));
    CHECK(up == 1);
    memory_is_symmetric();
    put_signal_shows_data_before_signal();
    add_happens_exactly_once();
    fence_orders_what_follows();
    contexts_count_their_own();
    bad_arguments_are_refused();
    blocks_put_and_wait();
    CHECK_OK(pmx_finalize());
    CHECK(pmx_barrier() == PMX_ERR_STATE);
    if (rank == 0) std::printf("ok\n");
    return 0;
}
