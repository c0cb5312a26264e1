/* SPDX-License-Identifier: BSD-3-Clause */
/* The software NIC: it reorders whatever it may and nothing else, does everything once, does wrong what it is told
 * to do wrong, and does the same again for the same seed. Virtual time; softnic.test runs it between processes. */
#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "softnic_rig.h"
#include "tests/cmocka_cxx.h"

namespace {

using namespace pmx;

constexpr size_t kHeapBytes = 1 << 16;

SoftNicWorldConfig config_of(const char* profile, uint64_t seed = 1, int size = 3)
{
    SoftNicWorldConfig config;
    config.size = size;
    (void)softnic_profile(profile, config.profile);
    config.seed = seed;
    config.heap_bytes = kHeapBytes;
    return config;
}

Op put_op(const void* src, uint64_t dst_off, uint64_t n_bytes, uint64_t cookie, uint8_t flags = 0)
{
    return {.kind = OpKind::put, .flags = flags, .src = src, .dst_off = dst_off, .n_bytes = n_bytes, .value = 0, .cookie = cookie};
}
Op set_op(uint64_t dst_off, uint64_t value, uint64_t cookie, uint8_t flags = 0)
{
    return {.kind = OpKind::signal_set, .flags = flags, .src = nullptr, .dst_off = dst_off, .n_bytes = 8, .value = value, .cookie = cookie};
}

/* Posts for rank 0; what landed and what completed, in order. */
struct Bench {
    explicit Bench(const SoftNicWorldConfig& config) : world(config), src(kHeapBytes)
    {
        for (size_t i = 0; i < src.size(); i++) src[i] = static_cast<char>(i * 7 + 1);
        world.on_put = [this](int dst, uint64_t off, uint64_t) { landed.push_back({dst, off, false}); };
        world.on_signal = [this](int dst, uint64_t off, uint64_t, uint64_t) { landed.push_back({dst, off, true}); };
    }

    /* The NIC of rank 0, whose proxy has waited until now. */
    Transport& nic()
    {
        VirtualClock& clock = world.clock(0);
        clock.time_ns = std::max(clock.time_ns, static_cast<double>(world.now_ns()));
        return world.transport(0);
    }
    /* All of ops, however many turns it takes; false when the network stands still before. */
    bool post(int dst, std::span<const Op> ops)
    {
        for (int turn = 0; !ops.empty(); turn++) {
            int n = nic().post(dst, ops);
            if (n < 0) return false;
            ops = ops.subspan(static_cast<size_t>(n));
            if (ops.empty()) break;
            if (!world.run_next() && turn > 100000) return false;
            reap();
        }
        return true;
    }
    void reap()
    {
        Completion out[16];
        for (int r = 0; r < 3; r++)
            for (int n; (n = world.transport(r).poll(out)) > 0;)
                for (int i = 0; i < n; i++) {
                    completed.push_back(out[i].cookie);
                    times[out[i].cookie]++;
                    if (out[i].err != PMX_SUCCESS) n_errors++;
                }
    }
    void run()
    {
        do reap();
        while (world.run_next());
        reap();
    }

