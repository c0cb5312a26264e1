/* SPDX-License-Identifier: BSD-3-Clause */
/* Eight threads push into one queue while the engine's thread pulls: each command arrives once, unmixed, the
 * commands of a thread in order, a put_signal's two side by side; quiet covers what was pushed before it. Built
 * a second time under ThreadSanitizer. */
#include <thread>

#include "engine_rig.h"
#include "tests/cmocka_cxx.h"

namespace {

constexpr int kProducers = 8;
constexpr int kPushes = 3000;

/* Runs the engine until told to stop. */
struct EngineThread {
    explicit EngineThread(EngineRig& r)
        : rig(r), thread([this] {
              for (unsigned idle = 0; !stop; idle++) {
                  rig.clock.time_ns += 10;
                  if (rig.engine.step()) idle = 0;
                  pmx::detail::relax(idle);
              }
          })
    {
    }
    ~EngineThread()
    {
        stop = true;
        thread.join();
    }
    EngineRig& rig;
    std::atomic<bool> stop{false};
    std::thread thread;
};

void commands_arrive_once_whole_and_in_order(void**)
{
    FakeNicConfig config;
    config.size = 2;
    config.queue_depth = 256;
    config.claims_order = config.keeps_order = true;
    EngineRig rig(config, PMX_ORDER_ORDERED, PMX_SIGNALS_COUPLED, 1, 64);
    /* Producer p adds i+1 to word p: the posts must show 1, 2, 3, ... for each. */
    uint64_t last[kProducers] = {};
    int mixed = 0;
    uint64_t last_put_cell = 0;
    rig.nic.on_post = [&](int, std::span<const pmx::Op> ops) {
        for (const pmx::Op& op : ops) {
            if (op.kind == pmx::OpKind::put) {
                last_put_cell = (op.dst_off - 4096) / 64;
                continue;
            }
            uint64_t producer = op.dst_off / 8;
            if (producer >= kProducers || op.value != last[producer] + 1 || last_put_cell != producer) {
                mixed++;
                continue;
            }
            last[producer]++;
        }
    };
    {
        EngineThread engine(rig);
        std::vector<std::thread> producers;
        std::atomic<int> errors{0};
        for (int p = 0; p < kProducers; p++)
            producers.emplace_back([&, p] {
                for (int i = 0; i < kPushes; i++)
                    if (pmx::put_signal(pmx::thread, rig.device, rig.at(4096 + 64 * p), rig.at(0), 64, rig.word_at(8 * p),
                                        static_cast<uint64_t>(i) + 1, PMX_SIGNAL_SET, 1))
                        errors++;
                if (pmx::quiet(pmx::thread, rig.device)) errors++;
                /* quiet: this producer's last signal has landed. */
                if (rig.nic.word(1, 8 * p) != kPushes) errors++;
            });
        for (auto& producer : producers) producer.join();
        assert_int_equal(errors, 0);
    }
    assert_int_equal(mixed, 0);
    for (uint64_t n : last) assert_int_equal(n, kPushes);
    assert_int_equal(rig.counters().puts, kProducers * kPushes);
    assert_int_equal(rig.counters().completions, 2 * kProducers * kPushes);
}

void groups_of_many_threads_are_committed_once(void**)
{
    FakeNicConfig config;
    config.size = 2;
    EngineRig rig(config, PMX_ORDER_DEFERRED, PMX_SIGNALS_GROUPED, 1, 64);
    int landed = 0, early = 0, epoch_puts = 0;
    rig.nic.on_deliver = [&](int, const pmx::Op& op) {
        if (op.kind == pmx::OpKind::put) landed++;
        if (op.kind == pmx::OpKind::signal_set && landed < static_cast<int>(op.value) * kProducers) early++;
        epoch_puts++;
    };
    pmx::Group group = {1, kProducers, rig.word_at(0), 8, rig.word_at(1024), 0};
    constexpr int kEpochs = 200;
    {
        EngineThread engine(rig);
        for (int epoch = 1; epoch <= kEpochs; epoch++) {
            std::vector<std::thread> producers;
            for (int p = 0; p < kProducers; p++)
                producers.emplace_back([&, p] {
                    pmx::put(pmx::thread, rig.device, rig.at(4096 + 64 * p), rig.at(0), 64, 1);
                    pmx::group_arrive(pmx::thread, rig.device, group, static_cast<uint32_t>(p),
                                      static_cast<uint64_t>(epoch));
                });
            for (auto& producer : producers) producer.join();
            assert_int_equal(pmx::quiet(pmx::thread, rig.device), 0);
        }
    }
    assert_int_equal(early, 0);
    assert_int_equal(rig.counters().signals, kEpochs * kProducers);
    assert_int_equal(rig.counters().order_points, kEpochs);
    for (int p = 0; p < kProducers; p++) assert_int_equal(rig.nic.word(1, 8 * p), kEpochs);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(commands_arrive_once_whole_and_in_order),
        cmocka_unit_test(groups_of_many_threads_are_committed_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
