/* SPDX-License-Identifier: BSD-3-Clause */
/* PMX_CHECK: a signal is applied when its data are what was sent, and only then; what is not right is told once, and
 * nothing is applied after it. Rank 0 sends to rank 1, whose proxy the test plays. */
#include "runtime/checked.h"

#include <cstring>
#include <string>

#include "tests/cmocka_cxx.h"
#include "tests/proxy/engine_rig.h"

namespace {

constexpr uint64_t kArea = 65536, kSignal = 8, kSrc = 1024, kDst = 2048;
constexpr size_t kBytes = 100;

FakeNicConfig in_order(std::vector<char*> heaps = {})
{
    FakeNicConfig config;
    config.size = 2;
    config.heap_bytes = 256 << 10;
    config.claims_order = config.keeps_order = true;
    config.heaps = std::move(heaps);
    return config;
}

/* The queues and the network by which rank 1 answers. */
struct Answers : EngineRig {
    explicit Answers(std::vector<char*> heaps)
        : EngineRig(in_order(std::move(heaps)), PMX_ORDER_ORDERED, PMX_SIGNALS_GROUPED)
    {
        device.rank = 1;
    }
};

struct Pair {
    Pair()
    {
        sender.device.timeout_ns = 2000000;
        std::memset(sender.at(kSrc), 7, kBytes);
    }
    int send(uint64_t value, pmx_sigop_t op = PMX_SIGNAL_SET)
    {
        return from.send(sender.device, {kDst, sender.at(kSrc), kBytes, kSignal, value, op}, true, 1);
    }
    /* What the sender's proxy and the network do. */
    void carry() { assert_true(sender.run()); }
    void answer()
    {
        while (to.step()) {
        }
        assert_true(answers.run());
    }
    char* target(uint64_t off) { return sender.nic.heap(1) + off; }
    uint64_t signal() { return sender.nic.word(1, kSignal); }

    EngineRig sender{in_order(), PMX_ORDER_ORDERED, PMX_SIGNALS_GROUPED};
    Answers answers{{sender.at(0), sender.nic.heap(1)}};
    std::string told;
    int n_told = 0;
    pmx::Checked from{sender.at(kArea), sender.at(0), sender.device.heap_bytes, sender.device, [](const std::string&) {}};
    pmx::Checked to{target(kArea), target(0), sender.device.heap_bytes, answers.device, [this](const std::string& what) {
                        told = what;
                        n_told++;
                    }};
};

void a_signal_waits_until_its_data_were_compared(void**)
{
    Pair pair;
    assert_int_equal(pair.send(5), PMX_SUCCESS);
    pair.carry();
    assert_memory_equal(pair.target(kDst), pair.sender.at(kSrc), kBytes);
    assert_int_equal(pair.signal(), 0);
    assert_true(pair.to.step());
    assert_int_equal(pair.signal(), 5);
    assert_int_equal(pair.n_told, 0);
}

void it_is_complete_when_it_was_applied(void**)
{
    Pair pair;
    assert_int_equal(pair.send(1), PMX_SUCCESS);
    pair.carry();
    assert_int_equal(pair.from.complete(pair.sender.device, 1), PMX_ERR_TIMEOUT);
    pair.answer();
    assert_int_equal(pair.from.complete(pair.sender.device, 1), PMX_SUCCESS);
    assert_int_equal(pair.from.complete(pair.sender.device, PMX_RANK_ANY), PMX_SUCCESS);
}

/* Each bit of the data and of the record counts. */
void a_flipped_bit_is_told_and_nothing_is_applied_after_it(void**)
{
    const uint64_t record = kArea + (2 * pmx::Checked::kSlots + 1) * 64; /* the first from rank 0 to rank 1 */
    for (uint64_t at : {kDst, kDst + kBytes - 1, record, record + 8, record + 16, record + 24, record + 32, record + 40}) {
        for (char bit : {'\x01', '\x80'}) {
            Pair pair;
            assert_int_equal(pair.send(1), PMX_SUCCESS);
            assert_int_equal(pair.send(2), PMX_SUCCESS);
            pair.carry();
            /* The data of both puts are the same bytes. */
            *pair.target(at) = static_cast<char>(*pair.target(at) ^ bit);
            pair.to.step();
            pair.to.step();
            assert_int_equal(pair.signal(), 0);
            assert_int_equal(pair.n_told, 1);
            assert_non_null(std::strstr(pair.told.c_str(), "from rank 0"));
        }
    }
}

/* The put is lost, its record comes. */
void a_put_that_did_not_come_is_told(void**)
{
    Pair pair;
    const pmx::Checked::What what{kDst, pair.sender.at(kSrc), kBytes, kSignal, 1, PMX_SIGNAL_SET};
    assert_int_equal(pair.from.send(pair.sender.device, what, false, 1), PMX_SUCCESS);
    pair.carry();
    pair.to.step();
    assert_int_equal(pair.signal(), 0);
    assert_int_equal(pair.n_told, 1);
}

void a_sender_has_64_records_under_way_at_most(void**)
{
    Pair pair;
    for (uint64_t i = 1; i <= pmx::Checked::kSlots; i++) assert_int_equal(pair.send(1, PMX_SIGNAL_ADD), PMX_SUCCESS);
    assert_int_equal(pair.send(1, PMX_SIGNAL_ADD), PMX_ERR_TIMEOUT);
    pair.carry();
    pair.answer();
    assert_int_equal(pair.send(1, PMX_SIGNAL_ADD), PMX_SUCCESS);
    pair.carry();
    pair.answer();
    assert_int_equal(pair.signal(), pmx::Checked::kSlots + 1);
}

/* Round the ring many times, in batches of all sizes. */
void each_signal_is_applied_once(void**)
{
    Pair pair;
    uint64_t sum = 0;
    for (uint64_t n = 1; n <= pmx::Checked::kSlots; n++) {
        for (uint64_t i = 0; i < n; i++) assert_int_equal(pair.send(i + 1, PMX_SIGNAL_ADD), PMX_SUCCESS);
        sum += n * (n + 1) / 2;
        pair.carry();
        pair.answer();
        assert_int_equal(pair.signal(), sum);
    }
    assert_int_equal(pair.n_told, 0);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_waits_until_its_data_were_compared),
        cmocka_unit_test(it_is_complete_when_it_was_applied),
        cmocka_unit_test(a_flipped_bit_is_told_and_nothing_is_applied_after_it),
        cmocka_unit_test(a_put_that_did_not_come_is_told),
        cmocka_unit_test(a_sender_has_64_records_under_way_at_most),
        cmocka_unit_test(each_signal_is_applied_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
