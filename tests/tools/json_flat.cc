/* SPDX-License-Identifier: BSD-3-Clause */
/* json_flat.cc: reads one JSON object from stdin and prints each of its values on a line: /PATH VALUE. Exits
 * with 1 and a line on stderr when it is no JSON object, or has a key twice. */
#include <fmt/core.h>

#include <iostream>
#include <iterator>
#include <string>

#include "tools/strict_json.h"

int main()
{
    const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
    nlohmann::json object;
    const pmx::Status status = pmx::tools::parse_json_object("stdin", text, object);
    if (!status.ok()) {
        fmt::print(stderr, "{}\n", status.detail());
        return 1;
    }
    const nlohmann::json flat = object.flatten();
    for (const auto& [path, value] : flat.items()) fmt::print("{} {}\n", path, value.dump());
    return 0;
}
