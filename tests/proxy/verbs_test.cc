/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs transport, ranks as objects of one process: doorbells and completions, room, adds by the card, and what is
 * said of a device that cannot be used. Where there is no device, what needs one is skipped; verbs.test runs it where there
 * are two. */
#include "transport_verbs_events.h"
#include "tests/proxy/verbs_rig.h"

using namespace verbs_rig;

namespace {

void a_chain_has_one_doorbell_and_few_completions(void**)
{
    NEED_DEVICE();
    World world(2);
    for (size_t i = 0; i < 64 * 8; i++) *world.at(0, kFromOff + i) = std::byte(i * 5 + 1);
    const std::vector<Op> ops = puts(world, 0, 64, 8);
    assert_int_equal(world.ranks[0]->post(1, ops), 64);
    const VerbsTransport::Sent& sent = world.ranks[0]->sent();
    assert_int_equal(sent.chains, 1);
    assert_int_equal(sent.requests, 64);
    assert_int_equal(sent.inlines, 64);
    world.until([&] { return world.done[0].size() == 64; });
    assert_true(sent.completions <= 5);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(world.done[0][i].cookie, i);
        assert_int_equal(world.done[0][i].err, PMX_SUCCESS);
    }
    assert_memory_equal(world.at(0, kFromOff), world.at(1, kToOff), 64 * 8);
}

