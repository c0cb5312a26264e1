/* SPDX-License-Identifier: BSD-3-Clause */
/* ofi_pair PROVIDER: what the libfabric transport promises, on one provider, between two or three processes.
 * Here: operations, limits and failures; ofi_order.cc and ofi_counted.cc have the order of operations.
 * Exit: 0 kept, 1 not kept, 77 the provider does not work here, 2 wrong call. */
#include <algorithm>
#include <random>

#include "ofi_cases.h"

namespace pmx_test {

using pmx::Op;
using pmx::OpKind;

namespace {

int a_completed_operation_is_visible_at_the_target(Rank& rank)
{
    if (rank.rank == 1) return rank.barrier() ? 0 : 1;
    std::mt19937_64 random(20);
    uint64_t cookie = 0, sum = 0;
    for (int round = 0; round < 60; round++) {
        const int bits = int(random() % 21); /* sizes of every magnitude, to 1 MiB */
        const uint64_t any = (uint64_t(1) << bits) + random() % (uint64_t(1) << bits);
        const uint64_t n_put = round == 0 ? 1 : round == 1 ? 1 << 20 : std::min<uint64_t>(any, 1 << 20);
        const uint64_t src = random() % (kWords / 2 - n_put);
        const uint64_t dst = random() % (kWords / 2 - n_put) + kWords / 2;
        for (uint64_t i = 0; i < n_put; i++) rank.own()[src + i] = static_cast<unsigned char>(random());
        const uint64_t value = random();
        const Op ops[] = {put(rank.own() + src, dst, n_put, cookie),
                          signal(OpKind::signal_set, kWords, value, cookie + 1),
                          signal(OpKind::signal_add, kWords + 8, value, cookie + 2)};
        cookie += 3;
        sum += value;
        for (const Op& op : ops) {
            const size_t n_before = rank.done.size();
            REQUIRE(rank.post_all(1, {&op, 1}), "post failed: %d", rank.poll_error);
            REQUIRE(rank.until([&] { return rank.done.size() > n_before; }), "round %d: no completion",
                    round);
            if (op.kind == OpKind::put)
                REQUIRE(memcmp(rank.heap[1] + dst, rank.own() + src, n_put) == 0,
                        "round %d: put of %zu bytes", round, size_t(n_put));
            if (op.kind == OpKind::signal_set)
                REQUIRE(rank.word(1, kWords) == value, "round %d: SET is not there", round);
            if (op.kind == OpKind::signal_add)
                REQUIRE(rank.word(1, kWords + 8) == sum, "round %d: ADD is not there", round);
        }
    }
    REQUIRE(rank.barrier(), "barrier");
    return check_completions(rank, cookie);
}

/* Some at once, in both directions; a get follows a put of the same bytes only when that has completed. */
int a_get_brings_the_bytes_of_the_target(Rank& rank)
{
    const int other = 1 - rank.rank;
    const uint64_t half = kWords / 2;
    std::mt19937_64 random(uint64_t(30 + rank.rank));
    for (uint64_t i = 0; i < half; i++) rank.own()[half + i] = static_cast<unsigned char>(random());
    REQUIRE(rank.barrier(), "barrier");
    uint64_t cookie = 0;
    for (int round = 0; round < 40; round++) {
        Op ops[3];
        uint64_t at = 0;
        for (Op& op : ops) {
            const uint64_t n = round == 0 ? 1 << 19 : 1 + random() % (uint64_t(1) << random() % 20);
            op = get(rank.own() + at, half + random() % (half - n), n, cookie++);
            at += n;
        }
        REQUIRE(rank.post_all(other, ops), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == cookie; }), "round %d: no completion", round);
        for (const Op& op : ops)
            REQUIRE(memcmp(op.src, rank.heap[other] + op.dst_off, op.n_bytes) == 0,
                    "round %d: get of %zu bytes", round, size_t(op.n_bytes));
    }
    const uint64_t word = kWords + 8 * uint64_t(rank.rank);
    const Op last[] = {signal(OpKind::signal_set, word, 99, cookie++), get(rank.own(), word, 8, cookie++)};
    for (const Op& op : last) {
        const size_t n_before = rank.done.size();
        REQUIRE(rank.post_all(other, {&op, 1}), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() > n_before; }), "no completion");
    }
    REQUIRE(rank.word(rank.rank, 0) == 99, "a get of the word just set: %zu",
            size_t(rank.word(rank.rank, 0)));
    REQUIRE(rank.barrier(), "barrier");
    return check_completions(rank, cookie);
}

int adds_of_two_senders_count_exactly_once(Rank& rank)
{
    constexpr uint64_t kAdds = 3000;
    const uint64_t unit = rank.rank == 0 ? 1 : uint64_t(1) << 32;
    if (rank.rank != 2) {
        std::vector<Op> ops;
        for (uint64_t i = 0; i < kAdds; i++) ops.push_back(signal(OpKind::signal_add, kWords, unit, i));
        for (uint64_t i = 0; i < kAdds; i += 50)
            REQUIRE(rank.post_all(2, std::span(ops).subspan(i, 50)), "post failed: %d", rank.poll_error);
        REQUIRE(rank.until([&] { return rank.done.size() == kAdds; }), "%zu adds completed",
                rank.done.size());
        if (check_completions(rank, kAdds)) return 1;
    }
    REQUIRE(rank.barrier(), "barrier");
    const uint64_t sum = rank.word(2, kWords);
    REQUIRE(sum == kAdds * (1 + (uint64_t(1) << 32)), "sum %zx", size_t(sum));
    return 0;
}

