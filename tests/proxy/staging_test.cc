/* SPDX-License-Identifier: BSD-3-Clause */
/* The staging transport without an engine: each way of each operation, what passes it by, full rings, words
 * that are SET and ADDed to, completions, ranks that fail, copy engines that break. Random kernels:
 * staging_order_test. */
#include <algorithm>
#include <functional>
#include <map>

#include "staging_rig.h"
#include "tests/cmocka_cxx.h"

namespace {

using namespace pmx;
using Net = StagingRigConfig::Net;

constexpr uint64_t kGpu = PMX_CMD_GPU_HEAP;
constexpr uint64_t kFar = 32768;  /* second half of a heap */
constexpr uint64_t kLong = 10000; /* more than all slots of a rank hold */

uint64_t off_of(bool gpu, uint64_t off) { return (gpu ? kGpu : 0) + off; }

Op transfer(OpKind kind, const void* here, uint64_t there, uint64_t n_bytes, uint64_t cookie)
{
    return {.kind = kind,
            .flags = 0,
            .src = here,
            .dst_off = there,
            .n_bytes = n_bytes,
            .value = 0,
            .cookie = cookie};
}
Op signal(OpKind kind, uint64_t there, uint64_t value, uint64_t cookie, uint8_t flags = 0)
{
    return {.kind = kind,
            .flags = flags,
            .src = nullptr,
            .dst_off = there,
            .n_bytes = 8,
            .value = value,
            .cookie = cookie};
}

/* The test plays all proxies. */
struct Bench {
    explicit Bench(const StagingRigConfig& config) : rig(config)
    {
        for (int r = 0; r < config.size; r++)
            for (bool gpu : {false, true})
                for (uint64_t i = 0; i < kFar; i++) rig.rank(r).at(gpu, 0)[i] = byte_of(r, gpu, i);
    }
    static char byte_of(int rank, bool gpu, uint64_t i)
    {
        return static_cast<char>(1 + (i * 7 + static_cast<uint64_t>(rank) * 31 + gpu * 11) % 251);
    }
    Transport& at(int rank) { return *rig.rank(rank).transport; }

    void turn()
    {
        if (rig.world) rig.world->run_next();
        for (int r = 0; r < rig.config.size; r++) {
            if (r == rig.dead) continue;
            if (rig.world)
                rig.world->clock(r).time_ns =
                    std::max(rig.world->clock(r).time_ns, static_cast<double>(rig.world->now_ns()));
            std::array<Completion, 3> out;
            int n = at(r).poll({out.data(), rig.random() % 4});
            if (on_poll) on_poll();
            if (n < 0) error[r] = n;
            for (int i = 0; i < n; i++)
                completed[r][out[static_cast<size_t>(i)].cookie].push_back(out[static_cast<size_t>(i)].err);
        }
    }
    void post(int src, int dst, std::vector<Op> ops)
    {
        size_t done = 0;
        for (int i = 0; i < 1000000 && done < ops.size(); i++) {
            int n = at(src).post(dst, std::span<const Op>(ops).subspan(done));
            assert_true(n >= 0);
            done += static_cast<size_t>(n);
            turn();
        }
        assert_int_equal(done, ops.size());
        n_posted[src] += ops.size();
    }
    size_t n_completed(int rank) { return completed[rank].size(); }
    void drain()
    {
        for (int i = 0; i < 3000000; i++) {
            bool all = true;
            for (auto [rank, n] : n_posted) all = all && n_completed(rank) == n;
            if (all) break;
            turn();
        }
        for (int i = 0; i < 200; i++) turn(); /* nothing comes twice */
        for (auto [rank, n] : n_posted) {
            assert_int_equal(n_completed(rank), n);
            for (auto& [cookie, errs] : completed[rank]) {
                assert_int_equal(errs.size(), 1);
                assert_int_equal(errs[0], PMX_SUCCESS);
            }
        }
    }
    /* Bytes of the heap of `rank` from `to` on are those of from_rank's from `from` on. */
    void same(int rank, bool gpu, uint64_t to, int from_rank, bool from_gpu, uint64_t from, uint64_t n_bytes)
    {
        for (uint64_t i = 0; i < n_bytes; i++)
            assert_int_equal(rig.rank(rank).at(gpu, to)[i], byte_of(from_rank, from_gpu, from + i));
    }

