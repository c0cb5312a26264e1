/* SPDX-License-Identifier: BSD-3-Clause */
/* shape.cc: the table of model shapes, and the parsers. */
#include "shape.h"

#include <array>
#include <string_view>

#include "numeric.h"
#include "strict_json.h"

namespace pmx::tools {

namespace {

struct Preset {
    const char* name;
    int hidden, intermediate, experts, top_k;
    bool renormalise;
    const char* only_widths;
};

/* Routed experts of one layer, from the config.json of each model. Mixtral's softmax over the chosen two
 * is the same as renormalised softmax values. */
constexpr std::array<Preset, 6> kPresets = {{
    {"qwen3-30b-a3b", 2048, 768, 128, 8, true, ""},
    {"gpt-oss-120b", 2880, 2880, 128, 4, true, "expert biases and clamped SwiGLU"},
    {"deepseek-v3", 7168, 2048, 256, 8, true, "sigmoid router in groups with correction bias, shared expert"},
    {"olmoe", 2048, 1024, 64, 8, false, ""},
    {"mixtral-8x7b", 4096, 14336, 8, 2, true, ""},
    {"llama4-scout", 5120, 8192, 16, 1, true, "sigmoid weight on the input, shared expert"},
}};

bool parse_list(std::string_view text, std::vector<int>& numbers)
{
    for (;;) {
        const auto comma = text.find(',');
        int number = 0;
        if (!parse_number(text.substr(0, comma), number) || number < 0) return false;
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

Status parse_shape(const std::string& text, Shape& shape_out)
{
    for (const Preset& preset : kPresets) {
        if (text != preset.name) continue;
        shape_out = {preset.name,  preset.hidden,      preset.intermediate, preset.experts,
                     preset.top_k, preset.renormalise, preset.only_widths};
        return {};
    }
    std::vector<int> numbers;
    if (!parse_list(text, numbers) || numbers.size() != 4)
        return fail(PMX_ERR_ARGUMENT, "--shape {}: must be {} (four whole numbers)", printable(text),
                    shape_choices());
    shape_out = {text, numbers[0], numbers[1], numbers[2], numbers[3], true, ""};
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