void large_data_are_not_copied_into_requests(void**)
{
    NEED_DEVICE();
    World world(2);
    for (size_t i = 0; i < 200'000; i++) *world.at(0, kFromOff + i) = std::byte(i * 7 + i / 256);
    world.post(0, 1, puts(world, 0, 1, 200'000));
    world.until([&] { return world.done[0].size() == 1; });
    assert_int_equal(world.ranks[0]->sent().inlines, 0);
    assert_memory_equal(world.at(0, kFromOff), world.at(1, kToOff), 200'000);
    Op too_long = puts(world, 0, 1, 8)[0];
    too_long.n_bytes = world.ranks[0]->caps().max_put_bytes + 1;
    assert_int_equal(world.ranks[0]->post(1, std::span(&too_long, 1)), PMX_ERR_ARGUMENT);
}

/* 16 words to a request; a gap, a fence or another command begins a new one. */
void the_words_of_a_run_travel_together(void**)
{
    NEED_DEVICE();
    World world(2);
    std::vector<Op> ops = puts(world, 0, 1, 8);
    for (uint64_t i = 0; i < 20; i++) ops.push_back(op_of(OpKind::signal_set, nullptr, kWordOff + 8 * i, 8, i + 1, 100));
    ops.push_back(op_of(OpKind::signal_set, nullptr, kWordOff + 8 * 20, 8, 21, 200));
    ops.push_back(op_of(OpKind::signal_set, nullptr, kWordOff + 8 * 22, 8, 23, 200));
    ops.push_back(op_of(OpKind::signal_set, nullptr, kWordOff + 8 * 23, 8, 24, 200));
    ops.back().flags = kOpFence;
    assert_int_equal(world.ranks[0]->post(1, ops), ops.size());
    assert_int_equal(world.ranks[0]->sent().requests, 1 + 2 + 3);
    world.until([&] { return world.done[0].size() == ops.size(); });
    for (size_t i = 0; i < ops.size(); i++) assert_int_equal(world.done[0][i].cookie, ops[i].cookie);
    for (uint64_t i = 0; i < 25; i++)
        assert_int_equal(world.word(1, kWordOff + 8 * i), i == 21 || i == 24 ? 0 : i + 1);
}

void without_a_look_at_completions_there_is_an_end_of_room(void**)
{
    NEED_DEVICE();
    World world(2);
    const std::vector<Op> ops = puts(world, 0, 64, 8);
    const size_t n = fill(world, ops);
    world.until([&] { return world.done[0].size() == n; });
    assert_int_equal(world.ranks[0]->post(1, ops), 64);
}

/* By the card alone: no processor adds to this word. */
void adds_of_several_ranks_happen_once(void**)
{
    NEED_DEVICE();
    for (const VerbsAdd add : {VerbsAdd::atomic, VerbsAdd::message}) {
        VerbsConfig verbs;
        verbs.add = add;
        World world(3, verbs);
        constexpr size_t kAdds = 400;
        uint64_t expected = 0;
        for (size_t i = 0; i < kAdds; i++)
            for (int from = 0; from < 3; from++) {
                const uint64_t value = i << (from * 16);
                expected += value;
                world.post(from, 1, {op_of(OpKind::signal_add, nullptr, kWordOff, 8, value, i)});
            }
        for (size_t from = 0; from < 3; from++) world.until([&] { return world.done[from].size() == kAdds; });
        assert_true(world.word(1, kWordOff) == expected);
        assert_int_equal(world.ranks[0]->sent().messages, add == VerbsAdd::atomic ? 0 : kAdds);
    }
}

/* Four queue pairs keep no order; the last stream there is. */
void counted_signals_wait_for_what_is_before_them(void**)
{
    NEED_DEVICE();
    VerbsConfig verbs;
    verbs.n_qps = 4;
    World world(2, verbs);
    std::memset(world.at(0, kFromOff), 0x77, 1000);
    uint64_t seq = 0;
    for (uint64_t round = 1; round <= 200; round++) {
        std::memset(world.at(1, kToOff), 0, 1000);
        std::vector<Op> ops;
        for (size_t part = 0; part < 10; part++)
            ops.push_back(op_of(OpKind::put, world.at(0, kFromOff + part * 100), kToOff + part * 100, 100, 0, 0));
        ops.push_back(op_of(OpKind::signal_set, nullptr, kWordOff, 8, round, 0));
        for (Op& op : ops) {
            op.flags = kOpCounted;
            op.stream = 255;
            op.seq = seq++;
        }
        world.post(0, 1, ops);
        world.until([&] { return world.word(1, kWordOff) == round; });
        assert_memory_equal(world.at(0, kFromOff), world.at(1, kToOff), 1000);
    }
    world.until([&] { return world.done[0].size() == 200 * 11; });
}

/* The target does not poll, so a message to it has no ack. */
void giving_up_a_rank_ends_what_is_under_way(void**)
{
    NEED_DEVICE();
    World world(2);
    auto silent = std::move(world.ranks[1]);
    std::vector<Op> ops;
    for (uint64_t i = 0; i < 5; i++) ops.push_back(op_of(OpKind::signal_add, nullptr, kWordOff, 8, 1, i));
    assert_int_equal(world.ranks[0]->post(1, ops), 5);
    world.ranks[0]->fail_peer(1);
    world.until([&] { return world.done[0].size() == 5; });
    assert_int_equal(count(world.done[0], 0, PMX_ERR_PEER_FAILED), 5);
    assert_int_equal(world.ranks[0]->post(1, ops), PMX_ERR_PEER_FAILED);
}

/* The interface under the first device goes down and comes up again. */
void a_port_that_was_down_is_told_of_and_serves_again(void**)
{
    NEED_DEVICE();
    if (!std::getenv("PMX_TEST_IN_VM")) skip();
    World world(2);
    assert_int_equal(std::system("ip link set va down"), 0);
    world.until([&] { return !world.told.empty(); });
    assert_string_equal(world.told[0].c_str(), "verbs device rx0: port 1 is down: what is sent now fails unless it "
                                               "comes back in time");
    assert_int_equal(std::system("ip link set va up"), 0);
    world.until([&] { return world.told.size() > 1; });
    assert_string_equal(world.told[1].c_str(), "verbs device rx0: port 1 is active again");
    world.post(0, 1, puts(world, 0, 1, 64));
    world.until([&] { return !world.done[0].empty(); });
    assert_int_equal(world.done[0][0].err, PMX_SUCCESS);
}

void events_mean_what_is_written(void**)
{
    using Effect = VerbsEvent::Effect;
    VerbsPort port;
    port.name = "card0";
    port.number = 2;
    ibv_qp queue{};
    queue.qp_num = 77;
    const auto event_of = [&](ibv_event_type type, int number) {
        ibv_async_event event{};
        event.event_type = type;
        event.element.port_num = number;
        return verbs_event_of(event, port);
    };
    for (const ibv_event_type type : {IBV_EVENT_QP_FATAL, IBV_EVENT_QP_REQ_ERR, IBV_EVENT_QP_ACCESS_ERR}) {
        ibv_async_event event{};
        event.event_type = type;
        event.element.qp = &queue;
        assert_true(verbs_event_of(event, port).effect == Effect::queue_broken);
        assert_int_equal(verbs_event_of(event, port).qp_number, 77);
    }
    for (const ibv_event_type type : {IBV_EVENT_DEVICE_FATAL, IBV_EVENT_CQ_ERR, IBV_EVENT_SRQ_ERR})
        assert_true(event_of(type, 0).effect == Effect::device_broken);
    assert_true(event_of(IBV_EVENT_PORT_ERR, 2).effect == Effect::told);
    assert_string_equal(event_of(IBV_EVENT_PORT_ACTIVE, 2).text.c_str(), "verbs device card0: port 2 is active again");
    assert_true(event_of(IBV_EVENT_PORT_ERR, 1).effect == Effect::nothing);
    assert_true(event_of(IBV_EVENT_QP_LAST_WQE_REACHED, 0).effect == Effect::nothing);
}

Status opened_with(const VerbsConfig& verbs)
{
    static std::byte heap[4096];
    const TransportConfig config{0, 1, heap, sizeof heap, kLimitNs};
    std::unique_ptr<Transport> transport;
    return verbs_open(verbs, config, transport);
}

void refused(const VerbsConfig& verbs, const char* text)
{
    const Status status = opened_with(verbs);
    assert_false(status.ok());
    if (status.detail().find(text) == std::string::npos) print_message("%s\n", status.detail().c_str());
    assert_true(status.detail().find(text) != std::string::npos);
}

void a_device_that_cannot_be_used_is_named_with_the_reason(void**)
{
    VerbsConfig verbs;
    verbs.device = "nosuch0";
    refused(verbs, "there is no verbs device \"nosuch0\"");
    if (devices().empty()) {
        refused({}, "PMX_TRANSPORT=verbs: no device works here: ");
        assert_false(verbs_probe({}).front().why.empty());
        return;
    }
    verbs.device = devices()[0];
    verbs.port = 99;
    refused(verbs, "there is no port 99");
    verbs.port = 1;
    verbs.gid = "one";
    refused(verbs, "PMX_VERBS_GID=one: must be auto or an index in 0..");
    verbs.gid = "77";
    assert_false(opened_with(verbs).ok());
    verbs.gid = "auto";
    assert_true(opened_with(verbs).ok());
}

void ranks_that_differ_are_refused(void**)
{
    NEED_DEVICE();
    static std::byte heap[4096];
    std::unique_ptr<VerbsTransport> one, other;
    VerbsConfig verbs;
    assert_true(VerbsTransport::open(verbs, devices()[0], {0, 2, heap, sizeof heap, kLimitNs}, one).ok());
    verbs.n_qps = 2;
    assert_true(VerbsTransport::open(verbs, devices()[0], {1, 2, heap, sizeof heap, kLimitNs}, other).ok());
    std::vector<std::vector<std::byte>> addresses = {one->address(), other->address()};
    assert_int_equal(one->connect(addresses).code(), PMX_ERR_MISMATCH);
    addresses[1].resize(10);
    assert_int_equal(one->connect(addresses).code(), PMX_ERR_TRANSPORT);
    addresses.resize(1);
    assert_int_equal(one->connect(addresses).code(), PMX_ERR_ARGUMENT);
}

void times_are_rounded_up(void**)
{
    assert_int_equal(verbs_ack_timeout(1), 1);
    assert_int_equal(verbs_ack_timeout(67'108'864), 14);
    assert_int_equal(verbs_ack_timeout(67'108'865), 15);
    assert_int_equal(verbs_ack_timeout(UINT64_MAX), 31);
    assert_int_equal(verbs_rnr_timer(10'000), 1);
    assert_int_equal(verbs_rnr_timer(640'000), 12);
    assert_int_equal(verbs_rnr_timer(640'001), 13);
    assert_int_equal(verbs_rnr_timer(655'000'000), 0);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_has_one_doorbell_and_few_completions),
        cmocka_unit_test(large_data_are_not_copied_into_requests),
        cmocka_unit_test(the_words_of_a_run_travel_together),
        cmocka_unit_test(without_a_look_at_completions_there_is_an_end_of_room),
        cmocka_unit_test(adds_of_several_ranks_happen_once),
        cmocka_unit_test(counted_signals_wait_for_what_is_before_them),
        cmocka_unit_test(giving_up_a_rank_ends_what_is_under_way),
        cmocka_unit_test(a_port_that_was_down_is_told_of_and_serves_again),
        cmocka_unit_test(events_mean_what_is_written),
        cmocka_unit_test(a_device_that_cannot_be_used_is_named_with_the_reason),
        cmocka_unit_test(ranks_that_differ_are_refused),
        cmocka_unit_test(times_are_rounded_up),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
