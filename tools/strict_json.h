/* SPDX-License-Identifier: BSD-3-Clause */
/* strict_json.h: JSON from files that nobody vouches for. */
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "status.h"

namespace pmx::tools {

inline constexpr int kJsonMaxDepth = 32;

/* Parses text, all of it, into a JSON object. Refused with PMX_ERR_ARGUMENT (source names the file in the
 * line): a syntax error, a top level that is no object, a key twice in one object, nesting beyond
 * kJsonMaxDepth. */
Status parse_json_object(const std::string& source, std::string_view text, nlohmann::json& object_out);

/* The text of a value for an error line: one line, printable, cut when long. */
std::string excerpt(const nlohmann::json& value);
std::string printable(std::string_view text);

}  // namespace pmx::tools