    struct Landed {
        int dst;
        uint64_t off;
        bool signal;
        bool operator==(const Landed&) const = default;
    };
    SoftNicWorld world;
    std::vector<char> src;
    std::vector<Landed> landed;
    std::vector<uint64_t> completed;
    std::map<uint64_t, int> times;
    int n_errors = 0;
};

/* How often a later element of the list is smaller than the one before. */
template <typename T>
int inversions(const std::vector<T>& list)
{
    int n = 0;
    for (size_t i = 1; i < list.size(); i++) n += list[i] < list[i - 1];
    return n;
}

void profiles_are_found_by_name(void**)
{
    SoftNicProfile profile{};
    for (const char* name : {"ideal", "slingshot11", "cx7-ndr", "efa", "tcp"}) {
        assert_true(softnic_profile(name, profile).ok());
        assert_string_equal(profile.name, name);
        assert_true(profile.queue_ops >= 1 && profile.queue_ops <= kSoftNicMaxOps);
        assert_true(profile.n_paths >= 1);
        assert_true(std::strlen(profile.source) > 0);
        assert_false(softnic_caps(profile).orders_put);
    }
    Status unknown = softnic_profile("myrinet", profile);
    assert_int_equal(unknown.code(), PMX_ERR_PARAM);
    assert_non_null(std::strstr(unknown.detail().c_str(), "\"myrinet\": must be one of ideal|slingshot11"));
}

void faults_are_parsed_strictly(void**)
{
    SoftNicFaults faults;
    assert_true(softnic_parse_faults("none", faults).ok());
    assert_int_equal(faults.dead_rank, -1);
    assert_true(softnic_parse_faults("drop=10,late=3:20,again=7:50,dead=2:0,silent=1:9", faults).ok());
    assert_int_equal(faults.drop_one_of, 10);
    assert_int_equal(faults.late_us, 20);
    assert_int_equal(faults.again_posts, 50);
    assert_int_equal(faults.dead_rank, 2);
    assert_int_equal(faults.silent_after, 9);
    assert_true(softnic_parse_faults("loss=100:20,corrupt=8,miss=9,cut=3:50", faults).ok());
    assert_true(faults.loss_one_of == 100 && faults.loss_us == 20 && faults.cut_rank == 3 && faults.cut_us == 50);
    for (const char* bad : {"", "none,drop=1", "drop", "drop=", "drop=0", "drop=1:2", "drop=1,", "drop=1,drop=2",
                            "drop=1000000001", "drop=-1", "late=1", "late=1:0", "late=1:2:3", "dead=1048576:0", "dead=1",
                            "again=5:1000001", "loss=1", "corrupt=0", "miss=1:2", "cut=1", "cut=1:0", "slow=1", "drop=1 "}) {
        SoftNicFaults none;
        Status refused = softnic_parse_faults(bad, none);
        if (refused.ok()) print_error("accepted: %s\n", bad);
        assert_int_equal(refused.code(), PMX_ERR_PARAM);
        assert_int_equal(none.drop_one_of, 0); /* nothing was changed */
    }
}

/* One put and one signal after the other, 60 times: signals overtake the puts before them, puts overtake puts, parts
 * of one put come in any order, and so do completions. */
void everything_that_may_be_reordered_is(void**)
{
    Bench bench(config_of("ideal"));
    for (uint64_t i = 0; i < 60; i++) {
        Op ops[] = {put_op(bench.src.data() + i * 1024, i * 1024, 1024, 2 * i), set_op(63 * 1024, i + 1, 2 * i + 1)};
        assert_true(bench.post(1 + static_cast<int>(i % 2), ops));
    }
    bench.run();
    std::vector<uint64_t> cells, by_rank[3];
    int early_signals = 0;
    std::map<uint64_t, int> landed_parts;
    uint64_t signals = 0;
    for (auto& each : bench.landed) {
        if (each.signal) {
            early_signals += landed_parts[signals++] != 4;
            continue;
        }
        cells.push_back(each.off / 1024);
        by_rank[each.dst].push_back(each.off / 1024);
        landed_parts[each.off / 1024]++;
    }
    assert_int_equal(cells.size(), 60 * 4);
    assert_true(inversions(cells) > 20);
    assert_true(inversions(by_rank[1]) > 10);
    assert_true(inversions(by_rank[2]) > 10);
    assert_true(inversions(bench.completed) > 10);
    assert_true(early_signals > 5);
    /* Torn: at least one put of the 60 has its parts out of order. */
    int torn = 0;
    for (uint64_t cell = 0; cell < 60; cell++) {
        std::vector<uint64_t> offs;
        for (auto& each : bench.landed)
            if (!each.signal && each.off / 1024 == cell) offs.push_back(each.off);
        torn += inversions(offs) > 0;
    }
    assert_true(torn > 20);
    for (int dst : {1, 2})
        for (uint64_t i = static_cast<uint64_t>(dst - 1); i < 60; i += 2)
            assert_memory_equal(bench.world.heap(dst) + i * 1024, bench.src.data() + i * 1024, 1024);
}

/* With REORDER off everything to one rank lands as posted. */
void without_reorder_nothing_overtakes(void**)
{
    SoftNicWorldConfig config = config_of("ideal");
    config.reorder = false;
    Bench bench(config);
    for (uint64_t i = 0; i < 60; i++) {
        Op ops[] = {put_op(bench.src.data(), i * 1024, 1024, 2 * i), set_op(i * 1024, i, 2 * i + 1)};
        assert_true(bench.post(1 + static_cast<int>(i % 2), ops));
    }
    bench.run();
    for (int dst : {1, 2}) {
        std::vector<uint64_t> offs;
        for (auto& each : bench.landed)
            if (each.dst == dst) offs.push_back(2 * (each.off / 1024) + (each.signal ? 1 : 0));
        assert_int_equal(inversions(offs), 0);
    }
}

/* Puts, then a signal with the flag: it never lands before one of them, whatever the seed. */
void flagged_signals_keep_their_place(void**)
{
    for (uint8_t flag : {kOpFence, kOpOrdered, kOpCounted})
        for (uint64_t seed = 1; seed <= 50; seed++) {
            Bench bench(config_of("ideal", seed));
            uint64_t seq[3] = {};
            uint64_t n_before[3] = {};
            std::vector<std::pair<int, uint64_t>> wanted; /* of each signal in order: rank, pieces before it */
            for (uint64_t i = 0; i < 40; i++) {
                int dst = 1 + static_cast<int>(i % 2);
                Op ops[] = {put_op(bench.src.data(), i * 512, 512, 2 * i, flag == kOpCounted ? kOpCounted : uint8_t{0}),
                            set_op(60000 / 8 * 8 + 8 * i, 1, 2 * i + 1, flag)};
                for (Op& op : ops) op.seq = seq[dst]++;
                n_before[dst] += 2;
                wanted.push_back({dst, n_before[dst]});
                assert_true(bench.post(dst, ops));
            }
            bench.run();
            uint64_t n_landed[3] = {}, n_signals = 0;
            for (auto& each : bench.landed) {
                if (!each.signal) {
                    n_landed[each.dst]++;
                    continue;
                }
                n_signals++;
                auto& [dst, pieces] = wanted[(each.off - 60000) / 8];
                assert_int_equal(dst, each.dst);
                assert_true(n_landed[dst] >= pieces);
            }
            assert_int_equal(n_signals, 40);
            assert_int_equal(bench.n_errors, 0);
        }
}

/* Nothing that was posted after an operation with the fence lands before it. */
void nothing_passes_a_fence_from_behind(void**)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        Bench bench(config_of("ideal", seed));
        std::vector<Op> ops;
        for (uint64_t i = 0; i < 30; i++) {
            bool fence = i % 10 == 5;
            ops.push_back(put_op(bench.src.data(), i * 1024, 512, i, fence ? kOpFence : uint8_t{0}));
        }
        assert_true(bench.post(1, ops));
        bench.run();
        std::vector<uint64_t> sections; /* 0: before the first fence, 1: the fence, 2: behind it, ... */
        for (auto& each : bench.landed) {
            uint64_t i = each.off / 1024;
            sections.push_back(i / 10 * 2 + (i % 10 == 5 ? 1 : i % 10 > 5 ? 2 : 0));
        }
        assert_int_equal(sections.size(), 60);
        assert_int_equal(inversions(sections), 0);
    }
}