/* Fills every queue without polling, in both directions at once, and goes on where it had to stop. */
int a_full_queue_takes_nothing_and_loses_nothing(Rank& rank)
{
    constexpr uint64_t kOps = 6000;
    const int other = 1 - rank.rank;
    for (int i = 0; i < 64; i++) rank.own()[i] = static_cast<unsigned char>(i + rank.rank);
    std::vector<Op> ops;
    for (uint64_t i = 0; i < kOps; i++) {
        if (i % 3 == 0) ops.push_back(put(rank.own(), 4096 + i % 100 * 64, 64, i));
        if (i % 3 == 1) ops.push_back(signal(OpKind::signal_set, kWords + 8, i, i));
        if (i % 3 == 2) ops.push_back(signal(OpKind::signal_add, kWords, 1, i));
    }
    size_t n_posted = 0, n_short = 0;
    REQUIRE(rank.until([&] {
        for (;;) {
            const size_t n_chain = std::min<size_t>(32, ops.size() - n_posted);
            if (n_chain == 0) return true;
            const int n = rank.transport->post(other, std::span(ops).subspan(n_posted, n_chain));
            if (n < 0) rank.poll_error = n;
            if (n < 0) return false;
            n_posted += size_t(n);
            if (size_t(n) < n_chain) break;
        }
        n_short++;
        return false;
    }),
            "posted %zu, error %d", n_posted, rank.poll_error);
    REQUIRE(n_short > 0, "a queue for %zu operations is not believable", n_posted);
    REQUIRE(rank.until([&] { return rank.done.size() == kOps; }), "%zu of %zu completed", rank.done.size(),
            size_t(kOps));
    REQUIRE(rank.barrier(), "barrier");
    REQUIRE(rank.word(rank.rank, kWords) == kOps / 3, "%zu adds", size_t(rank.word(rank.rank, kWords)));
    REQUIRE(memcmp(rank.own() + 4096 + 99 * 64, rank.heap[other], 64) == 0, "data of the last puts");
    return check_completions(rank, kOps);
}

