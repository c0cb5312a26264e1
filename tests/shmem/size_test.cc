/* SPDX-License-Identifier: BSD-3-Clause */
/* Sizes are read as the specification says. */
#include "shmem/size.h"

#include <initializer_list>

#include "tests/cmocka_cxx.h"

using pmx::shmem::parse_size;

static void sizes_are_those_of_the_specification(void**)
{
    struct {
        const char* text;
        uint64_t n_bytes;
    } const good[] = {{"1", 1},           {"20m", 20971520}, {"3.1m", 3250586}, {"0.5k", 512}, {"2K", 2048},
                      {"1G", 1u << 30},   {"1t", uint64_t{1} << 40}, {".5M", 524288}, {"4.", 4},   {"0.1", 1}};
    for (const auto& each : good) {
        uint64_t n_bytes = 0;
        assert_true(parse_size(each.text, n_bytes));
        assert_int_equal(n_bytes, each.n_bytes);
    }
}

static void others_are_refused(void**)
{
    for (const char* text : {"", "k", ".", "20kk", "20x", "-1", "+1", " 1", "1 ", "0", "0x10", "1e3", "inf", "nan", "1.2.3", "9999999999t"}) {
        uint64_t n_bytes = 77;
        assert_false(parse_size(text, n_bytes));
        assert_int_equal(n_bytes, 77);
    }
}

int main()
{
    const CMUnitTest tests[] = {cmocka_unit_test(sizes_are_those_of_the_specification), cmocka_unit_test(others_are_refused)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