/* A fence costs what it costs on a network card: it leaves when what was before it has completed, three crossings
 * after that has left. */
void a_fence_waits_in_the_card(void**)
{
    Bench bench(config_of("cx7-ndr"));
    uint64_t landed_ns = 0;
    bench.world.on_signal = [&](int, uint64_t, uint64_t, uint64_t time_ns) { landed_ns = time_ns; };
    Op ops[] = {put_op(bench.src.data(), 0, 512, 1), set_op(8192, 1, 2, kOpFence)};
    assert_true(bench.post(1, ops));
    bench.run();
    assert_true(landed_ns >= 3 * 900);
}

void every_operation_takes_place_once(void**)
{
    for (const char* profile : {"ideal", "slingshot11", "cx7-ndr", "efa", "tcp"}) {
        Bench bench(config_of(profile, 7));
        uint64_t sum = 0;
        for (uint64_t i = 0; i < 2000; i++) {
            Op op = set_op(8, i, i);
            op.kind = OpKind::signal_add;
            sum += i;
            assert_true(bench.post(1, std::span(&op, 1)));
        }
        bench.run();
        assert_int_equal(bench.world.word(1, 8), sum);
        assert_int_equal(bench.times.size(), 2000);
        for (auto& [cookie, n] : bench.times) assert_int_equal(n, 1);
        assert_int_equal(bench.n_errors, 0);
    }
}

