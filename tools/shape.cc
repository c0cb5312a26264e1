/* SPDX-License-Identifier: BSD-3-Clause */
/* shape.cc: the table of model shapes, and the parsers. */
#include "shape.h"

#include <string_view>

#include "numeric.h"
#include "strict_json.h"

namespace pmx::tools {

namespace {

struct Preset {
    const char* name;
    int hidden, intermediate, experts, top_k;
    bool renormalise;
    std::string_view activation, scores;
    bool shared, groups, on_input;
};

/* Softmax over the chosen is the same as renormalised softmax values; for the other routers these tools take
 * it, too. */
constexpr bool plain_renormalise(int renormalise, std::string_view scores)
{
    return renormalise || scores != "SOFTMAX";
}

constexpr Preset kPresets[] = {
#define PMX_PRESET(name, hidden, intermediate, experts, top_k, shared, activation, scores, renormalise, \
                   groups, kept, scale, on_input)                                                       \
    {name,         hidden,         intermediate,                                                        \
     experts,      top_k,          plain_renormalise(renormalise, #scores),                             \
     #activation,  #scores,        (shared) != 0,                                                       \
     (groups) > 1, (on_input) != 0},
#include "moe/presets.def"
#undef PMX_PRESET
};

/* What the model has and these tools do not take; "" when nothing. */
std::string left_out(const Preset& preset)
{
    std::string text;
    const auto add = [&](bool has, std::string_view what) {
        if (has) text += fmt::format("{}{}", text.empty() ? "" : ", ", what);
    };
    add(preset.scores == "SIGMOID",
        preset.on_input ? "sigmoid weight on the input" : "sigmoid router with choice bias");
    add(preset.groups, "groups of experts");
    add(preset.activation == "SWIGLU_CLAMPED", "expert biases and clamped SwiGLU");
    add(preset.shared, "shared expert");
    return text;
}

bool parse_list(std::string_view text, std::vector<int>& numbers, int least = 0)
{
    for (;;) {
        const auto comma = text.find(',');
        int number = 0;
        if (!parse_number(text.substr(0, comma), number) || number < least) return false;
        numbers.push_back(number);
        if (comma == std::string_view::npos) return true;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace

std::string shape_choices()
{
    std::string choices;
    for (const Preset& preset : kPresets) choices += fmt::format("{}|", preset.name);
    return choices + "H,I,E,k";
}

std::string shape_table()
{
    std::string table;
    for (const Preset& preset : kPresets)
        table += fmt::format("  {:<20} {},{},{},{}{}\n", preset.name, preset.hidden, preset.intermediate,
                             preset.experts, preset.top_k, left_out(preset).empty() ? "" : "  (widths only)");
    return table;
}

Status parse_shape(const std::string& text, Shape& shape_out)
{
    for (const Preset& preset : kPresets) {
        if (text != preset.name) continue;
        shape_out = {preset.name,  preset.hidden,      preset.intermediate, preset.experts,
                     preset.top_k, preset.renormalise, left_out(preset)};
        return {};
    }
    std::vector<int> numbers;
    if (!parse_list(text, numbers) || numbers.size() != 4)
        return fail(PMX_ERR_ARGUMENT, "--shape {}: must be {} (four whole numbers)", printable(text),
                    shape_choices());
    shape_out = {text, numbers[0], numbers[1], numbers[2], numbers[3], true, ""};
    return {};
}

Status parse_widths(const std::string& text, Shape& shape)
{
    std::vector<int> numbers;
    if (!parse_list(text, numbers) || numbers.size() != 3)
        return fail(PMX_ERR_ARGUMENT, "--widths {}: must be H,I,E (three whole numbers)", printable(text));
    shape.hidden = numbers[0];
    shape.intermediate = numbers[1];
    shape.experts = numbers[2];
    return {};
}

Status parse_tokens(const std::string& text, std::vector<int>& tokens_out)
{
    std::vector<int> numbers;
    if (!parse_list(text, numbers))
        return fail(PMX_ERR_ARGUMENT, "--tokens {}: must be N or N0,N1,... (whole numbers of 0 or more)",
                    printable(text));
    tokens_out = std::move(numbers);
    return {};
}

Status parse_expert_map(const std::string& text, std::vector<int32_t>& experts_out)
{
    std::vector<int> numbers;
    if (!parse_list(text, numbers, -1))
        return fail(PMX_ERR_ARGUMENT, "--expert-map {}: must be E0,E1,... (whole numbers of -1 or more)", printable(text));
    experts_out = std::move(numbers);
    return {};
}

Status tokens_of_ranks(const std::vector<int>& given, int n_ranks, std::vector<int>& tokens_out)
{
    if (given.size() != 1 && given.size() != static_cast<size_t>(n_ranks))
        return fail(PMX_ERR_ARGUMENT, "--tokens: a list of {} must be as long as there are ranks, {}",
                    given.size(), n_ranks);
    tokens_out = given.size() == 1 ? std::vector<int>(static_cast<size_t>(n_ranks), given[0]) : given;
    return {};
}

std::vector<int> divide_tokens(uint64_t total, int n_ranks)
{
    std::vector<int> tokens;
    const auto ranks = static_cast<uint64_t>(n_ranks);
    for (uint64_t rank = 0; rank < ranks; rank++)
        tokens.push_back(static_cast<int>(total / ranks + (rank < total % ranks ? 1 : 0)));
    return tokens;
}

Status parse_routing(const std::string& text, Routing& routing_out)
{
    constexpr std::string_view kZipf = "zipf:", kFile = "file:";
    Routing routing;
    if (text == "uniform") {
        routing.kind = RoutingKind::uniform;
    } else if (text.starts_with(kFile) && text.size() > kFile.size()) {
        routing.kind = RoutingKind::file;
        routing.path = text.substr(kFile.size());
    } else if (text.starts_with(kZipf) && parse_number(text.substr(kZipf.size()), routing.exponent) &&
               routing.exponent >= 0 && routing.exponent <= 10) {
        routing.kind = RoutingKind::zipf;
    } else {
        return fail(PMX_ERR_ARGUMENT, "--routing {}: must be uniform, zipf:A (A from 0 to 10) or file:PATH",
                    printable(text));
    }
    routing_out = routing;
    return {};
}

}  // namespace pmx::tools
