/* SPDX-License-Identifier: BSD-3-Clause */
/* params.cc: the rows of params.def as a table, and the strict parser of their values. */
#include "runtime/params.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <iterator>
#include <span>
#include <vector>

#include "runtime/params_table.h"

namespace pmx {
namespace {

/* ---- Fields of struct Params, by row ---- */

template <typename T>
void store(T& field, const ParamValue& value)
{
    field = static_cast<T>(value.number);
}
void store(std::string& field, const ParamValue& value) { field = value.text; }

template <typename T>
ParamValue load(const T& field)
{
    return {static_cast<uint64_t>(field), {}};
}
ParamValue load(const std::string& field) { return {0, field}; }

/* What pmx_param_list says of each kind: pow2 is a count to the user. */
constexpr const char* type_name(ParamKind kind)
{
    constexpr const char* names[] = {"size", "time", "count", "count", "choice", "text", "flag"};
    return names[static_cast<int>(kind)];
}

const ParamRow kRows[] = {
#define PMX_PARAM(name, field, cpp_type, kind, default_text, range, help)         \
    {{#name, type_name(ParamKind::kind), default_text, range, help},              \
     ParamKind::kind,                                                             \
     [](Params& params, const ParamValue& value) { store(params.field, value); }, \
     [](const Params& params) { return load(params.field); }},
#include "runtime/params.def"
#undef PMX_PARAM
};

/* ---- Values with units ---- */

struct Unit {
    std::string_view suffix;
    uint64_t factor;
};
/* In growing order; write_scaled() takes the last that divides. */
constexpr Unit kSizeUnits[] = {
    {"", 1}, {"k", 1ull << 10}, {"m", 1ull << 20}, {"g", 1ull << 30}, {"t", 1ull << 40}};
constexpr Unit kTimeUnits[] = {{"ns", 1}, {"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
constexpr Unit kCountUnits[] = {{"", 1}};
constexpr std::string_view kFlagTexts[] = {"off", "on", "0", "1", "no", "yes", "false", "true"};

std::span<const Unit> units_of(ParamKind kind)
{
    if (kind == ParamKind::size) return kSizeUnits;
    if (kind == ParamKind::time) return kTimeUnits;
    return kCountUnits;
}

/* Digits and a unit, nothing else. false: not of that form, or above 2^64 - 1. */
bool parse_scaled(std::string_view text, ParamKind kind, uint64_t& number_out)
{
    uint64_t number = 0;
    const char* end = text.data() + text.size();
    const auto digits = std::from_chars(text.data(), end, number);
    if (digits.ec != std::errc()) return false;
    std::string suffix(digits.ptr, end);
    if (kind == ParamKind::size && suffix.size() == 1) suffix[0] |= 0x20; /* K, M, G, T are meant well */
    for (const Unit& unit : units_of(kind)) {
        if (suffix != unit.suffix) continue;
        return !__builtin_mul_overflow(number, unit.factor, &number_out);
    }
    return false;
}

std::string write_scaled(uint64_t number, ParamKind kind)
{
    const auto units = units_of(kind);
    const Unit* best = &units.front();
    for (const Unit& unit : units) {
        if (number != 0 && number % unit.factor == 0) best = &unit;
    }
    return fmt::format("{}{}", number / best->factor, best->suffix);
}

/* ---- Range texts ---- */

/* "MIN..MAX", perhaps with words behind. The test of all rows proves that none fails. */
bool in_range(std::string_view range, ParamKind kind, uint64_t number)
{
    const size_t dots = range.find("..");
    if (dots == std::string_view::npos) return false;
    const size_t end = range.find_first_of(", ", dots);
    const size_t max_length = end == std::string_view::npos ? end : end - dots - 2;
    uint64_t min = 0, max = 0;
    if (!parse_scaled(range.substr(0, dots), kind, min)) return false;
    if (!parse_scaled(range.substr(dots + 2, max_length), kind, max)) return false;
    return number >= min && number <= max;
}

std::vector<std::string_view> choices_of(std::string_view range)
{
    std::vector<std::string_view> choices;
    for (size_t bar; (bar = range.find('|')) != std::string_view::npos; range.remove_prefix(bar + 1)) {
        choices.push_back(range.substr(0, bar));
    }
    choices.push_back(range);
    return choices;
}

/* ---- One value ---- */

bool parse_value(const ParamRow& row, std::string_view text, ParamValue& value_out)
{
    switch (row.kind) {
        case ParamKind::size:
        case ParamKind::time:
        case ParamKind::count:
        case ParamKind::pow2:
            if (!parse_scaled(text, row.kind, value_out.number)) return false;
            if (row.kind == ParamKind::pow2 && !std::has_single_bit(value_out.number)) return false;
            return in_range(row.info.range, row.kind, value_out.number);
        case ParamKind::choice: {
            const auto choices = choices_of(row.info.range);
            const auto hit = std::find(choices.begin(), choices.end(), text);
            value_out.number = hit - choices.begin();
            return hit != choices.end();
        }
        case ParamKind::text:
            if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; }))
                return false;
            value_out.text = text;
            return in_range(row.info.range, ParamKind::count, text.size());
        case ParamKind::flag: {
            const auto hit = std::find(std::begin(kFlagTexts), std::end(kFlagTexts), text);
            value_out.number = (hit - kFlagTexts) % 2;
            return hit != std::end(kFlagTexts);
        }
    }
    return false;
}

std::string write_value(const ParamRow& row, const ParamValue& value)
{
    switch (row.kind) {
        case ParamKind::size:
        case ParamKind::time:
        case ParamKind::count:
        case ParamKind::pow2:
            return write_scaled(value.number, row.kind);
        case ParamKind::choice:
            return std::string(choices_of(row.info.range).at(value.number));
        case ParamKind::text:
            return value.text;
        case ParamKind::flag:
            return value.number != 0 ? "on" : "off";
    }
    return {};
}

std::string rule_of(const ParamRow& row)
{
    switch (row.kind) {
        case ParamKind::size:
            return fmt::format("a size (k, m, g, t) in {}", row.info.range);
        case ParamKind::time:
            return fmt::format("a time with its unit (ns, us, ms, s) in {}", row.info.range);
        case ParamKind::count:
        case ParamKind::pow2:
            return fmt::format("a whole number in {}", row.info.range);
        case ParamKind::choice:
            return fmt::format("one of {}", row.info.range);
        case ParamKind::text:
            return fmt::format("{} without blanks", row.info.range);
        case ParamKind::flag:
            return "one of on|off|1|0|yes|no|true|false";
    }
    return {};
}

}  // namespace

/* ---- The table ---- */

std::span<const ParamRow> param_rows() { return kRows; }

const ParamRow* find_param(std::string_view name)
{
    for (const ParamRow& row : kRows) {
        if (name == row.info.name) return &row;
    }
    return nullptr;
}

const ParamInfo* param_info(int index)
{
    return index >= 0 && index < static_cast<int>(std::size(kRows)) ? &kRows[index].info : nullptr;
}

Params::Params()
{
    for (const ParamRow& row : kRows) {
        ParamValue value;
        if (parse_value(row, row.info.default_text, value)) row.store(*this, value);
    }
}

Status param_parse_row(const ParamRow& row, std::string_view text, Params& params)
{
    ParamValue value;
    if (!parse_value(row, text, value)) {
        const std::string_view seen = text.substr(0, 64);
        return fail(PMX_ERR_PARAM, "PMX_{}=\"{}\": must be {}", row.info.name, seen, rule_of(row));
    }
    row.store(params, value);
    return {};
}

Status param_parse(std::string_view name, std::string_view text, Params& params)
{
    const ParamRow* row = find_param(name);
    return row != nullptr ? param_parse_row(*row, text, params) : unknown_param(name);
}

std::string param_text(std::string_view name, const Params& params)
{
    const ParamRow* row = find_param(name);
    return row != nullptr ? write_value(*row, row->load(params)) : std::string();
}

/* ---- The manual page ---- */

/* "-" would become a hyphen, which nobody can paste into a shell. */
static std::string roff_text(std::string_view text)
{
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        const bool sentence_ends = text[i] == ' ' && i > 0 && text[i - 1] == '.';
        if (text[i] == '-' || text[i] == '\\') out += '\\';
        out += sentence_ends ? '\n' : text[i];
    }
    return out;
}

std::string params_roff()
{
    std::string out;
    for (const ParamRow& row : kRows) {
        out += fmt::format(".TP\n\\fBPMX_{}\\fR (\\fI{}\\fR: {})\n{}\nDefault: \\fB{}\\fR.\n", row.info.name,
                           row.info.type, roff_text(row.info.range), roff_text(row.info.help),
                           roff_text(row.info.default_text));
    }
    return out;
}

}  // namespace pmx