    StagingRig rig;
    std::function<void()> on_poll; /* after each */
    std::map<int, std::map<uint64_t, std::vector<pmx_err_t>>> completed;
    std::map<int, size_t> n_posted;
    std::map<int, int> error;
};

template <typename Do>
void on_each_net(StagingRigConfig config, Do check)
{
    for (Net net : {Net::any_order, Net::in_order, Net::softnic})
        for (uint32_t seed = 1; seed <= 10; seed++) {
            config.net = net;
            config.seed = seed;
            check(config);
        }
}

void puts_and_gets_go_each_way(void**)
{
    on_each_net({.size = 2}, [](const StagingRigConfig& config) {
        for (bool here : {false, true})
            for (bool there : {false, true})
                for (uint64_t n_bytes : {uint64_t{1}, uint64_t{255}, uint64_t{600}, kLong}) {
                    Bench bench(config);
                    bench.post(0, 1,
                               {transfer(OpKind::put, bench.rig.rank(0).sym(here, 3), off_of(there, kFar + 5),
                                         n_bytes, 7)});
                    bench.post(1, 0,
                               {transfer(OpKind::get, bench.rig.rank(1).sym(here, kFar + 20001),
                                         off_of(there, 9), n_bytes, 8)});
                    bench.drain();
                    bench.same(1, there, kFar + 5, 0, here, 3, n_bytes);
                    bench.same(1, here, kFar + 20001, 0, there, 9, n_bytes);
                }
    });
}

/* The inner transport gets what concerns host memory only as it is, and at once. */
void host_memory_passes_by(void**)
{
    Bench bench({.net = Net::in_order, .size = 2});
    std::vector<std::vector<uint64_t>> posts;
    bench.rig.rank(0).nic->on_post = [&](int, std::span<const Op> ops) {
        posts.emplace_back();
        for (const Op& op : ops) posts.back().push_back(op.cookie);
    };
    std::vector<Op> ops = {
        transfer(OpKind::put, bench.rig.rank(0).sym(false, 0), kFar, 4000, 1),
        signal(OpKind::signal_set, kFar + 8000, 1, 2, kOpOrdered),
        signal(OpKind::signal_add, kFar + 8008, 1, 3, kOpOrdered),
        transfer(OpKind::get, bench.rig.rank(0).sym(false, kFar), 0, 4000, kStagingCookies - 1)};
    assert_int_equal(bench.at(0).post(1, ops), 4);
    assert_int_equal(posts.size(), 1);
    assert_true((posts[0] == std::vector<uint64_t>{1, 2, 3, kStagingCookies - 1}));
    bench.n_posted[0] = 4;
    bench.drain();
    assert_int_equal(bench.rig.rank(0).in->n_begun + bench.rig.rank(0).out->n_begun, 0);
}

/* Each rank wants more than the slots hold, of the GPU memory of the other, and sends as much. */
void ranks_that_get_from_each_other_go_on(void**)
{
    on_each_net({.size = 2, .n_slots = 2, .queue_depth = 2, .refuse_percent = 30},
                [](const StagingRigConfig& config) {
                    Bench bench(config);
                    for (int r : {0, 1}) {
                        std::vector<Op> ops;
                        for (uint64_t i = 0; i < 4; i++) {
                            ops.push_back(transfer(OpKind::get, bench.rig.rank(r).sym(i % 2, kFar + 3000 * i),
                                                   kGpu + 100 * i, 3000, i));
                            ops.push_back(transfer(OpKind::put, bench.rig.rank(r).sym(true, 0),
                                                   off_of(i % 2, kFar + 15000 + 3000 * i), 3000, 10 + i));
                        }
                        /* All that goes, without a poll in between. */
                        int n = bench.at(r).post(1 - r, ops);
                        assert_true(n >= 0);
                        bench.n_posted[r] = static_cast<size_t>(n);
                        bench.post(r, 1 - r, {ops.begin() + n, ops.end()});
                    }
                    bench.drain();
                    for (int r : {0, 1})
                        for (uint64_t i = 0; i < 4; i++) {
                            bench.same(r, i % 2, kFar + 3000 * i, 1 - r, true, 100 * i, 3000);
                            bench.same(r, i % 2, kFar + 15000 + 3000 * i, 1 - r, true, 0, 3000);
                        }
                });
}

/* SETs and ADDs of one rank take place in its order; all that others add meanwhile to the words beside is
 * kept. */
void words_in_gpu_memory_are_exact(void**)
{
    on_each_net({.size = 3}, [](const StagingRigConfig& config) {
        Bench bench(config);
        uint64_t wanted[3][2];
        for (int src = 0; src < 3; src++)
            for (uint64_t w : {0, 1})
                std::memcpy(&wanted[src][w],
                            bench.rig.rank(1).at(true, kFar + static_cast<uint64_t>(src) * 16 + 8 * w), 8);
        for (uint64_t i = 0; i < 60; i++) {
            uint8_t flags = config.net == Net::any_order ? 0 : kOpOrdered;
            OpKind kind = bench.rig.random() % 3 == 0 ? OpKind::signal_set : OpKind::signal_add;
            uint64_t word = bench.rig.random() % 2 * 8;
            for (int src = 0; src < 3; src++) {
                uint64_t mine = kFar + static_cast<uint64_t>(src) * 16 + word, &want = wanted[src][word / 8];
                want = kind == OpKind::signal_set ? 1000 * i : want + 1;
                bench.post(
                    src, 1,
                    {signal(kind, kGpu + mine, kind == OpKind::signal_set ? 1000 * i : 1, 2 * i, flags),
                     signal(OpKind::signal_add, kGpu + kFar + 64, 1 + i, 2 * i + 1, flags)});
            }
        }
        bench.drain();
        for (uint64_t src = 0; src < 3; src++)
            for (uint64_t w : {0, 1})
                assert_int_equal(bench.rig.rank(1).word(true, kFar + src * 16 + 8 * w), wanted[src][w]);
        assert_int_equal(bench.rig.rank(1).word(true, kFar + 64), 3 * 60 * 61 / 2);
    });
}

/* One rank SETs, another ADDs: the sum has not been read before the SET and written behind it. */
void a_set_is_not_covered_by_a_sum(void**)
{
    on_each_net({.size = 3}, [](const StagingRigConfig& config) {
        for (uint32_t more = 0; more < 20; more++) {
            StagingRigConfig each = config;
            each.seed = config.seed * 100 + more;
            Bench bench(each);
            std::memset(bench.rig.rank(2).at(true, kFar), 0, 8);
            bench.post(0, 2, {signal(OpKind::signal_add, kGpu + kFar, 1, 1)});
            for (uint32_t n = bench.rig.random() % 20; n > 0; n--) bench.turn();
            bench.post(1, 2, {signal(OpKind::signal_set, kGpu + kFar, 1000, 1)});
            bench.drain();
            uint64_t word = bench.rig.rank(2).word(true, kFar);
            assert_true(word == 1000 || word == 1001);
        }
    });
}

/* What rank 0 does to a word is seen in its order, whatever others add to the same word: they use the upper half. Word 0
 * is SET, in GPU memory or, where order can be asked for, in host memory. */
void signals_to_one_word_are_seen_in_order(void**)
{
    on_each_net({.size = 3, .n_slots = 3}, [](const StagingRigConfig& config) {
        Bench bench(config);
        bool ordered = config.net != Net::any_order, in_gpu = !ordered || config.seed % 2 == 0;
        std::array<uint32_t, 4> seen{}, sent{};
        bool back = false;
        std::memset(bench.rig.rank(2).at(true, kFar), 0, 32);
        bench.on_poll = bench.rig.rank(2).in->on_copied = [&] {
            for (uint64_t w = 0; w < 4; w++) {
                auto now = static_cast<uint32_t>(bench.rig.rank(2).word(w != 0 || in_gpu, kFar + 8 * w));
                back = back || now < seen[w] || now > sent[w];
                seen[w] = now;
            }
        };
        for (uint64_t i = 0; i < 200; i++) {
            uint64_t w = bench.rig.random() % 4, word = off_of(w != 0 || in_gpu, kFar + 8 * w);
            sent[w]++;
            uint8_t flags = ordered ? kOpOrdered : 0;
            bench.post(0, 2,
                       {w == 0 ? signal(OpKind::signal_set, word, sent[0], i, flags)
                               : signal(OpKind::signal_add, word, 1, i, flags)});
            if (w != 0) bench.post(1, 2, {signal(OpKind::signal_add, word, uint64_t{1} << 32, i, flags)});
        }
        bench.drain();
        assert_false(back);
        assert_true(seen == sent);
    });
}

/* Many ADDs share the time of their copies, and the signals of a chain share a piece. */
void adds_go_in_rounds(void**)
{
    Bench bench({.net = Net::in_order, .size = 2, .n_slots = 8});
    std::vector<Op> ops;
    for (uint64_t i = 0; i < 48; i++) ops.push_back(signal(OpKind::signal_add, kGpu + kFar + 8 * i, i, i));
    size_t n_posts = 0;
    bench.rig.rank(0).nic->on_post = [&](int, std::span<const Op>) { n_posts++; };
    bench.post(0, 1, ops);
    bench.drain();
    for (uint64_t i = 0; i < 48; i++) assert_int_equal(bench.rig.rank(1).word(true, kFar + 8 * i), i);
    assert_int_equal(n_posts, 3);
    assert_int_equal(bench.rig.rank(1).out->n_begun, 48);
}

/* What has no room is not taken, and nothing is lost. */
void a_full_ring_takes_no_more(void**)
{
    Bench bench({.net = Net::in_order, .size = 2});
    std::vector<Op> ops;
    for (uint64_t i = 0; i < 100; i++)
        ops.push_back(transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar + 300 * i, 300, i));
    bench.rig.rank(0).out->frozen = true;
    size_t n = 0;
    for (int i = 0; i < 50; i++) {
        int taken = bench.at(0).post(1, std::span<const Op>(ops).subspan(n));
        assert_true(taken >= 0);
        n += static_cast<size_t>(taken);
        bench.turn();
    }
    assert_in_range(n, 1, 99);
    assert_int_equal(bench.n_completed(0), 0);
    bench.rig.rank(0).out->frozen = false;
    bench.n_posted[0] = n;
    bench.post(0, 1, {ops.begin() + static_cast<long>(n), ops.end()});
    bench.drain();
    for (uint64_t i = 0; i < 100; i++) bench.same(1, true, kFar + 300 * i, 0, true, 0, 300);
}

