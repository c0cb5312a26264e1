/* SPDX-License-Identifier: BSD-3-Clause */
/* errors.h: how an internal Status becomes the int and the detail of the C API. */
#pragma once

#include <new>

#include "status.h"

namespace pmx {

/* Remembers status.detail() as the last failure of this thread, cut to kMaxDetailBytes and without line
 * breaks; nothing when status is ok. Never throws. */
void set_last_error(const Status& status) noexcept;
inline constexpr size_t kMaxDetailBytes = 511;

/* What a C function returns: the code of status, whose detail is remembered. */
int report(const Status& status) noexcept;
/* The same without a Status, which may need memory. */
int report_plain(pmx_err_t code, const char* detail) noexcept;

/* The body of a C function: runs call, which returns a Status, and lets no exception out. */
template <typename Call>
int at_boundary(Call&& call) noexcept
{
    try {
        return report(call());
    } catch (const std::bad_alloc&) {
        return report_plain(PMX_ERR_MEMORY, "memory of the process is exhausted");
    } catch (...) {
        return report_plain(PMX_ERR_INTERNAL, "an unexpected exception reached the C interface");
    }
}

/* For messages: "PMX_ERR_PARAM", or "PMX_ERR_?" when there is no such code. */
const char* error_name(int err) noexcept;

}  // namespace pmx
