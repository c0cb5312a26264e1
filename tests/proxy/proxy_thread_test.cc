/* SPDX-License-Identifier: BSD-3-Clause */
/* Who runs the engine: threads that wait, by visits, and the proxy thread when they do not. Built a second time under
 * ThreadSanitizer: the engine and the NIC of the test have no locks of their own. */
#include "proxy_thread.h"

#include <thread>
#include <vector>

#include "engine_rig.h"
#include "tests/cmocka_cxx.h"

namespace {

constexpr uint64_t kLimitNs = 20000000000;

int visit(void* proxy) { return static_cast<pmx::ProxyThread*>(proxy)->visit(); }

struct Rig {
    explicit Rig(unsigned n_queues = 2) : engine(nic_config(), PMX_ORDER_ORDERED, PMX_SIGNALS_GROUPED, n_queues, 64)
    {
        engine.device.timeout_ns = kLimitNs;
        engine.device.progress = visit;
        engine.device.progress_arg = &proxy;
    }
    static FakeNicConfig nic_config()
    {
        FakeNicConfig config;
        config.size = 2;
        config.claims_order = config.keeps_order = true;
        return config;
    }
    int put_signal(uint64_t value)
    {
        return pmx::put_signal(pmx::thread, engine.device, engine.at(4096), engine.at(0), 64, engine.word_at(8), value,
                               PMX_SIGNAL_SET, 1);
    }
    int quiet() { return pmx::quiet(pmx::thread, engine.device); }

    EngineRig engine;
    pmx::ProxyThread proxy{engine.engine};
};

/* No proxy thread is there: who waits moves the data, through a queue that is full in between, too. */
void a_wait_moves_data_while_the_proxy_does_not(void**)
{
    Rig rig;
    for (uint64_t i = 1; i <= 500; i++) assert_int_equal(rig.put_signal(i), PMX_SUCCESS);
    assert_int_equal(rig.quiet(), PMX_SUCCESS);
    assert_int_equal(rig.engine.nic.word(1, 8), 500);
}

/* Without a wait, after one. */
void the_proxy_goes_on_when_callers_stop_waiting(void**)
{
    Rig rig;
    assert_true(rig.proxy.start(nullptr).ok());
    for (uint64_t i = 1; i <= 50; i++) {
        assert_int_equal(rig.put_signal(2 * i), PMX_SUCCESS);
        assert_int_equal(rig.quiet(), PMX_SUCCESS);
        assert_int_equal(rig.put_signal(2 * i + 1), PMX_SUCCESS);
        const uint64_t begin = pmx::detail::now_ns();
        while (!rig.engine.complete() && pmx::detail::now_ns() - begin < kLimitNs) std::this_thread::yield();
        assert_true(rig.engine.complete());
    }
    rig.proxy.stop();
    assert_int_equal(rig.engine.nic.word(1, 8), 101);
}

/* What waits for a signal that a store brings leaves the engine alone. */
void a_wait_for_a_rank_that_shares_memory_makes_no_visit(void**)
{
    Rig rig;
    assert_int_equal(rig.put_signal(1), PMX_SUCCESS);
    assert_int_equal(pmx::signal_wait(pmx::thread, rig.engine.device, rig.engine.word_at(16), PMX_CMP_EQ, 1, 0, 1000000),
                     PMX_ERR_TIMEOUT);
    assert_int_equal(rig.engine.counters().puts, 0);
    assert_int_equal(pmx::signal_wait(pmx::thread, rig.engine.device, rig.engine.word_at(16), PMX_CMP_EQ, 1, 1, 1000000),
                     PMX_ERR_TIMEOUT);
    assert_int_equal(rig.engine.counters().puts, 1);
}

/* Contexts come and go meanwhile, which needs visits, by whomever. */
void visits_of_many_threads_do_not_meet(void**)
{
    constexpr int kCallers = 4, kRounds = 300;
    Rig rig(kCallers);
    assert_true(rig.proxy.start(nullptr).ok());
    std::atomic<int> errors{0};
    std::vector<std::thread> callers;
    for (int c = 0; c < kCallers; c++)
        callers.emplace_back([&] {
            for (uint64_t i = 1; i <= kRounds; i++) errors += rig.put_signal(i) != 0 || rig.quiet() != 0;
        });
    for (uint16_t i = 1; i <= 20; i++) {
        pmx::EngineContext passing(2, PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED, i);
        rig.engine.engine.add(passing);
        rig.engine.engine.remove(passing);
    }
    for (auto& caller : callers) caller.join();
    rig.proxy.stop();
    assert_int_equal(errors, 0);
    assert_int_equal(rig.engine.counters().puts, kCallers * kRounds);
    assert_int_equal(rig.engine.nic.word(1, 8), kRounds);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_moves_data_while_the_proxy_does_not),
        cmocka_unit_test(the_proxy_goes_on_when_callers_stop_waiting),
        cmocka_unit_test(a_wait_for_a_rank_that_shares_memory_makes_no_visit),
        cmocka_unit_test(visits_of_many_threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
