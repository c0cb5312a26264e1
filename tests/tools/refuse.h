/* SPDX-License-Identifier: BSD-3-Clause */
/* refuse.h: what a refusal must look like. After cmocka_cxx.h. */
#pragma once

#include <string>

#include "status.h"

/* The code, one printable line, and what it must name. */
inline void assert_refused(const pmx::Status& status, pmx_err_t code, const std::string& named)
{
    if (status.code() != code || status.detail().find(named) == std::string::npos)
        print_error("wanted \"%s\", got %d \"%s\"\n", named.c_str(), status.code(), status.detail().c_str());
    assert_int_equal(status.code(), code);
    assert_true(status.detail().find(named) != std::string::npos);
    for (const char c : status.detail()) assert_true(c >= ' ' && c <= '~');
}

inline void assert_fine(const pmx::Status& status)
{
    if (!status.ok()) print_error("%d \"%s\"\n", status.code(), status.detail().c_str());
    assert_true(status.ok());
}
