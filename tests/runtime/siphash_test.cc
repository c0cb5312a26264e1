/* SPDX-License-Identifier: BSD-3-Clause */
/* SipHash-2-4 gives the values that its authors publish: messages 00, 00 01, ... under the key 00 01 .. 0f.
 */
#include <vector>

#include "runtime/siphash.h"
#include "tests/cmocka_cxx.h"

static void values_are_those_of_the_authors(void**)
{
    const struct {
        size_t n_bytes;
        uint64_t code;
    } cases[] = {{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
                 {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572}};
    for (const auto& each : cases) {
        std::vector<std::byte> message(each.n_bytes);
        for (size_t i = 0; i < each.n_bytes; i++) message[i] = static_cast<std::byte>(i);
        assert_true(pmx::siphash({0x0706050403020100, 0x0f0e0d0c0b0a0908}, message) == each.code);
    }
}

int main()
{
    const CMUnitTest tests[] = {cmocka_unit_test(values_are_those_of_the_authors)};
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
