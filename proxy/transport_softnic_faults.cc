/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_softnic_faults.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <iterator>

namespace pmx {

namespace {

/* One kind of fault: NAME=FIRST or NAME=FIRST:SECOND. */
struct Kind {
    std::string_view name;
    uint32_t first_min, first_max;
    uint32_t second_min, second_max; /* second_max 0: there is no second */
    void (*set)(SoftNicFaults& faults, uint32_t first, uint32_t second);
};

constexpr uint32_t kGiga = 1000000000, kMega = 1000000, kMaxRank = (1u << 20) - 1;

const Kind kKinds[] = {
    {"drop", 1, kGiga, 0, 0, [](SoftNicFaults& f, uint32_t n, uint32_t) { f.drop_one_of = n; }},
    {"late", 1, kGiga, 1, kMega,
     [](SoftNicFaults& f, uint32_t n, uint32_t us) {
         f.late_one_of = n;
         f.late_us = us;
     }},
    {"again", 1, kGiga, 1, kMega,
     [](SoftNicFaults& f, uint32_t n, uint32_t m) {
         f.again_one_of = n;
         f.again_posts = m;
     }},
    {"dead", 0, kMaxRank, 0, kGiga,
     [](SoftNicFaults& f, uint32_t rank, uint32_t n) {
         f.dead_rank = static_cast<int>(rank);
         f.dead_after = n;
     }},
    {"silent", 0, kMaxRank, 0, kGiga,
     [](SoftNicFaults& f, uint32_t rank, uint32_t n) {
         f.silent_rank = static_cast<int>(rank);
         f.silent_after = n;
     }},
    {"loss", 1, kGiga, 1, kMega,
     [](SoftNicFaults& f, uint32_t n, uint32_t us) {
         f.loss_one_of = n;
         f.loss_us = us;
     }},
    {"corrupt", 1, kGiga, 0, 0, [](SoftNicFaults& f, uint32_t n, uint32_t) { f.corrupt_one_of = n; }},
    {"miss", 1, kGiga, 0, 0, [](SoftNicFaults& f, uint32_t n, uint32_t) { f.miss_one_of = n; }},
    {"cut", 0, kMaxRank, 1, kMega,
     [](SoftNicFaults& f, uint32_t rank, uint32_t us) {
         f.cut_rank = static_cast<int>(rank);
         f.cut_us = us;
     }},
};

/* Digits only, within the range. */
bool parse_number(std::string_view text, uint32_t min, uint32_t max, uint32_t& number_out)
{
    const char* end = text.data() + text.size();
    uint32_t number = 0;
    auto [last, error] = std::from_chars(text.data(), end, number);
    if (error != std::errc() || last != end || number < min || number > max) return false;
    number_out = number;
    return true;
}

std::string rule_of(const Kind& kind)
{
    std::string rule = fmt::format("{}=N with N in {}..{}", kind.name, kind.first_min, kind.first_max);
    if (kind.second_max != 0)
        rule = fmt::format("{}=N:M with N in {}..{}, M in {}..{}", kind.name, kind.first_min, kind.first_max,
                           kind.second_min, kind.second_max);
    return rule;
}

Status parse_part(std::string_view part, SoftNicFaults& faults, unsigned& seen)
{
    size_t equals = part.find('=');
    std::string_view name = part.substr(0, equals);
    auto kind = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == name; });
    if (kind == std::end(kKinds) || equals == std::string_view::npos)
        return fail(PMX_ERR_PARAM,
                    "PMX_SOFTNIC_FAULTS: \"{}\": must be none, or drop=N, late=N:US, again=N:M, dead=R:N, "
                    "silent=R:N, loss=N:US, corrupt=N, miss=N, cut=R:US",
                    part.substr(0, 64));
    unsigned bit = 1u << (kind - std::begin(kKinds));
    if (seen & bit) return fail(PMX_ERR_PARAM, "PMX_SOFTNIC_FAULTS: \"{}\" stands twice: once is allowed", name);
    seen |= bit;
    std::string_view value = part.substr(equals + 1), second = "0";
    size_t colon = value.find(':');
    bool well_formed = (colon != std::string_view::npos) == (kind->second_max != 0);
    if (colon != std::string_view::npos) second = value.substr(colon + 1);
    uint32_t a = 0, b = 0;
    if (!well_formed || !parse_number(value.substr(0, colon), kind->first_min, kind->first_max, a) ||
        !parse_number(second, kind->second_min, kind->second_max, b))
        return fail(PMX_ERR_PARAM, "PMX_SOFTNIC_FAULTS: \"{}\": must be {}", part.substr(0, 64), rule_of(*kind));
    kind->set(faults, a, b);
    return {};
}

}  // namespace

Status softnic_parse_faults(std::string_view text, SoftNicFaults& faults_out)
{
    SoftNicFaults faults;
    unsigned seen = 0;
    if (text != "none") {
        for (size_t begin = 0;;) {
            size_t comma = text.find(',', begin);
            PMX_TRY(parse_part(text.substr(begin, comma - begin), faults, seen));
            if (comma == std::string_view::npos) break;
            begin = comma + 1;
        }
    }
    faults_out = faults;
    return {};
}

Status softnic_open_switch(const std::string& path, std::shared_ptr<const char>& on_out)
{
    int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(PMX_ERR_PARAM, "PMX_SOFTNIC_SWITCH: {}: {}", path, std::strerror(errno));
    struct stat file = {};
    bool readable = fstat(fd, &file) == 0 && S_ISREG(file.st_mode) && file.st_size > 0;
    void* at = readable ? mmap(nullptr, 1, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    close(fd);
    if (at == MAP_FAILED)
        return fail(PMX_ERR_PARAM, "PMX_SOFTNIC_SWITCH: {}: must be a file of at least one character", path);
    on_out = std::shared_ptr<const char>(static_cast<const char*>(at), [](const char* p) { munmap(const_cast<char*>(p), 1); });
    return {};
}

}  // namespace pmx