void a_get_brings_the_data(void**)
{
    Bench bench(config_of("ideal"));
    std::memset(bench.world.heap(2), 0x5a, 4096);
    std::vector<char> here(4096);
    Op op = put_op(here.data(), 0, 4096, 9);
    op.kind = OpKind::get;
    assert_true(bench.post(2, std::span(&op, 1)));
    bench.run();
    assert_int_equal(bench.times[9], 1);
    for (char c : here) assert_int_equal(c, 0x5a);
}

void the_queue_is_bounded(void**)
{
    SoftNicWorldConfig config = config_of("ideal");
    config.profile.queue_ops = 4;
    Bench bench(config);
    std::vector<Op> ops(10, set_op(8, 1, 0));
    assert_int_equal(bench.nic().post(1, ops), 4);
    assert_int_equal(bench.nic().post(2, ops), 0);
    bench.run();
    assert_int_equal(bench.nic().post(2, ops), 4);

    config.profile.queue_ops = 64;
    config.profile.ns_per_byte = 1;
    config.profile.window_bytes = 1000;
    config.profile.max_put_bytes = 4000;
    Bench bytes(config);
    std::vector<Op> puts(3, put_op(bytes.src.data(), 0, 400, 0));
    assert_int_equal(bytes.nic().post(1, puts), 2);
    bytes.run();
    Op large[] = {put_op(bytes.src.data(), 0, 4000, 0), put_op(bytes.src.data(), 0, 1, 0)};
    assert_int_equal(bytes.nic().post(1, large), 1); /* goes alone */
    bytes.run();
    large[0].n_bytes = 4001;
    assert_int_equal(bytes.nic().post(1, large), PMX_ERR_ARGUMENT);
}

std::vector<Bench::Landed> story(uint64_t seed, uint64_t& end_ns_out)
{
    Bench bench(config_of("slingshot11", seed));
    for (uint64_t i = 0; i < 200; i++) {
        Op op = put_op(bench.src.data(), i * 256, 1 + i, i);
        assert_true(bench.post(1 + static_cast<int>(i % 2), std::span(&op, 1)));
    }
    bench.run();
    end_ns_out = bench.world.now_ns();
    return bench.landed;
}

void the_same_seed_gives_the_same_run(void**)
{
    uint64_t ns[3];
    std::vector<Bench::Landed> first = story(11, ns[0]), again = story(11, ns[1]), other = story(12, ns[2]);
    assert_true(first == again);
    assert_int_equal(ns[0], ns[1]);
    assert_false(first == other);
}

/* ---- Faults ---- */

SoftNicWorldConfig faulty(const char* faults)
{
    SoftNicWorldConfig config = config_of("ideal");
    assert_true(softnic_parse_faults(faults, config.faults).ok());
    return config;
}