int a_killed_rank_hangs_nobody(Rank& rank)
{
    std::atomic<uint64_t>& warm = rank.board->word[0];
    if (rank.rank == 2) {
        if (!rank.until([&] { return warm == 1; })) return 1;
        raise(SIGKILL);
    }
    if (rank.rank == 1)
        return rank.until([&] { return rank.word(1, kWords) == 7 || rank.board->word[1]; }) ? 0 : 1;
    Op ops[16];
    for (uint64_t i = 0; i < 16; i++)
        ops[i] = i % 2 ? signal(OpKind::signal_set, kWords, i, i) : put(rank.own(), 4096, 20000, i);
    REQUIRE(rank.post_all(2, ops), "first posts: %d", rank.poll_error);
    REQUIRE(rank.until([&] { return rank.done.size() == 16; }), "first completions");
    warm = 1;
    REQUIRE(rank.until([&] { return rank.board->at_barrier[2] == UINT64_MAX; }), "rank 2 is not dead");

    /* Goes on as an engine does until it learns of the death, or gives up by its own clock. */
    size_t n_posted = 0;
    int ret = 0;
    rank.until(
        [&] {
            ret = n_posted < 4000 ? rank.transport->post(2, ops) : 0;
            if (ret > 0) n_posted += size_t(ret);
            return ret < 0 || rank.n_failed > 0;
        },
        1'000'000'000);
    REQUIRE(rank.poll_error == 0, "the whole transport failed: %d", rank.poll_error);
    rank.transport->fail_peer(2);
    REQUIRE(rank.transport->post(2, ops) == PMX_ERR_PEER_FAILED, "a failed rank still takes operations");
    rank.until([&] { return rank.done.size() == 16 + n_posted; }, 500'000'000);
    REQUIRE(rank.done.size() <= 16 + n_posted, "more completions than operations");
    for (size_t i = 16; i < rank.done.size(); i++)
        REQUIRE(rank.done[i].err == PMX_SUCCESS || rank.done[i].err == PMX_ERR_PEER_FAILED ||
                    rank.done[i].err == PMX_ERR_TRANSPORT,
                "error %d", rank.done[i].err);

    /* shm reads the answers of all ranks from one queue, in order: one that never comes blocks the rest. */
    if (rank.provider == "shm") {
        rank.board->word[1] = 1;
        return 0;
    }
    const size_t n_before = rank.done.size();
    const Op last[] = {put(rank.own(), 8192, 1000, 1 << 20), signal(OpKind::signal_set, kWords, 7, 1 << 20)};
    REQUIRE(rank.post_all(1, last), "posts to the living rank: %d", rank.poll_error);
    REQUIRE(rank.until([&] {
        return std::count_if(rank.done.begin() + long(n_before), rank.done.end(), [](const auto& one) {
                   return one.cookie == 1 << 20 && one.err == PMX_SUCCESS;
               }) == 2;
    }),
            "the living rank cannot be reached");
    return 0;
}

int a_malformed_address_is_an_error_and_changes_nothing(Rank& rank)
{
    if (rank.rank == 1) return 0;
    rank.transport.reset();
    std::unique_ptr<pmx::Transport> transport;
    pmx::Status status = pmx::ofi_open(rank.provider, rank.config(), transport);
    REQUIRE(status.ok(), "%s", status.detail().c_str());
    const std::vector<std::byte> good = transport->address();
    std::vector<std::vector<std::byte>> bad = {{}, {std::byte(1)}, good, good, good, good};
    bad[2].pop_back();
    bad[3].push_back(std::byte(0));
    bad[4][0] ^= std::byte(0xff); /* the magic word */
    bad[5].resize(good.size() / 2);
    for (size_t i = 0; i < bad.size(); i++) {
        const std::vector<std::byte> all[] = {good, bad[i]};
        status = transport->connect(all);
        REQUIRE(status.code() == PMX_ERR_TRANSPORT, "address %zu: code %d", i, status.code());
        REQUIRE(status.detail().find("rank 1") != std::string::npos, "'%s'", status.detail().c_str());
        REQUIRE(status.detail().find('\n') == std::string::npos, "more than one line");
        const Op op = signal(OpKind::signal_set, kWords, 1, 0);
        REQUIRE(transport->post(1, {&op, 1}) < 0, "a rank without an address takes operations");
    }
    REQUIRE(transport->connect({&good, 1}).code() == PMX_ERR_ARGUMENT, "one address for two ranks");
    std::vector<std::byte> other = good;
    other[32] ^= std::byte(1); /* the first letter of the provider */
    const std::vector<std::byte> mixed[] = {good, other};
    REQUIRE(transport->connect(mixed).code() == PMX_ERR_MISMATCH, "two providers in one job");
    const std::vector<std::byte> fine[] = {good, good};
    status = transport->connect(fine);
    REQUIRE(status.ok(), "the good address after the bad: %s", status.detail().c_str());
    return 0;
}

int an_unknown_provider_is_refused_in_one_line(Rank& rank)
{
    const pmx::OfiProvider found = pmx::ofi_probe("no-such-provider");
    REQUIRE(!found.usable, "it is usable");
    REQUIRE(found.why.find("no-such-provider") != std::string::npos, "'%s'", found.why.c_str());
    std::unique_ptr<pmx::Transport> transport;
    const pmx::Status status = pmx::ofi_open("no-such-provider", rank.config(), transport);
    REQUIRE(!status.ok() && !transport, "it opened");
    REQUIRE(status.detail().find('\n') == std::string::npos, "more than one line");
    return 0;
}

/* In a process of its own: libfabric is not to run in the one that forks. The providers tested here keep what
 * they grant: a promise that the self-test took back is a defect, of it or of the transport. */
bool works(const std::string& provider)
{
    fflush(nullptr);
    const pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        const uint64_t begin_ns = pmx::detail::now_ns();
        const pmx::OfiProvider found = pmx::ofi_probe(provider);
        const double ms = double(pmx::detail::now_ns() - begin_ns) * 1e-6;
        const pmx::TransportCaps& caps = found.caps;
        printf(
            "%s: %s; orders put %d set %d add %d, fence %d, counted %d, puts to %zu bytes; probed in %.0f "
            "ms\n",
            provider.c_str(), found.why.c_str(), caps.orders_put, caps.orders_set, caps.orders_add,
            caps.fence, caps.counted, size_t(caps.max_put_bytes), ms);
        fflush(nullptr);
        if (found.why.find("; not ") != std::string::npos) _exit(1);
        _exit(found.usable ? 0 : 77);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) exit(99);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77)) exit(1);
    return WEXITSTATUS(status) == 0;
}

}  // namespace

int run_all(const std::string& provider)
{
    if (!works(provider)) {
        printf("SKIP: libfabric provider %s does not work here\n", provider.c_str());
        return 77;
    }
    int failures = 0;
    failures += RUN(2, a_completed_operation_is_visible_at_the_target);
    failures += RUN(2, a_get_brings_the_bytes_of_the_target);
    failures += run_order_cases(provider);
    failures += run_counted_cases(provider);
    failures += RUN(3, adds_of_two_senders_count_exactly_once);
    failures += RUN(2, a_full_queue_takes_nothing_and_loses_nothing);
    failures += RUN(3, a_killed_rank_hangs_nobody, {.killed_rank = 2});
    failures += RUN(2, a_malformed_address_is_an_error_and_changes_nothing);
    failures += RUN(1, an_unknown_provider_is_refused_in_one_line);
    return failures ? 1 : 0;
}

}  // namespace pmx_test

int main(int argc, char** argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: ofi_pair PROVIDER\n");
        return 2;
    }
    return pmx_test::run_all(argv[1]);
}
