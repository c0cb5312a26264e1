/* SPDX-License-Identifier: BSD-3-Clause */
/* unit.h: CMocka for C++. Included last: it defines a macro named fail. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include <cmocka.h>
}