void a_lost_operation_completes_with_an_error(void**)
{
    Bench bench(faulty("drop=40"));
    uint64_t n_posted = 0, to_other = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        Op op = put_op(bench.src.data(), i * 8, 8, i);
        if (!bench.post(1, std::span(&op, 1))) break;
        n_posted++;
        bench.reap();
    }
    bench.run();
    assert_in_range(n_posted, 1, 1000);
    assert_true(bench.n_errors >= 1);
    assert_int_equal(bench.times.size(), n_posted); /* each exactly once, with an error or without */
    for (auto& [cookie, n] : bench.times) assert_int_equal(n, 1);
    assert_true(bench.landed.size() < n_posted);
    Op op = put_op(bench.src.data(), 0, 8, 5000);
    assert_int_equal(bench.nic().post(1, std::span(&op, 1)), PMX_ERR_PEER_FAILED);
    to_other = static_cast<uint64_t>(bench.nic().post(2, std::span(&op, 1)));
    assert_int_equal(to_other, 1); /* other ranks are reached */
}

/* A signal that must not pass the lost put never lands. */
void nothing_ordered_lands_behind_a_loss(void**)
{
    Bench bench(faulty("drop=1"));
    Op ops[] = {put_op(bench.src.data(), 0, 8, 1), set_op(64, 1, 2, kOpOrdered)};
    assert_true(bench.post(1, ops));
    bench.run();
    assert_int_equal(bench.n_errors, 2);
    assert_int_equal(bench.world.word(1, 64), 0);
}

void a_late_completion_comes_late(void**)
{
    Bench bench(faulty("late=2:500"));
    for (uint64_t i = 0; i < 40; i++) {
        Op op = put_op(bench.src.data(), i * 8, 8, i);
        assert_true(bench.post(1, std::span(&op, 1)));
    }
    uint64_t n_early = 0;
    while (bench.world.run_next()) {
        bench.reap();
        if (bench.world.now_ns() < 100000) n_early = bench.completed.size();
    }
    assert_in_range(n_early, 5, 35);
    assert_int_equal(bench.completed.size(), 40);
    assert_true(bench.world.now_ns() >= 500000);
    assert_int_equal(bench.n_errors, 0);
}

void a_storm_takes_nothing_and_ends(void**)
{
    Bench bench(faulty("again=10:100"));
    int longest = 0, refused = 0;
    for (uint64_t i = 0; i < 500; i++) {
        Op op = set_op(8, 1, i);
        while (bench.nic().post(1, std::span(&op, 1)) == 0) longest = std::max(longest, ++refused);
        refused = 0;
        bench.run();
    }
    assert_in_range(longest, 100, 1000);
    assert_int_equal(bench.times.size(), 500);
}

void what_is_lost_is_sent_again(void**)
{
    Bench bench(faulty("loss=3:200"));
    for (uint64_t i = 0; i < 60; i++) {
        Op op = put_op(bench.src.data(), i * 8, 8, i);
        assert_true(bench.post(1, std::span(&op, 1)));
    }
    uint64_t n_early = 0;
    while (bench.world.run_next()) {
        bench.reap();
        if (bench.world.now_ns() < 100000) n_early = bench.completed.size();
    }
    assert_in_range(n_early, 5, 55);
    assert_int_equal(bench.completed.size(), 60);
    assert_int_equal(bench.n_errors, 0);
}

/* Nothing crosses a link that is cut, in neither direction, and all does when it is whole again. */
void a_cut_link_holds_up_and_loses_nothing(void**)
{
    auto on = std::make_shared<char>('1');
    SoftNicWorldConfig config = faulty("cut=1:50");
    config.faults.on = on;
    Bench bench(config);
    std::vector<char> back(8, 9);
    for (auto [from, to] : {std::pair(0, 1), std::pair(1, 0), std::pair(0, 2), std::pair(2, 0)}) {
        Op op = put_op(bench.src.data(), static_cast<uint64_t>(from) * 8, 8, static_cast<uint64_t>(10 * from + to));
        assert_int_equal(bench.world.transport(from).post(to, std::span(&op, 1)), 1);
    }
    for (int i = 0; i < 200; i++) {
        assert_true(bench.world.run_next());
        bench.reap();
    }
    std::sort(bench.completed.begin(), bench.completed.end());
    assert_true((bench.completed == std::vector<uint64_t>{2, 20}));
    *on = '0';
    bench.run();
    assert_int_equal(bench.completed.size(), 4);
    assert_int_equal(bench.n_errors, 0);
}

