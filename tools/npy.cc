/* SPDX-License-Identifier: BSD-3-Clause */
/* npy.cc: the .npy header is a Python dict literal; the parser here knows just what NumPy writes. */
#include "npy.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>
#include <vector>

#include "numeric.h"
#include "strict_json.h"

namespace pmx::tools {

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

struct TypeRow {
    const char* descr;
    NpyType type;
    uint64_t n_bytes;
};
constexpr std::array<TypeRow, 4> kTypes = {
    {{"<f4", NpyType::f4, 4}, {"<u2", NpyType::u2, 2}, {"<i4", NpyType::i4, 4}, {"<i8", NpyType::i8, 8}}};

struct Header {
    std::string descr;
    std::string order;
    std::vector<uint64_t> shape;
};

/* {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and spaces and a newline after it. */
class HeaderParser {
public:
    explicit HeaderParser(std::string_view text) : left_(text) {}

    bool parse(Header& header)
    {
        bool has_descr = false, has_order = false, has_shape = false;
        if (!eat('{')) return false;
        while (!eat('}')) {
            std::string key;
            if (!quoted(key) || !eat(':')) return false;
            bool* seen = key == "descr" ? &has_descr : key == "fortran_order" ? &has_order : &has_shape;
            if (*seen || (seen == &has_shape && key != "shape")) return false;
            *seen = true;
            if (seen == &has_descr   ? !quoted(header.descr)
                : seen == &has_order ? !word(header.order)
                                     : !tuple(header.shape))
                return false;
            if (!eat(',') && !(peek() == '}')) return false;
        }
        skip();
        return left_.empty() && has_descr && has_order && has_shape;
    }

private:
    void skip() { left_.remove_prefix(std::min(left_.find_first_not_of(" \n"), left_.size())); }
    char peek()
    {
        skip();
        return left_.empty() ? '\0' : left_.front();
    }
    bool eat(char c)
    {
        if (peek() != c) return false;
        left_.remove_prefix(1);
        return true;
    }
    bool quoted(std::string& text)
    {
        const char quote = peek();
        if (quote != '\'' && quote != '"') return false;
        const auto end = left_.find(quote, 1);
        if (end == std::string_view::npos) return false;
        text = left_.substr(1, end - 1);
        left_.remove_prefix(end + 1);
        return true;
    }
    bool word(std::string& text)
    {
        skip();
        const auto n = std::min(left_.find_first_of(" ,}\n"), left_.size());
        text = left_.substr(0, n);
        left_.remove_prefix(n);
        return text == "True" || text == "False";
    }
    bool tuple(std::vector<uint64_t>& numbers)
    {
        if (!eat('(')) return false;
        while (!eat(')')) {
            skip();
            uint64_t number = 0;
            const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), number);
            if (error != std::errc() || numbers.size() == 32) return false;
            left_.remove_prefix(static_cast<size_t>(end - left_.data()));
            numbers.push_back(number);
            if (!eat(',') && peek() != ')') return false;
        }
        return true;
    }

    std::string_view left_;
};

/* The header text and where the data begins. */
Status find_header(const MappedFile& file, std::string_view& text_out, size_t& data_off_out)
{
    const std::string_view all(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    if (all.size() < 10 || all.substr(0, 6) != kMagic)
        return fail(PMX_ERR_ARGUMENT, "{}: is not a .npy file (it must begin with \\x93NUMPY)", file.path());
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(all[i])); };
    if (byte(6) < 1 || byte(6) > 3 || byte(7) != 0)
        return fail(PMX_ERR_ARGUMENT, "{}: format version {}.{} must be 1.0, 2.0 or 3.0", file.path(),
                    byte(6), byte(7));
    const size_t prefix = byte(6) == 1 ? 10 : 12;
    size_t n = all.size() >= prefix ? byte(8) | byte(9) << 8 : 0;
    if (prefix == 12 && all.size() >= prefix) n |= byte(10) << 16 | byte(11) << 24;
    if (all.size() < prefix || n > all.size() - prefix || n > 65535)
        return fail(PMX_ERR_ARGUMENT,
                    "{}: header length {} must be at most 65535 and fit the file of {} bytes", file.path(), n,
                    all.size());
    text_out = all.substr(prefix, n);
    data_off_out = prefix + n;
    return {};
}

}  // namespace