/* An ADD to host memory is never made by the CPU of the target, and never seen before what it follows. */
void an_ordered_add_waits_for_staged_data(void**)
{
    on_each_net({.size = 2}, [](const StagingRigConfig& config) {
        if (config.net == Net::any_order) return;
        Bench bench(config);
        uint64_t word = kFar + 8, before = bench.rig.rank(1).word(false, word);
        bench.post(0, 1,
                   {transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar, 2000, 1),
                    signal(OpKind::signal_add, word, 5, 2, kOpOrdered),
                    transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar + 4000, 2000, 3),
                    signal(OpKind::signal_set, word + 8, 9, 4, kOpOrdered)});
        while (bench.rig.rank(1).word(false, word) == before) bench.turn();
        assert_int_equal(bench.rig.rank(1).word(false, word), before + 5);
        bench.same(1, true, kFar, 0, true, 0, 2000);
        bench.drain();
        assert_int_equal(bench.rig.rank(1).word(false, word + 8), 9);
    });
}

/* It promises what it can keep, when the NIC can. */
void promises_are_those_of_signals(void**)
{
    for (Net net : {Net::any_order, Net::in_order, Net::softnic}) {
        StagingRig rig({.net = net, .size = 2});
        Transport& transport = *rig.rank(0).transport;
        const TransportCaps& caps = transport.caps();
        assert_int_equal(caps.orders_set, net != Net::any_order);
        assert_int_equal(caps.orders_add, net != Net::any_order);
        assert_false(caps.orders_put || caps.fence || caps.counted);
        assert_string_equal(caps.name.c_str(), net == Net::softnic ? "softnic" : "fake");
        pmx_order_t order;
        assert_true(resolve_order(PMX_ORDER_AUTO, caps, order).ok());
        assert_int_equal(order, net == Net::any_order ? PMX_ORDER_DEFERRED : PMX_ORDER_ORDERED);
    }
    StagingRig rig({.net = Net::any_order, .size = 1, .max_put_bytes = kStagingMinPut - 1});
    assert_int_equal(rig.rank(0).connected, PMX_ERR_UNSUPPORTED);
}

