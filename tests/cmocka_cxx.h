/* SPDX-License-Identifier: BSD-3-Clause */
/* cmocka_cxx.h: CMocka for tests in C++; include it last. A failed assertion longjmps: no destructor of the
 * test runs, which only matters to a run that has failed. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}

#undef fail /* a macro of CMocka; pmx::fail is a function */
