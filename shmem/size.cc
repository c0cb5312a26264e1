/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/size.h"

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace pmx::shmem {

bool parse_size(const char* text, uint64_t& n_bytes_out)
{
    /* strtod would also take signs, blanks, hexadecimal numbers and infinity. */
    size_t n_digits = std::strspn(text, "0123456789.");
    if (n_digits == 0 || std::strspn(text, ".") == n_digits) return false;
    char* end = nullptr;
    double number = std::strtod(text, &end);
    if (end != text + n_digits) return false;
    static const char suffixes[] = "kmgt";
    if (*end) {
        const char* suffix = std::strchr(suffixes, std::tolower(static_cast<unsigned char>(*end)));
        if (!suffix || end[1]) return false;
        number = std::ldexp(number, 10 * static_cast<int>(suffix - suffixes + 1));
    }
    if (!(number > 0) || number > 0x1p62) return false;
    n_bytes_out = static_cast<uint64_t>(std::ceil(number));
    return true;
}

}  // namespace pmx::shmem