/* Given up in the middle, with copies and operations under way that end later. */
void a_rank_that_fails_harms_no_other(void**)
{
    on_each_net({.size = 3}, [](const StagingRigConfig& config) {
        Bench bench(config);
        for (int dst : {1, 2})
            for (uint64_t i = 0; i < 4; i++) {
                const Op ops[] = {
                    transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), off_of(i % 2, kFar + 1000 * i),
                             1000, 100 * static_cast<uint64_t>(dst) + 2 * i),
                    transfer(
                        OpKind::get,
                        bench.rig.rank(0).sym(true, kFar + 10000 * static_cast<uint64_t>(dst) + 1000 * i),
                        off_of(i % 2, 0), 1000, 100 * static_cast<uint64_t>(dst) + 2 * i + 1)};
                assert_int_equal(bench.at(0).post(dst, ops), 2);
                for (uint32_t n = bench.rig.random() % 5; n > 0; n--) bench.turn();
            }
        bench.rig.dead = 2;
        bench.at(0).fail_peer(2);
        bench.at(1).fail_peer(2);
        const Op late = transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu, 10, 999);
        assert_true(bench.at(0).post(2, {&late, 1}) < 0);
        bench.post(0, 1,
                   {transfer(OpKind::put, bench.rig.rank(0).sym(true, 7), kGpu + kFar + 5000, kLong, 199)});
        for (int i = 0; i < 100000 && bench.completed[0].count(199) == 0; i++) bench.turn();
        for (uint64_t cookie : {100, 101, 102, 103, 104, 105, 106, 107, 199})
            assert_true(bench.completed[0][cookie] == std::vector<pmx_err_t>{PMX_SUCCESS});
        for (uint64_t i = 0; i < 4; i++) {
            bench.same(1, i % 2, kFar + 1000 * i, 0, true, 0, 1000);
            bench.same(0, true, kFar + 10000 + 1000 * i, 1, i % 2, 0, 1000);
        }
        bench.same(1, true, kFar + 5000, 0, true, 7, kLong);
    });
}