void a_switch_turns_faults_on_and_off(void**)
{
    auto on = std::make_shared<char>('0');
    SoftNicWorldConfig config = faulty("dead=1:0");
    config.faults.on = on;
    Bench bench(config);
    Op op = put_op(bench.src.data(), 0, 8, 1);
    assert_true(bench.post(1, std::span(&op, 1)));
    bench.run();
    assert_int_equal(bench.n_errors, 0);
    *on = '1';
    assert_true(bench.post(1, std::span(&op, 1)));
    bench.run();
    assert_int_equal(bench.n_errors, 1);
    std::shared_ptr<const char> none;
    assert_int_equal(softnic_open_switch("/nowhere/at/all", none).code(), PMX_ERR_PARAM);
    assert_int_equal(softnic_open_switch("/dev/null", none).code(), PMX_ERR_PARAM);
}

void a_dead_rank_gives_errors(void**)
{
    Bench bench(faulty("dead=1:3"));
    for (uint64_t i = 0; i < 5; i++) {
        Op op = put_op(bench.src.data(), i * 8, 8, i);
        assert_true(bench.post(1, std::span(&op, 1)));
        assert_true(bench.post(2, std::span(&op, 1)));
    }
    bench.run();
    assert_int_equal(bench.n_errors, 2);
    assert_int_equal(bench.completed.size(), 10);
    assert_int_equal(bench.landed.size(), 8);
}

void a_silent_rank_says_nothing(void**)
{
    SoftNicWorldConfig config = faulty("silent=1:0");
    config.profile.queue_ops = 4;
    Bench bench(config);
    std::vector<Op> ops(6, set_op(8, 1, 0));
    assert_int_equal(bench.nic().post(1, ops), 4);
    bench.run();
    assert_int_equal(bench.completed.size(), 0);
    assert_int_equal(bench.landed.size(), 0);
    assert_int_equal(bench.nic().post(2, ops), 0); /* it has taken all room */
    bench.nic().fail_peer(1);
    bench.run();
    assert_int_equal(bench.n_errors, 4);
    assert_int_equal(bench.nic().post(2, ops), 4);
    assert_int_equal(bench.nic().post(1, ops), PMX_ERR_PEER_FAILED);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_found_by_name),
        cmocka_unit_test(faults_are_parsed_strictly),
        cmocka_unit_test(everything_that_may_be_reordered_is),
        cmocka_unit_test(without_reorder_nothing_overtakes),
        cmocka_unit_test(flagged_signals_keep_their_place),
        cmocka_unit_test(nothing_passes_a_fence_from_behind),
        cmocka_unit_test(a_fence_waits_in_the_card),
        cmocka_unit_test(every_operation_takes_place_once),
        cmocka_unit_test(a_get_brings_the_data),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(a_lost_operation_completes_with_an_error),
        cmocka_unit_test(nothing_ordered_lands_behind_a_loss),
        cmocka_unit_test(a_late_completion_comes_late),
        cmocka_unit_test(a_storm_takes_nothing_and_ends),
        cmocka_unit_test(what_is_lost_is_sent_again),
        cmocka_unit_test(a_cut_link_holds_up_and_loses_nothing),
        cmocka_unit_test(a_switch_turns_faults_on_and_off),
        cmocka_unit_test(a_dead_rank_gives_errors),
        cmocka_unit_test(a_silent_rank_says_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
