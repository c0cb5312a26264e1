/* SPDX-License-Identifier: BSD-3-Clause */
/* What the proxy believes of other ranks: silence makes suspects and then failures, a sign of life ends
 * suspicion, and the three kinds of failure are told apart. */
#include "heartbeat.h"

#include <vector>

#include "engine_rig.h"
#include "tests/cmocka_cxx.h"

namespace {

using pmx::PeerChange;
using pmx::PeerFault;
using pmx::PeerState;

FakeNicConfig ranks(int size)
{
    FakeNicConfig config;
    config.size = size;
    return config;
}

constexpr uint64_t kPeriod = 1000000, kSilence = 12 * kPeriod, kTimeout = 16 * kPeriod, kLook = kPeriod / 8;

/* Rank 0 of three; rank 1 shares memory with it, rank 2 is behind a FakeNic. */
struct Listener {
    explicit Listener(uint64_t period_ns = kPeriod, uint64_t timeout_ns = kTimeout)
        : nic(ranks(3)),
          heap(16, 0),
          other_heap(16, 0),
          beats({0,
                 3,
                 period_ns,
                 timeout_ns,
                 reinterpret_cast<char*>(heap.data()),
                 64,
                 {nullptr, reinterpret_cast<char*>(other_heap.data()), nullptr}},
                &nic)
    {
    }
    /* Lets time pass in looks; ranks in `alive` beat as they should. */
    void pass(uint64_t ns, std::vector<int> alive)
    {
        for (uint64_t end_ns = now_ns + ns; now_ns < end_ns; now_ns += kLook) {
            for (int rank : alive)
                if (now_ns % kPeriod == 0) heap[8 + static_cast<size_t>(rank)]++;
            beats.step(now_ns);
            pmx::Completion done[8];
            for (int n, tries = 0; tries < 100 && nic.under_way() != 0; tries++) {
                n = nic.poll(done);
                for (int i = 0; i < n; i++) beats.on_completion(done[i]);
            }
            for (PeerChange change; beats.next_change(change);) changes.push_back(change);
        }
    }
    PeerState state(int rank) { return beats.states().state(rank); }