/* What a NIC reports as failed comes out as an error, of each operation that is staged to that rank, once. */
void errors_of_the_nic_are_reported(void**)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        Bench bench({.net = Net::any_order, .size = 3, .seed = seed});
        bench.rig.rank(0).nic->break_peer(2);
        std::vector<Op> ops;
        for (uint64_t i = 0; i < 10; i++)
            ops.push_back(transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar, 600, i));
        assert_int_equal(bench.at(0).post(2, ops), 10);
        for (int i = 0; i < 10000 && bench.n_completed(0) < 10; i++) bench.turn();
        for (uint64_t i = 0; i < 10; i++)
            assert_true(bench.completed[0][i] == std::vector<pmx_err_t>{PMX_ERR_PEER_FAILED});
        assert_int_equal(bench.at(0).post(2, ops), PMX_ERR_PEER_FAILED);
        bench.n_posted[1] = 0;
        bench.post(1, 0, {transfer(OpKind::put, bench.rig.rank(1).sym(true, 0), kGpu + kFar, 600, 1)});
        for (int i = 0; i < 100000 && bench.n_completed(1) < 1; i++) bench.turn();
        bench.same(0, true, kFar, 1, true, 0, 600);
    }
}

/* A rank that cannot be told what has been done is failed, too. */
void an_acknowledgement_that_fails_fails_the_rank(void**)
{
    Bench bench({.net = Net::in_order, .size = 2});
    bench.rig.rank(1).nic->break_peer(0);
    const Op op = transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar, 600, 1);
    assert_int_equal(bench.at(0).post(1, {&op, 1}), 1);
    for (int i = 0; i < 1000; i++) bench.turn();
    assert_int_equal(bench.n_completed(0), 0);
    assert_int_equal(bench.at(1).post(0, {&op, 1}), PMX_ERR_PEER_FAILED);
}

