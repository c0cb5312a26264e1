/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of pmx_moe: an input is its arguments, a line each. A bad one is refused in one line. */
#include <vector>

#include "expect.h"
#include "tools/moe_options.h"

using namespace pmx::tools;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    std::vector<std::string> lines = {"pmx_moe"};
    std::string text(reinterpret_cast<const char*>(data), n_bytes);
    for (size_t begin = 0; begin < text.size();) {
        size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin).c_str()); /* as a caller's: no NUL in it */
        begin = end + 1;
    }
    std::vector<char*> argv;
    for (std::string& line : lines) argv.push_back(line.data());
    argv.push_back(nullptr);
    MoeOptions options;
    std::string out;
    pmx::Status status = parse_moe_options(static_cast<int>(lines.size()), argv.data(), options, out);
    if (!status.ok()) EXPECT(status.code() == PMX_ERR_ARGUMENT && !status.detail().empty());
    return 0;
}
