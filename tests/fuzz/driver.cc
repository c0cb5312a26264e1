/* SPDX-License-Identifier: BSD-3-Clause */
/* The main program of a fuzzer where there is no libFuzzer: PROGRAM N FILE... gives LLVMFuzzerTestOneInput
 * each file, then N inputs that are made from them, the same ones each time: bits turned, bytes put in, taken
 * out or repeated, numbers that overflow, and the front of one file with the end of another. An input that
 * ends the process is left in crash.PID in the current directory. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes);

namespace {

constexpr size_t kMostBytes = 4096;
using Bytes = std::vector<uint8_t>;
Bytes input; /* under test */

void on_crash(int number)
{
    char name[32];
    std::snprintf(name, sizeof name, "crash.%d", static_cast<int>(getpid()));
    int fd = open(name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = fd < 0 ? 0 : write(fd, input.data(), input.size());
    (void)n;
    signal(number, SIG_DFL);
    raise(number);
}

std::mt19937_64 random_bits(1);
size_t any(size_t n) { return n == 0 ? 0 : random_bits() % n; }

void mutate(Bytes& bytes, const std::vector<Bytes>& corpus)
{
    static const char* const kPieces[] = {"0",
                                          "-1",
                                          "18446744073709551615",
                                          "9223372036854775808",
                                          "{",
                                          "[",
                                          "\"",
                                          ":",
                                          ",",
                                          "=",
                                          "\xff\xff\xff\xff\xff\xff\xff\xff",
                                          "\n",
                                          "1e400",
                                          "k"};
    const size_t at = any(bytes.size() + 1), left = bytes.size() - at;
    const auto here = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (any(7)) {
        case 0:
            if (left) bytes[at] ^= static_cast<uint8_t>(1u << any(8));
            break;
        case 1:
            if (left) bytes[at] = static_cast<uint8_t>(any(256));
            break;
        case 2:
            bytes.insert(here, static_cast<uint8_t>(any(256)));
            break;
        case 3:
            bytes.erase(here, here + static_cast<std::ptrdiff_t>(any(std::min<size_t>(left, 16) + 1)));
            break;
        case 4: {
            const Bytes part(here, here + static_cast<std::ptrdiff_t>(any(std::min<size_t>(left, 64) + 1)));
            bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(any(bytes.size() + 1)), part.begin(),
                         part.end());
            break;
        }
        case 5: {
            const std::string piece = kPieces[any(std::size(kPieces))];
            bytes.insert(here, piece.begin(), piece.end());
            break;
        }
        default: {
            const Bytes& other = corpus[any(corpus.size())];
            bytes.resize(at);
            bytes.insert(bytes.end(), other.begin() + static_cast<std::ptrdiff_t>(any(other.size() + 1)),
                         other.end());
        }
    }
    if (bytes.size() > kMostBytes) bytes.resize(kMostBytes);
}

void run(Bytes bytes)
{
    input = std::move(bytes);
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

}  // namespace

int main(int argc, char** argv)
{
    if (argc < 3) return 99;
    for (int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) signal(number, on_crash);
    std::vector<Bytes> corpus;
    for (int i = 2; i < argc; i++) {
        std::ifstream file(argv[i], std::ios::binary);
        if (!file) return 99;
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        run(corpus.back());
    }
    const long n = std::atol(argv[1]);
    for (long i = 0; i < n; i++) {
        Bytes bytes = corpus[any(corpus.size())];
        for (size_t more = 1 + any(6); more > 0; more--) mutate(bytes, corpus);
        run(std::move(bytes));
    }
    std::printf("%zu files, %ld inputs\n", corpus.size(), n);
    return 0;
}
