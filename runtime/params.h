/* SPDX-License-Identifier: BSD-3-Clause */
/* params.h: the parameters, as params.def lists them. A value comes from pmx_param_set, else from the
 * environment variable, else it is the default. Values are parsed strictly: a bad one is PMX_ERR_PARAM with
 * the variable, the value and the range, never a silent default. */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/gpu.h"
#include "runtime/log.h"
#include "status.h"
#include "transport_verbs.h"

namespace pmx {

enum class ProgressChoice { automatic = 0, proxy = 1, callers = 2 }; /* the order of the choices of PMX_PROGRESS */
enum class TransportChoice { any = 0, shm = 1, ofi = 2, softnic = 3, verbs = 4 }; /* the order of the choices of PMX_TRANSPORT */

struct Params {
    Params(); /* the defaults */
#define PMX_PARAM(name, field, cpp_type, kind, default_text, range, help) cpp_type field{};
#include "runtime/params.def"
#undef PMX_PARAM
};

/* One row of params.def, as text. */
struct ParamInfo {
    const char* name; /* without PMX_ */
    const char* type; /* "size" "time" "count" "choice" "text" "flag" */
    const char* default_text;
    const char* range;
    const char* help;
};
/* nullptr when index is out of range. */
const ParamInfo* param_info(int index);

/* Parses text into the field of name (without PMX_). params is unchanged on failure. The detail starts
 * with "PMX_" and the name. */
Status param_parse(std::string_view name, std::string_view text, Params& params);
/* The value in its shortest form: "256m", "on". name must exist: "" when it does not. */
std::string param_text(std::string_view name, const Params& params);

/* The values for the next pmx_init. Also refuses variables PMX_* that do not exist,
 * but for PMX_TEST_*. params_out is written on
 * success only; param_text_in_force() remembers it. Reads environ, so no other thread may change it. */
Status params_from_environment(Params& params_out);

/* What pmx_param_set asked for, kept for the next pmx_init. Any thread. */
Status param_override(std::string_view name, std::string_view text);
/* Forgets all of them. For tests. */
void param_overrides_clear();
/* The value in force: while runtime_is_up() that of the last params_from_environment(), else what the next
 * would give. */
Status param_text_in_force(std::string_view name, std::string& text_out);

/* The list of pmx-environment(7): man(7) macros, a .TP for each variable. */
std::string params_roff();

/* Whether pmx_init has succeeded and pmx_finalize has not; the parameters are fixed then. */
bool runtime_is_up();

}  // namespace pmx
