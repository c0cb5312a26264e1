/* SPDX-License-Identifier: BSD-3-Clause */
/* api_params.cc: the C functions on parameters. */
#include <cstring>

#include "runtime/errors.h"
#include "runtime/params.h"

using pmx::at_boundary;
using pmx::fail;

namespace {

pmx::Status set(const char* name, const char* value)
{
    if (name == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_set: name is NULL");
    if (value == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_set: value of {} is NULL", name);
    if (pmx::runtime_is_up()) {
        return fail(PMX_ERR_STATE,
                    "pmx_param_set({}): parameters are fixed between pmx_init and pmx_finalize", name);
    }
    return pmx::param_override(name, value);
}

pmx::Status get(const char* name, char* text_out, size_t n_bytes)
{
    if (name == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_get: name is NULL");
    if (text_out == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_get: text_out is NULL");
    std::string text;
    PMX_TRY(pmx::param_text_in_force(name, text));
    if (text.size() >= n_bytes) {
        return fail(PMX_ERR_ARGUMENT, "pmx_param_get({}): {} bytes given, {} needed", name, n_bytes,
                    text.size() + 1);
    }
    memcpy(text_out, text.c_str(), text.size() + 1);
    return {};
}

pmx::Status list(int index, pmx_param_info_t* info_out)
{
    if (info_out == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_list: info_out is NULL");
    if (info_out->size_bytes < sizeof *info_out) {
        return fail(PMX_ERR_ARGUMENT, "pmx_param_list: size_bytes is {}, must be at least {}",
                    info_out->size_bytes, sizeof *info_out);
    }
    const pmx::ParamInfo* info = pmx::param_info(index);
    if (info == nullptr) return fail(PMX_ERR_ARGUMENT, "pmx_param_list: no parameter {}", index);
    *info_out = {info_out->size_bytes, info->name, info->type, info->default_text, info->range, info->help};
    return {};
}

}  // namespace

PMX_API int pmx_param_set(const char* name, const char* value)
{
    return at_boundary([&] { return set(name, value); });
}

PMX_API int pmx_param_get(const char* name, char* text_out, size_t n_bytes)
{
    return at_boundary([&] { return get(name, text_out, n_bytes); });
}

PMX_API int pmx_param_list(int index, pmx_param_info_t* info_out)
{
    return at_boundary([&] { return list(index, info_out); });
}
