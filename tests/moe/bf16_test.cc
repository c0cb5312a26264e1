/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/bf16.h"

#include <cmath>
#include <initializer_list>

#include "tests/moe/unit.h"

using pmx::moe::bf16_to_float;
using pmx::moe::float_to_bf16;

namespace {

void every_bf16_survives_the_way_through_float(void**)
{
    for (uint32_t half = 0; half < 0x10000; half++) {
        float value = bf16_to_float((uint16_t)half);
        if (std::isnan(value))
            assert_true(std::isnan(bf16_to_float(float_to_bf16(value))));
        else
            assert_int_equal(float_to_bf16(value), half);
    }
}

/* Between each two neighbours: the middle goes to the even one, what lies beside it to the nearer. */
void floats_round_to_the_nearest_and_ties_to_even(void**)
{
    for (uint32_t sign : {0u, 0x8000u})
        for (uint32_t half = sign; half < sign + 0x7f7f; half++) {
            uint32_t bits = half << 16 | 0x8000;
            float middle, below, above;
            memcpy(&middle, &bits, 4);
            memcpy(&below, &--bits, 4);
            bits += 2;
            memcpy(&above, &bits, 4);
            assert_int_equal(float_to_bf16(middle), half + (half & 1));
            assert_int_equal(float_to_bf16(below), half);
            assert_int_equal(float_to_bf16(above), half + 1);
        }
}

void too_large_becomes_infinite_and_nan_stays_nan(void**)
{
    assert_int_equal(float_to_bf16(3.4e38f), 0x7f80);
    assert_int_equal(float_to_bf16(-3.4e38f), 0xff80);
    assert_int_equal(float_to_bf16(INFINITY), 0x7f80);
    for (uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu}) {
        float nan;
        memcpy(&nan, &bits, 4);
        assert_true(std::isnan(bf16_to_float(float_to_bf16(nan))));
    }
}

}  // namespace

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_bf16_survives_the_way_through_float),
        cmocka_unit_test(floats_round_to_the_nearest_and_ties_to_even),
        cmocka_unit_test(too_large_becomes_infinite_and_nan_stays_nan),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