void a_broken_copy_engine_ends_the_job(void**)
{
    for (bool of_target : {false, true}) {
        Bench bench({.net = Net::in_order, .size = 2});
        int broken = of_target ? 1 : 0;
        (of_target ? bench.rig.rank(1).in : bench.rig.rank(0).out)->broken = true;
        const Op op = transfer(OpKind::put, bench.rig.rank(0).sym(true, 0), kGpu + kFar, 600, 1);
        assert_int_equal(bench.at(0).post(1, {&op, 1}), 1);
        for (int i = 0; i < 1000 && bench.error[broken] == 0; i++) bench.turn();
        assert_int_equal(bench.error[broken], PMX_ERR_SYSTEM);
    }
}

/* What no sender of this library writes is not carried out. */
void an_overwritten_slot_ends_the_job(void**)
{
    for (bool bad_signal : {false, true}) {
        Bench bench({.net = Net::in_order, .size = 2});
        const Op op = signal(OpKind::signal_set, bad_signal ? kGpu + (1 << 20) : kGpu + kFar, 1, 1);
        if (!bad_signal)
            bench.rig.rank(0).nic->on_deliver = [](int, const Op& put) {
                if (put.kind == OpKind::put) std::memset(const_cast<void*>(put.src), 0xff, put.n_bytes);
            };
        assert_int_equal(bench.at(0).post(1, {&op, 1}), 1);
        for (int i = 0; i < 1000 && bench.error[1] == 0; i++) bench.turn();
        assert_int_equal(bench.error[1], PMX_ERR_INTERNAL);
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(puts_and_gets_go_each_way),
        cmocka_unit_test(host_memory_passes_by),
        cmocka_unit_test(ranks_that_get_from_each_other_go_on),
        cmocka_unit_test(words_in_gpu_memory_are_exact),
        cmocka_unit_test(a_set_is_not_covered_by_a_sum),
        cmocka_unit_test(signals_to_one_word_are_seen_in_order),
        cmocka_unit_test(adds_go_in_rounds),
        cmocka_unit_test(a_full_ring_takes_no_more),
        cmocka_unit_test(an_ordered_add_waits_for_staged_data),
        cmocka_unit_test(promises_are_those_of_signals),
        cmocka_unit_test(a_rank_that_fails_harms_no_other),
        cmocka_unit_test(errors_of_the_nic_are_reported),
        cmocka_unit_test(an_acknowledgement_that_fails_fails_the_rank),
        cmocka_unit_test(a_broken_copy_engine_ends_the_job),
        cmocka_unit_test(an_overwritten_slot_ends_the_job),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
