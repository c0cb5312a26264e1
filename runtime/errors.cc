/* SPDX-License-Identifier: BSD-3-Clause */
/* errors.cc: the texts of the error codes and the last failure of each thread. */
#include "runtime/errors.h"

#include <algorithm>
#include <string_view>

namespace pmx {
namespace {

struct ErrorRow {
    int code;
    const char* name;
    pmx_err_class_t error_class;
    const char* text;
};

constexpr ErrorRow kRows[] = {
#define PMX_ERROR(code, class_name, text) {code, #code, PMX_CLASS_##class_name, text},
#include "runtime/errors.def"
#undef PMX_ERROR
};

/* gcc warns (-Wswitch, an error here) when pmx_err_t has a code that errors.def lacks; a row without a
 * code, or two rows for one code, do not compile at all. */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
constexpr bool has_row(pmx_err_t err)
{
    switch (err) {
#define PMX_ERROR(code, class_name, text) case code:
#include "runtime/errors.def"
#undef PMX_ERROR
        return true;
    }
    return false;
}
#pragma GCC diagnostic pop
static_assert(has_row(PMX_SUCCESS));

const ErrorRow* find_row(int err)
{
    for (const ErrorRow& row : kRows) {
        if (row.code == err) return &row;
    }
    return nullptr;
}

/* A plain array: set_last_error must work when memory is short. */
thread_local char last_detail[kMaxDetailBytes + 1];

void remember(std::string_view detail)
{
    const size_t n_bytes = std::min(detail.size(), kMaxDetailBytes);
    std::replace_copy(detail.begin(), detail.begin() + n_bytes, last_detail, '\n', ' ');
    last_detail[n_bytes] = '\0';
}

}  // namespace

void set_last_error(const Status& status) noexcept
{
    if (!status.ok()) remember(status.detail());
}

int report(const Status& status) noexcept
{
    set_last_error(status);
    return status.code();
}

int report_plain(pmx_err_t code, const char* detail) noexcept
{
    remember(detail);
    return code;
}

const char* error_name(int err) noexcept
{
    const ErrorRow* row = find_row(err);
    return row != nullptr ? row->name : "PMX_ERR_?";
}

}  // namespace pmx

PMX_API const char* pmx_error_string(int err)
{
    const pmx::ErrorRow* row = pmx::find_row(err);
    return row != nullptr ? row->text : "no such error code";
}

PMX_API int pmx_error_class(int err, int* class_out)
{
    return pmx::at_boundary([&]() -> pmx::Status {
        if (class_out == nullptr) return pmx::fail(PMX_ERR_ARGUMENT, "pmx_error_class: class_out is NULL");
        const pmx::ErrorRow* row = pmx::find_row(err);
        if (row == nullptr) return pmx::fail(PMX_ERR_ARGUMENT, "pmx_error_class: {} is no error code", err);
        *class_out = row->error_class;
        return {};
    });
}

PMX_API const char* pmx_last_error_detail(void) { return pmx::last_detail; }

PMX_API int pmx_error_report(int err, const char* detail)
{
    pmx::remember(detail != nullptr ? detail : "");
    return err;
}
