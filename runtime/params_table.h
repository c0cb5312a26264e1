/* SPDX-License-Identifier: BSD-3-Clause */
/* params_table.h: the rows of params.def, shared by params.cc and params_sources.cc only. */
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/params.h"

namespace pmx {

enum class ParamKind { size, time, count, pow2, choice, text, flag };

/* A parsed value: text for the kind text, else number (choice: the index, flag: 0 or 1). */
struct ParamValue {
    uint64_t number = 0;
    std::string text;
};

struct ParamRow {
    ParamInfo info;
    ParamKind kind;
    void (*store)(Params& params, const ParamValue& value);
    ParamValue (*load)(const Params& params);
};

std::span<const ParamRow> param_rows();
const ParamRow* find_param(std::string_view name);
Status param_parse_row(const ParamRow& row, std::string_view text, Params& params);
/* The failure for a name (without PMX_) that does not exist, with the nearest one that does. */
Status unknown_param(std::string_view name);

}  // namespace pmx
