/* SPDX-License-Identifier: BSD-3-Clause */
/* status.h: the result of an internal call: a PMX_ERR_* code and, on failure, one line for the user. */
#pragma once

#include <fmt/core.h>

#include <string>
#include <utility>

#include "pmx.h"

namespace pmx {

class [[nodiscard]] Status {
  public:
    Status() = default;
    Status(pmx_err_t code, std::string detail) : code_(code), detail_(std::move(detail)) {}

    bool ok() const { return code_ == PMX_SUCCESS; }
    pmx_err_t code() const { return code_; }
    /* One line: the value seen and the allowed range, or the cause. "" when ok. */
    const std::string& detail() const { return detail_; }

  private:
    pmx_err_t code_ = PMX_SUCCESS;
    std::string detail_;
};

template <typename... Args>
Status fail(pmx_err_t code, fmt::format_string<Args...> text, Args&&... args)
{
    return Status(code, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace pmx

/* Returns from the calling function when expr, a Status, is a failure. */
#define PMX_TRY(expr)                        \
    do {                                     \
        ::pmx::Status pmx_try_ = (expr);     \
        if (!pmx_try_.ok()) return pmx_try_; \
    } while (0)
