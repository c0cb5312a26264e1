/* SPDX-License-Identifier: BSD-3-Clause */
/* strict_json.cc: nlohmann's parser with the checks it leaves out. */
#include "strict_json.h"

#include <optional>
#include <set>
#include <vector>

namespace pmx::tools {

using nlohmann::json;

namespace {

/* Watches the parse: nlohmann keeps the last of two equal keys without a word. */
class Watch {
public:
    bool operator()(int depth, json::parse_event_t event, json& parsed)
    {
        if (depth >= kJsonMaxDepth) too_deep_ = true;
        if (event == json::parse_event_t::object_start) {
            keys_.emplace_back();
        } else if (event == json::parse_event_t::object_end) {
            keys_.pop_back();
        } else if (event == json::parse_event_t::key) {
            const auto& key = parsed.get_ref<const std::string&>();
            if (!keys_.back().insert(key).second && !duplicate_) duplicate_ = key;
        }
        return true;
    }

    bool too_deep_ = false;
    std::optional<std::string> duplicate_;

private:
    std::vector<std::set<std::string>> keys_;
};

}  // namespace

std::string printable(std::string_view text)
{
    constexpr size_t kMost = 60;
    std::string line;
    for (const char c : text.substr(0, kMost)) line += (c >= ' ' && c <= '~') ? c : '?';
    if (text.size() > kMost) line += "...";
    return line;
}

std::string excerpt(const json& value)
{
    return printable(value.dump(-1, ' ', true, json::error_handler_t::replace));
}

Status parse_json_object(const std::string& source, std::string_view text, json& object_out)
{
    Watch watch;
    json object;
    try {
        object = json::parse(text.begin(), text.end(), std::ref(watch));
    } catch (const json::parse_error& error) {
        return fail(PMX_ERR_ARGUMENT, "{}: is not JSON: syntax error at byte {}", source, error.byte);
    } catch (const json::exception& error) {
        return fail(PMX_ERR_ARGUMENT, "{}: is not usable JSON: {}", source, printable(error.what()));
    }
    if (watch.too_deep_)
        return fail(PMX_ERR_ARGUMENT, "{}: JSON is nested deeper than {} levels", source, kJsonMaxDepth);
    if (!object.is_object()) return fail(PMX_ERR_ARGUMENT, "{}: the top level must be a JSON object", source);
    if (watch.duplicate_)
        return fail(PMX_ERR_ARGUMENT, "{}: the key \"{}\" is there twice", source,
                    printable(*watch.duplicate_));
    object_out = std::move(object);
    return {};
}

}  // namespace pmx::tools