    FakeNic nic;
    std::vector<uint64_t> heap, other_heap;
    pmx::Heartbeat beats;
    uint64_t now_ns = kPeriod;
    std::vector<PeerChange> changes;
};

void ranks_that_beat_stay_up(void**)
{
    Listener listener;
    listener.pass(100 * kPeriod, {1, 2});
    assert_int_equal(listener.changes.size(), 0);
    /* Its own beats came to both. */
    assert_in_range(listener.other_heap[8], 99, 101);
    assert_in_range(listener.nic.word(2, 64), 99, 101);
}

void a_silent_rank_is_suspect_within_two_periods_and_fails_before_the_timeout(void**)
{
    for (int victim : {1, 2}) {
        Listener listener;
        listener.pass(3 * kPeriod, {1, 2});
        listener.pass(2 * kPeriod, {3 - victim});
        assert_int_equal(listener.state(victim), PeerState::suspect);
        listener.pass(9 * kPeriod, {3 - victim});
        assert_int_equal(listener.state(victim), PeerState::suspect);
        listener.pass(2 * kPeriod, {3 - victim});
        assert_int_equal(listener.state(victim), PeerState::failed);
        assert_int_equal(listener.state(3 - victim), PeerState::up);
        assert_int_equal(listener.changes.size(), 2);
        assert_int_equal(listener.changes[1].rank, victim);
        assert_int_equal(listener.changes[1].why, PeerFault::silent);
        assert_in_range(listener.changes[1].silent_ns, kSilence, kSilence + kLook);
    }
}

void a_suspect_that_beats_again_is_up(void**)
{
    Listener listener;
    listener.pass(3 * kPeriod, {1, 2});
    listener.pass(5 * kPeriod, {2});
    assert_int_equal(listener.state(1), PeerState::suspect);
    listener.pass(3 * kPeriod, {1, 2});
    assert_int_equal(listener.state(1), PeerState::up);
    assert_int_equal(listener.changes.size(), 2);
    assert_in_range(listener.changes[1].silent_ns, 4 * kPeriod, 6 * kPeriod);
}

/* Its beats come, but what goes to it does not arrive. */
void a_link_cut_in_one_direction_is_silence(void**)
{
    Listener listener;
    listener.pass(3 * kPeriod, {1, 2});
    listener.nic.frozen = 2;
    listener.pass(3 * kPeriod, {1, 2});
    assert_int_equal(listener.state(2), PeerState::suspect);
    listener.nic.frozen = -1;
    listener.pass(3 * kPeriod, {1, 2});
    assert_int_equal(listener.state(2), PeerState::up);
}

/* A rank that was stopped for long does not take its own absence for the silence of others. */
void own_absence_is_not_silence_of_others(void**)
{
    Listener listener;
    listener.pass(3 * kPeriod, {1, 2});
    for (int i = 0; i < 20; i++) {
        listener.now_ns += 1000 * kPeriod;
        listener.pass(kPeriod, {1, 2});
    }
    assert_int_equal(listener.changes.size(), 0);
}

void an_error_of_a_beat_is_a_failure_at_once(void**)
{
    Listener listener;
    listener.pass(3 * kPeriod, {1, 2});
    listener.nic.break_peer(2);
    listener.pass(2 * kPeriod, {1, 2});
    assert_int_equal(listener.state(2), PeerState::failed);
    assert_int_equal(listener.changes.size(), 1);
    assert_int_equal(listener.changes[0].why, PeerFault::unreachable);
}

void no_period_means_no_beats(void**)
{
    Listener listener(0, kTimeout);
    listener.pass(100 * kPeriod, {});
    assert_int_equal(listener.changes.size(), 0);
    assert_int_equal(listener.other_heap[8], 0);
}

/* A timeout shorter than that would make failures out of what may be a short delay. */
void no_rank_fails_within_four_periods_of_silence(void**)
{
    Listener listener(kPeriod, 1);
    listener.pass(3 * kPeriod, {2});
    assert_int_equal(listener.state(1), PeerState::suspect);
    listener.pass(2 * kPeriod, {2});
    assert_int_equal(listener.state(1), PeerState::failed);
}

/* What a dead or silent rank does to the operations of others, by the engine. */
struct Told final : pmx::PeerWatch {
    int dead = -1;
    std::vector<PeerChange> changes;
    int next_dead() override { return std::exchange(dead, -1); }
    void changed(const PeerChange& change) override { changes.push_back(change); }
};

void the_engine_tells_dead_from_unreachable(void**)
{
    for (bool process_ended : {true, false}) {
        FakeNic nic(ranks(2));
        ManualClock clock;
        pmx::Faults faults(2);
        Told told;
        std::vector<uint64_t> heap(16, 0);
        pmx::EngineConfig config{2, {reinterpret_cast<char*>(heap.data()), 128}, 32, kTimeout, 100, {}};
        config.heartbeat = {
            0, 2, kPeriod, kTimeout, reinterpret_cast<char*>(heap.data()), 64, {nullptr, nullptr}};
        pmx::Engine engine(config, &nic, clock, faults, &told);
        nic.break_peer(1);
        if (process_ended) told.dead = 1;
        for (int i = 0; i < 100; i++) {
            clock.time_ns += process_ended ? 10 : kPeriod / 16;
            engine.step();
        }
        assert_int_equal(faults.fault(1), process_ended ? PeerFault::dead : PeerFault::unreachable);
        assert_int_equal(told.changes.size(), 1);
        assert_int_equal(told.changes[0].why, faults.fault(1));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(ranks_that_beat_stay_up),
        cmocka_unit_test(a_silent_rank_is_suspect_within_two_periods_and_fails_before_the_timeout),
        cmocka_unit_test(a_suspect_that_beats_again_is_up),
        cmocka_unit_test(a_link_cut_in_one_direction_is_silence),
        cmocka_unit_test(own_absence_is_not_silence_of_others),
        cmocka_unit_test(an_error_of_a_beat_is_a_failure_at_once),
        cmocka_unit_test(no_period_means_no_beats),
        cmocka_unit_test(no_rank_fails_within_four_periods_of_silence),
        cmocka_unit_test(the_engine_tells_dead_from_unreachable),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
