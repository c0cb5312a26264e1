/* SPDX-License-Identifier: BSD-3-Clause */
/* check.h: what the programs of several ranks share. A failed check ends the rank with status 1. */
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pmx.h"

inline int rank, size;

#define CHECK(condition)                                                                                       \
    do {                                                                                                       \
        if (condition) break;                                                                                  \
        std::fprintf(stderr, "rank %d: %s:%d: %s is false; last error: %s\n", rank, __FILE__, __LINE__, #condition, \
                     pmx_last_error_detail());                                                                 \
        std::fflush(stderr);                                                                                   \
        std::_Exit(1);                                                                                         \
    } while (0)
#define CHECK_OK(call) CHECK((call) == PMX_SUCCESS)

/* n zeroed elements in the symmetric heap. */
template <typename T>
T* sym(size_t n)
{
    void* p = nullptr;
    CHECK_OK(pmx_calloc(n, sizeof(T), &p));
    return static_cast<T*>(p);
}
