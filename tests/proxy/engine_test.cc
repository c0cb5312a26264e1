/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine promises, one promise a test, over a NIC that reorders. */
#include "engine_rig.h"
#include "order.h"
#include "tests/cmocka_cxx.h"

namespace {

constexpr pmx_order_t kModes[] = {PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED, PMX_ORDER_ORDERED};

FakeNicConfig nic_for(pmx_order_t order, int size, uint32_t seed = 7)
{
    FakeNicConfig config;
    config.size = size;
    config.seed = seed;
    config.claims_order = config.keeps_order = order == PMX_ORDER_ORDERED;
    return config;
}

bool stalling(pmx_order_t order) { return order == PMX_ORDER_STALL_ALL || order == PMX_ORDER_STALL_RANK; }

void fence_keeps_later_puts_behind_earlier_ones(void**)
{
    for (pmx_order_t order : kModes) {
        for (uint32_t seed = 1; seed <= 20; seed++) {
            EngineRig rig(nic_for(order, 3, seed), order, PMX_SIGNALS_GROUPED);
            int before = 0, early = 0;
            rig.nic.on_deliver = [&](int, const pmx::Op& op) {
                if (op.dst_off < 2048)
                    before++;
                else if (before != 10)
                    early++;
            };
            for (int i = 0; i < 10; i++) assert_int_equal(pmx::put(pmx::thread, rig.device, rig.at(64 * i), rig.at(0), 64, 1), 0);
            assert_int_equal(pmx::fence(pmx::thread, rig.device, 1), 0);
            for (int i = 0; i < 10; i++)
                assert_int_equal(pmx::put(pmx::thread, rig.device, rig.at(2048 + 64 * i), rig.at(0), 64, 1), 0);
            assert_true(rig.run());
            assert_int_equal(before, 10);
            assert_int_equal(early, 0);
        }
    }
}

/* Four puts to each of 3 ranks, a group for each rank. */
void any_signal_of_a_group_implies_all_its_puts(void**)
{
    for (pmx_order_t order : kModes) {
        EngineRig rig(nic_for(order, 4), order, PMX_SIGNALS_GROUPED, 2, 4096, 3);
        int landed[4] = {}, early = 0;
        rig.nic.on_deliver = [&](int dst, const pmx::Op& op) {
            if (op.kind == pmx::OpKind::put)
                landed[dst]++;
            else if (landed[dst] != 4)
                early++;
        };
        pmx::Group groups[4];
        for (int dst = 1; dst < 4; dst++) groups[dst] = {dst, 4, rig.word_at(0), 8, rig.word_at(512 * dst), 0};
        for (int i = 0; i < 4; i++)
            for (int dst = 1; dst < 4; dst++) {
                assert_int_equal(
                    pmx::put(pmx::thread, rig.device, rig.at(4096 + 64 * i), rig.at(64), 64, dst), 0);
                assert_int_equal(
                    pmx::group_arrive(pmx::thread, rig.device, groups[dst], static_cast<uint32_t>(i), 1), 0);
                rig.engine.step();
            }
        assert_true(rig.run());
        assert_int_equal(early, 0);
        pmx_counters_t counters = rig.counters();
        assert_int_equal(counters.order_points, 3);
        assert_int_equal(counters.puts, 12);
        assert_int_equal(counters.signals, 12);
        for (int dst = 1; dst < 4; dst++)
            for (int i = 0; i < 4; i++) assert_int_equal(rig.nic.word(dst, 8 * i), 1);
        assert_int_equal(groups[1].arrived, 0);
        assert_int_equal(counters.stalls != 0, stalling(order));
    }
}

void coupled_has_an_order_point_for_each_put_signal(void**)
{
    for (pmx_order_t order : kModes) {
        EngineRig rig(nic_for(order, 4), order, PMX_SIGNALS_COUPLED);
        for (int i = 0; i < 5; i++)
            for (int dst = 1; dst < 4; dst++)
                pmx::put_signal(pmx::thread, rig.device, rig.at(4096 + 64 * i), rig.at(0), i == 2 ? 0 : 64, rig.word_at(8 * i),
                                1, PMX_SIGNAL_SET, dst);
        assert_true(rig.run());
        assert_int_equal(rig.counters().order_points, 15);
        assert_int_equal(rig.counters().puts, 15);
        for (int i = 0; i < 5; i++) assert_int_equal(rig.nic.word(3, 8 * i), 1);
    }
}

void grouped_merges_the_put_signals_of_one_visit(void**)
{
    EngineRig rig(nic_for(PMX_ORDER_DEFERRED, 3), PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED);
    for (int i = 0; i < 8; i++)
        pmx::put_signal(pmx::thread, rig.device, rig.at(4096 + 64 * i), rig.at(0), 64, rig.word_at(8 * i), 1,
                        PMX_SIGNAL_SET, 1);
    assert_true(rig.run());
    assert_int_equal(rig.counters().order_points_requested, 8);
    assert_int_equal(rig.counters().order_points, 1);
}

/* Rank 1 takes nothing. Deferred serves rank 2 all the same; stall-all, the baseline, does not. */
void deferred_never_blocks_other_ranks(void**)
{
    for (pmx_order_t order : {PMX_ORDER_DEFERRED, PMX_ORDER_STALL_ALL}) {
        EngineRig rig(nic_for(order, 3), order, PMX_SIGNALS_COUPLED, 1);
        rig.nic.frozen = 1;
        for (int dst : {1, 2})
            for (int i = 0; i < 4; i++)
                pmx::put_signal(pmx::thread, rig.device, rig.at(4096 + 64 * i), rig.at(0), 64, rig.word_at(8 * i), 1,
                                PMX_SIGNAL_SET, dst);
        for (int i = 0; i < 10000; i++) rig.engine.step();
        bool served = rig.nic.word(2, 24) == 1;
        assert_int_equal(served, order == PMX_ORDER_DEFERRED);
        assert_int_equal(rig.nic.word(1, 0), 0);
        rig.nic.frozen = -1;
        assert_true(rig.run());
        assert_int_equal(rig.nic.word(1, 24), 1);
    }
}

void failed_peer_fails_only_what_touched_it(void**)
{
    for (pmx_order_t order : kModes) {
        EngineRig rig(nic_for(order, 3), order, PMX_SIGNALS_GROUPED);
        rig.nic.break_peer(1);
        for (int i = 0; i < 4; i++)
            for (int dst : {1, 2})
                pmx::put_signal(pmx::thread, rig.device, rig.at(4096 + 64 * i), rig.at(0), 64, rig.word_at(8 * i), 1,
                                PMX_SIGNAL_SET, dst);
        assert_true(rig.run());
        assert_int_equal(rig.nic.failed_peer(), 1);
        assert_int_equal(rig.nic.word(2, 24), 1);
        assert_int_equal(pmx::quiet(pmx::thread, rig.device), PMX_ERR_PEER_FAILED);
        assert_int_equal(pmx::put(pmx::thread, rig.device, rig.at(0), rig.at(0), 8, 1), PMX_ERR_PEER_FAILED);
        assert_int_equal(pmx::put(pmx::thread, rig.device, rig.at(0), rig.at(0), 8, 2), 0);
        assert_int_equal(pmx::signal_wait(pmx::thread, rig.device, rig.word_at(0), PMX_CMP_EQ, 1, 1), PMX_ERR_PEER_FAILED);
        assert_int_equal(pmx::signal_wait(pmx::thread, rig.device, rig.word_at(0), PMX_CMP_EQ, 1, 2, 1000000),
                         PMX_ERR_TIMEOUT);
        assert_true(rig.run());
    }
}

void stall_on_a_silent_rank_ends_by_timeout(void**)
{
    for (pmx_order_t order : {PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK}) {
        EngineRig rig(nic_for(order, 3), order, PMX_SIGNALS_COUPLED);
        rig.nic.frozen = 1;
        pmx::put_signal(pmx::thread, rig.device, rig.at(4096), rig.at(0), 64, rig.word_at(0), 1, PMX_SIGNAL_SET, 1);
        pmx::put_signal(pmx::thread, rig.device, rig.at(4096), rig.at(0), 64, rig.word_at(0), 1, PMX_SIGNAL_SET, 2);
        for (int i = 0; i < 1000; i++) rig.engine.step();
        assert_false(rig.faults.failed(1));
        rig.clock.time_ns += 2000000000;
        assert_true(rig.run());
        assert_true(rig.faults.failed(1));
        assert_false(rig.faults.failed(2));
        assert_int_equal(rig.nic.word(2, 0), 1);
    }
}

void broken_transport_ends_all_waits(void**)
{
    EngineRig rig(nic_for(PMX_ORDER_DEFERRED, 3), PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED);
    rig.nic.frozen = 2;
    pmx::put(pmx::thread, rig.device, rig.at(4096), rig.at(0), 64, 2);
    rig.engine.step();
    rig.nic.broken_as_a_whole = PMX_ERR_TRANSPORT;
    assert_true(rig.run());
    assert_int_equal(pmx::quiet(pmx::thread, rig.device), PMX_ERR_TRANSPORT);
    assert_int_equal(pmx::signal_wait(pmx::thread, rig.device, rig.word_at(0), PMX_CMP_EQ, 1), PMX_ERR_TRANSPORT);
}

void overwritten_command_is_refused(void**)
{
    const uint64_t heap_bytes = FakeNicConfig().heap_bytes;
    const pmx_command_t bad[] = {
        pmx_command_make(PMX_CMD_PUT, 0, 3, 0, 8, 0), pmx_command_make(PMX_CMD_PUT, 0, 1, heap_bytes - 4, 8, 0),
        pmx_command_make(PMX_CMD_PUT, 0, 1, 0, UINT64_MAX >> 1, 0), pmx_command_make(PMX_CMD_PUT, 0, 1, 0, 8, UINT64_MAX),
        pmx_command_make(PMX_CMD_SIGNAL_SET, 0, 1, 0, 0, 4), pmx_command_make((pmx_cmd_op_t)9, 0, 1, 0, 0, 0)};
    for (const pmx_command_t& command : bad) {
        EngineRig rig(nic_for(PMX_ORDER_DEFERRED, 3), PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED);
        pmx::detail::push(rig.device, 1, &command, 1);
        assert_true(rig.run());
        assert_int_equal(rig.counters().errors, 1);
        assert_int_equal(pmx::quiet(pmx::thread, rig.device), PMX_ERR_INTERNAL);
    }
}

void full_queue_ends_by_timeout(void**)
{
    EngineRig rig(nic_for(PMX_ORDER_DEFERRED, 3), PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED, 1, 64);
    rig.device.timeout_ns = 1000000;
    int err = 0;
    for (int i = 0; i < 65 && !err; i++) err = pmx::put(pmx::thread, rig.device, rig.at(0), rig.at(0), 8, 1);
    assert_int_equal(err, PMX_ERR_TIMEOUT);
}

void device_calls_refuse_bad_arguments(void**)
{
    EngineRig rig(nic_for(PMX_ORDER_DEFERRED, 3), PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED);
    uint64_t outside = 0;
    using namespace pmx;
    assert_int_equal(put(pmx::thread, rig.device, rig.at(0), rig.at(0), 8, 3), PMX_ERR_RANK);
    assert_int_equal(put(pmx::thread, rig.device, rig.at(0), rig.at(0), 8, -1), PMX_ERR_RANK);
    assert_int_equal(put(pmx::thread, rig.device, &outside, rig.at(0), 8, 1), PMX_ERR_ADDRESS);
    assert_int_equal(put(pmx::thread, rig.device, rig.at(0), rig.at(0), UINT64_MAX, 1), PMX_ERR_ADDRESS);
    assert_int_equal(signal_set(pmx::thread, rig.device, &outside, 1, 1), PMX_ERR_ADDRESS);
    assert_int_equal(signal_set(pmx::thread, rig.device, (uint64_t*)rig.at(4), 1, 1), PMX_ERR_ADDRESS);
    assert_int_equal(signal_wait(pmx::thread, rig.device, &outside, PMX_CMP_EQ, 1), PMX_ERR_ADDRESS);
    for (auto& view : rig.views) assert_int_equal(*view.head, 0);
}

void modes_are_refused_when_the_transport_cannot_keep_them(void**)
{
    pmx::TransportCaps caps;
    caps.name = "fake";
    pmx_order_t order = PMX_ORDER_AUTO;
    assert_true(pmx::resolve_order(PMX_ORDER_AUTO, caps, order).ok());
    assert_int_equal(order, PMX_ORDER_DEFERRED);
    assert_int_equal(pmx::resolve_order(PMX_ORDER_ORDERED, caps, order).code(), PMX_ERR_UNSUPPORTED);
    caps.orders_set = true;
    assert_true(pmx::resolve_order(PMX_ORDER_AUTO, caps, order).ok());
    assert_int_equal(order, PMX_ORDER_ORDERED);
    assert_int_equal(pmx::resolve_order((pmx_order_t)77, caps, order).code(), PMX_ERR_ARGUMENT);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(fence_keeps_later_puts_behind_earlier_ones),
        cmocka_unit_test(any_signal_of_a_group_implies_all_its_puts),
        cmocka_unit_test(coupled_has_an_order_point_for_each_put_signal),
        cmocka_unit_test(grouped_merges_the_put_signals_of_one_visit),
        cmocka_unit_test(deferred_never_blocks_other_ranks),
        cmocka_unit_test(failed_peer_fails_only_what_touched_it),
        cmocka_unit_test(stall_on_a_silent_rank_ends_by_timeout),
        cmocka_unit_test(broken_transport_ends_all_waits),
        cmocka_unit_test(overwritten_command_is_refused),
        cmocka_unit_test(full_queue_ends_by_timeout),
        cmocka_unit_test(device_calls_refuse_bad_arguments),
        cmocka_unit_test(modes_are_refused_when_the_transport_cannot_keep_them),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
