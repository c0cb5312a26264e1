/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the verbs transport with channels of their own, and a rank that fails in all of them. As verbs_test. */
#include "tests/proxy/verbs_rig.h"

using namespace verbs_rig;

namespace {

void a_stream_with_a_channel_does_not_wait_for_room_behind_others(void**)
{
    NEED_DEVICE();
    World world(2);
    world.open_stream(3);
    const std::vector<Op> ops = puts(world, 0, 64, 8);
    size_t n = fill(world, ops);
    assert_int_equal(world.ranks[0]->post(1, in_stream(ops, 2, 0)), 0); /* shares the one that is full */
    std::vector<Op> both = in_stream(ops, 3, 1000);
    both[40].stream = 2; /* not in one chain with those before it */
    assert_int_equal(world.ranks[0]->post(1, both), 40);
    world.until([&] { return world.done[0].size() == n + 40; });
    n += 40 + fill(world, in_stream(ops, 3, 0));
    assert_int_equal(world.ranks[0]->post(1, in_stream(ops, 2, 0)), 64);
    world.until([&] { return world.done[0].size() == n + 64; });
}

/* Also by messages, whose acknowledgements come back by the first channel. */
void what_is_promised_holds_in_a_channel(void**)
{
    NEED_DEVICE();
    VerbsConfig verbs;
    verbs.add = VerbsAdd::message;
    World world(3, verbs);
    world.open_stream(255);
    std::memset(world.at(0, kFromOff), 0x77, 1000);
    for (uint64_t round = 1; round <= 100; round++) {
        std::memset(world.at(1, kToOff), 0, 1000);
        std::vector<Op> ops = puts(world, 0, 10, 100);
        ops.push_back(op_of(OpKind::signal_add, nullptr, kWordOff, 8, 1, 0));
        world.post(0, 1, in_stream(ops, 255, 0));
        world.until([&] { return world.word(1, kWordOff) == round; });
        assert_memory_equal(world.at(0, kFromOff), world.at(1, kToOff), 1000);
    }
    world.until([&] { return world.done[0].size() == 100 * 11; });
    for (const Completion& one : world.done[0]) assert_int_equal(one.err, PMX_SUCCESS);
}

void a_stream_that_cannot_be_connected_shares_a_channel(void**)
{
    NEED_DEVICE();
    World world(2);
    std::vector<std::byte> address;
    VerbsTransport& rank = *world.ranks[0];
    assert_int_equal(rank.connect_stream({}).code(), PMX_ERR_STATE);
    assert_int_equal(rank.prepare_stream(kMaxStreams, address).code(), PMX_ERR_ARGUMENT);
    assert_true(rank.prepare_stream(3, address).ok());
    assert_int_equal(rank.connect_stream(std::vector(1, address)).code(), PMX_ERR_ARGUMENT);
    assert_true(rank.prepare_stream(3, address).ok());
    assert_int_equal(rank.connect_stream(std::vector(2, std::vector(3, std::byte()))).code(), PMX_ERR_TRANSPORT);
    rank.begin_stream(3);
    const std::vector<Op> ops = puts(world, 0, 64, 8);
    const size_t n = fill(world, ops);
    assert_int_equal(rank.post(1, in_stream(ops, 3, 0)), 0);
    world.until([&] { return world.done[0].size() == n; });

    world.open_stream(3);
    assert_true(rank.prepare_stream(3, address).ok()); /* has it: a later context takes the same */
    assert_true(address.empty());
}

void a_rank_that_is_gone_fails_alone(void**)
{
    NEED_DEVICE();
    World world(3);
    world.open_stream(3);
    world.ranks[2].reset();
    std::vector<Op> ops = puts(world, 0, 20, 64);
    for (size_t i = 0; i < 20; i += 2) ops[i].stream = 3;
    for (size_t i = 0; i < 20; i++) assert_int_equal(world.ranks[0]->post(1, std::span(&ops[i], 1)), 1);
    for (Op& op : ops) op.cookie += 100;
    for (size_t i = 0; i < 20; i++) assert_int_equal(world.ranks[0]->post(2, std::span(&ops[i], 1)), 1);
    world.until([&] { return world.done[0].size() == 40; });
    assert_int_equal(count(world.done[0], 0, PMX_SUCCESS), 20);
    assert_int_equal(count(world.done[0], 100, PMX_ERR_PEER_FAILED), 20);
    for (const uint16_t stream : {3, 0})
        assert_int_equal(world.ranks[0]->post(2, in_stream(ops, stream, 0)), PMX_ERR_PEER_FAILED);
    assert_int_equal(world.ranks[0]->post(1, in_stream(ops, 3, 100)), 20);
    world.until([&] { return world.done[0].size() == 60; });
    assert_int_equal(count(world.done[0], 200, PMX_SUCCESS), 20);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_with_a_channel_does_not_wait_for_room_behind_others),
        cmocka_unit_test(what_is_promised_holds_in_a_channel),
        cmocka_unit_test(a_stream_that_cannot_be_connected_shares_a_channel),
        cmocka_unit_test(a_rank_that_is_gone_fails_alone),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
