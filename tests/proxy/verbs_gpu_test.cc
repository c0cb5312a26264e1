/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of a GPU that the device writes and reads by itself, played by a part of host memory. As verbs_test. */
#include "tests/proxy/verbs_rig.h"

using namespace verbs_rig;

namespace {

constexpr uint64_t kGpu = PMX_CMD_GPU_HEAP, kGpuWord = kGpu, kGpuTo = kGpu + 4096;
constexpr size_t kGpuBytes = 1 << 18;

Op set(uint64_t dst_off, uint64_t value) { return op_of(OpKind::signal_set, nullptr, dst_off, 8, value, value); }

void data_and_signals_go_to_memory_of_a_gpu_and_back(void**)
{
    NEED_DEVICE();
    World world(2, {}, kGpuBytes);
    for (size_t i = 0; i < 9000; i++) *world.at(0, kFromOff + i) = std::byte(i * 7 + i / 256);
    world.post(0, 1, {op_of(OpKind::put, world.at(0, kFromOff), kGpuTo, 9000, 0, 0), set(kGpuWord, 1)});
    world.until([&] { return world.word(1, kGpuWord) == 1; });
    assert_memory_equal(world.at(0, kFromOff), world.at(1, kGpuTo), 9000);
    world.post(0, 1, {op_of(OpKind::get, world.at(0, kGpuTo), kGpuTo, 9000, 0, 2)});
    world.until([&] { return world.done[0].size() == 3; });
    assert_memory_equal(world.at(0, kGpuTo), world.at(1, kGpuTo), 9000);
    for (const Completion& one : world.done[0]) assert_int_equal(one.err, PMX_SUCCESS);
}

void the_processor_does_not_touch_memory_of_a_gpu(void**)
{
    NEED_DEVICE();
    World world(2, {}, kGpuBytes);
    assert_true(world.ranks[0]->caps().gpu);
    assert_false(world.ranks[0]->caps().counted);
    world.post(0, 1, {op_of(OpKind::put, world.at(0, kGpuTo), kGpuTo, 8, 0, 0),
                      op_of(OpKind::signal_add, nullptr, kGpuWord, 8, 5, 0)});
    world.until([&] { return world.done[0].size() == 2; });
    assert_int_equal(world.word(1, kGpuWord), 5);
    assert_int_equal(world.ranks[0]->sent().inlines, 0);
    assert_int_equal(world.ranks[0]->sent().messages, 0);
    /* Behind an ADD that the target's processor applies, a signal that must not pass it waits. */
    Op add = op_of(OpKind::signal_add, nullptr, kWordOff, 8, 1, 0), after = set(kGpuWord, 9);
    after.flags = kOpOrdered;
    assert_int_equal(world.ranks[0]->post(1, std::vector{add, after}), 1);
    world.until([&] { return world.done[0].size() == 3; });
    assert_int_equal(world.ranks[0]->post(1, std::vector{after}), 1);
    world.until([&] { return world.word(1, kGpuWord) == 9; });
}

void a_signal_waits_for_a_read_of_the_other_part_where_that_was_written(void**)
{
    NEED_DEVICE();
    World world(2, {}, kGpuBytes);
    const auto flushes = [&](std::vector<Op> ops) {
        const uint64_t before = world.ranks[0]->sent().flushes, n_done = world.done[0].size();
        assert_int_equal(world.ranks[0]->post(1, ops), ops.size());
        world.until([&] { return world.done[0].size() == n_done + ops.size(); });
        return world.ranks[0]->sent().flushes - before;
    };
    const Op to_gpu = op_of(OpKind::put, world.at(0, kFromOff), kGpuTo, 64, 0, 0);
    const Op to_host = op_of(OpKind::put, world.at(0, kFromOff), 8192, 64, 0, 0);
    assert_int_equal(flushes({to_gpu, set(kGpuWord, 1), set(kGpuWord + 8, 1)}), 0);
    assert_int_equal(flushes({set(kWordOff, 1)}), 1);     /* also when what was written has completed */
    assert_int_equal(flushes({set(kWordOff + 8, 2)}), 0); /* it is there by now */
    assert_int_equal(flushes({set(kGpuWord, 2)}), 1);     /* the words in host memory were written */
    assert_int_equal(flushes({to_host, set(kWordOff, 3)}), 1);
    assert_int_equal(flushes({to_gpu, to_host, set(kWordOff, 4), set(kGpuWord, 4)}), 2);
    for (const Completion& one : world.done[0]) assert_int_equal(one.err, PMX_SUCCESS);
}

void without_memory_of_a_gpu_nothing_is_flushed(void**)
{
    NEED_DEVICE();
    World world(2);
    assert_false(world.ranks[0]->caps().gpu);
    std::vector<Op> ops = puts(world, 0, 4, 64);
    ops.push_back(set(kWordOff, 1));
    world.post(0, 1, ops);
    world.until([&] { return world.done[0].size() == ops.size(); });
    assert_int_equal(world.ranks[0]->sent().flushes, 0);
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(data_and_signals_go_to_memory_of_a_gpu_and_back),
        cmocka_unit_test(the_processor_does_not_touch_memory_of_a_gpu),
        cmocka_unit_test(a_signal_waits_for_a_read_of_the_other_part_where_that_was_written),
        cmocka_unit_test(without_memory_of_a_gpu_nothing_is_flushed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
