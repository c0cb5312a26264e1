/* SPDX-License-Identifier: BSD-3-Clause */
/* params_sources.cc: where values come from: pmx_param_set, else the environment, else the default. */
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <vector>

#include "runtime/params_table.h"

namespace pmx {
namespace {

constexpr std::string_view kPrefix = "PMX_";
constexpr std::string_view kTestPrefix = "TEST_"; /* PMX_TEST_* belong to the test suite */

/* Guards both below. */
std::mutex sources_mutex;
std::map<std::string, std::string, std::less<>> overrides;
std::optional<Params> last_taken;

/* Levenshtein: insertions, deletions and replacements that turn a into b. */
size_t edit_distance(std::string_view a, std::string_view b)
{
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 1; i <= a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size(); ++j) {
            const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row[b.size()];
}

/* The caller holds sources_mutex. */
Status resolve(const ParamRow& row, Params& params)
{
    const auto set = overrides.find(row.info.name);
    if (set != overrides.end()) return param_parse_row(row, set->second, params);
    const char* text = std::getenv((std::string(kPrefix) + row.info.name).c_str());
    return param_parse_row(row, text != nullptr ? text : row.info.default_text, params);
}

/* The first unknown variable by name, so that the message does not hang on the order of environ. */
Status refuse_unknown_variables()
{
    std::optional<std::string_view> unknown;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        std::string_view name(*entry);
        name = name.substr(0, name.find('='));
        if (!name.starts_with(kPrefix)) continue;
        name.remove_prefix(kPrefix.size());
        if (name.starts_with(kTestPrefix)) continue;
        if (find_param(name) == nullptr && (!unknown || name < *unknown)) unknown = name;
    }
    return unknown ? unknown_param(*unknown) : Status();
}

}  // namespace

Status unknown_param(std::string_view name)
{
    if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
    name = name.substr(0, 64);
    const char* nearest = nullptr;
    size_t least = std::max<size_t>(2, name.size() / 3) + 1;
    for (const ParamRow& row : param_rows()) {
        const size_t distance = edit_distance(name, row.info.name);
        if (distance >= least) continue;
        least = distance;
        nearest = row.info.name;
    }
    if (nearest == nullptr) {
        return fail(PMX_ERR_PARAM, "PMX_{}: unknown variable; pmx_info --params lists all", name);
    }
    return fail(PMX_ERR_PARAM, "PMX_{}: unknown variable, did you mean PMX_{}?", name, nearest);
}

Status params_from_environment(Params& params_out)
{
    PMX_TRY(refuse_unknown_variables());
    Params params;
    const std::lock_guard lock(sources_mutex);
    for (const ParamRow& row : param_rows()) PMX_TRY(resolve(row, params));
    last_taken = params;
    params_out = params;
    return {};
}

Status param_override(std::string_view name, std::string_view text)
{
    Params unused;
    PMX_TRY(param_parse(name, text, unused));
    const std::lock_guard lock(sources_mutex);
    overrides.insert_or_assign(std::string(name), std::string(text));
    return {};
}

void param_overrides_clear()
{
    const std::lock_guard lock(sources_mutex);
    overrides.clear();
}

Status param_text_in_force(std::string_view name, std::string& text_out)
{
    const ParamRow* row = find_param(name);
    if (row == nullptr) return unknown_param(name);
    const std::lock_guard lock(sources_mutex);
    if (runtime_is_up() && last_taken) {
        text_out = param_text(name, *last_taken);
        return {};
    }
    Params params;
    PMX_TRY(resolve(*row, params));
    text_out = param_text(name, params);
    return {};
}

}  // namespace pmx
