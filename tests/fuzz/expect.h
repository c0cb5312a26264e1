/* SPDX-License-Identifier: BSD-3-Clause */
/* expect.h: what a fuzzer asks of the code that it calls. */
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#define EXPECT(condition)                                                             \
    do {                                                                              \
        if (condition) break;                                                         \
        std::fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
        std::abort();                                                                 \
    } while (0)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes);
