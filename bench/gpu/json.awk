# SPDX-License-Identifier: BSD-3-Clause
# json.awk: the value of a key in a line of JSON without nesting; "-" for null, "" without the key.

function value(key,    rest, at) {
    at = index($0, "\"" key "\":")
    if (!at) return ""
    rest = substr($0, at + length(key) + 3)
    if (substr(rest, 1, 1) == "\"") {
        rest = substr(rest, 2)
        return substr(rest, 1, index(rest, "\"") - 1)
    }
    sub(/[,}].*/, "", rest)
    return rest == "null" ? "-" : rest
}