Status open_npy(const std::string& path, Npy& npy_out)
{
    Npy npy;
    PMX_TRY(MappedFile::open(path, npy.file));
    std::string_view text;
    size_t data_off = 0;
    PMX_TRY(find_header(*npy.file, text, data_off));
    Header header;
    if (!HeaderParser(text).parse(header))
        return fail(PMX_ERR_ARGUMENT,
                    "{}: the header must be a dict of descr, fortran_order and shape, not {}", path,
                    printable(text));
    const auto type = std::find_if(kTypes.begin(), kTypes.end(),
                                   [&](const TypeRow& row) { return header.descr == row.descr; });
    if (type == kTypes.end())
        return fail(PMX_ERR_ARGUMENT, "{}: type '{}' must be '<f4', '<u2' (bits of bf16), '<i4' or '<i8'",
                    path, printable(header.descr));
    if (header.order != "False")
        return fail(PMX_ERR_ARGUMENT, "{}: fortran_order {} must be False", path, header.order);
    if (header.shape.size() != 2)
        return fail(PMX_ERR_ARGUMENT, "{}: {} dimensions must be 2", path, header.shape.size());
    npy.type = type->type;
    npy.rows = header.shape[0];
    npy.cols = header.shape[1];
    npy.data = npy.file->bytes().data() + data_off;
    uint64_t n_bytes = 0;
    const uint64_t there = npy.file->bytes().size() - data_off;
    if (!multiply(npy.rows, npy.cols, n_bytes) || !multiply(n_bytes, type->n_bytes, n_bytes) ||
        n_bytes != there)
        return fail(PMX_ERR_ARGUMENT,
                    "{}: shape ({}, {}) of '{}' does not take the {} data bytes of the file", path, npy.rows,
                    npy.cols, header.descr, there);
    npy_out = std::move(npy);
    return {};
}

NpyWriter::~NpyWriter()
{
    if (fd_ >= 0) ::close(fd_);
}

Status NpyWriter::open(const std::string& path, uint64_t rows, uint64_t cols)
{
    path_ = path;
    fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) return fail(PMX_ERR_ARGUMENT, "{}: cannot be written: {}", path, std::strerror(errno));
    std::string dict =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, cols);
    /* The data begins at a multiple of 64, as NumPy has it. */
    dict.append(63 - (10 + dict.size()) % 64, ' ');
    dict += '\n';
    std::string header(kMagic);
    header += {'\1', '\0', static_cast<char>(dict.size() & 0xff), static_cast<char>(dict.size() >> 8)};
    header += dict;
    header_bytes_ = header.size();
    return write_bytes(header.data(), header.size(), 0);
}

Status NpyWriter::write(uint64_t first, const float* values, size_t n_elems)
{
    return write_bytes(values, n_elems * sizeof(float), header_bytes_ + first * sizeof(float));
}

Status NpyWriter::close()
{
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0)
        return fail(PMX_ERR_SYSTEM, "{}: cannot be written: {}", path_, std::strerror(errno));
    return {};
}

Status NpyWriter::write_bytes(const void* data, size_t n_bytes, uint64_t file_off)
{
    const auto* bytes = static_cast<const char*>(data);
    while (n_bytes > 0) {
        const ssize_t n = pwrite(fd_, bytes, n_bytes, static_cast<off_t>(file_off));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(PMX_ERR_SYSTEM, "{}: cannot be written: {}", path_, std::strerror(errno));
        bytes += n;
        n_bytes -= static_cast<size_t>(n);
        file_off += static_cast<uint64_t>(n);
    }
    return {};
}

}  // namespace pmx::tools
