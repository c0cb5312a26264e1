/* SPDX-License-Identifier: BSD-3-Clause */
/* error.h: a failure of a moe call: leaves the line for pmx_last_error_detail and gives the code back. */
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

#include "pmx.h"

namespace pmx::moe {

template <typename... Args>
[[nodiscard]] int fail(pmx_err_t code, fmt::format_string<Args...> text, Args&&... args)
{
    std::string detail = fmt::format(text, std::forward<Args>(args)...);
    return pmx_error_report(code, detail.c_str());
}

}  // namespace pmx::moe

/* Returns from the calling function when expr, a PMX_ERR_* code or 0, is a failure. */
#define PMX_MOE_TRY(expr)                \
    do {                                 \
        if (int err_ = (expr)) return err_; \
    } while (0)
