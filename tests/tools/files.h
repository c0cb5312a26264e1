/* SPDX-License-Identifier: BSD-3-Clause */
/* files.h: files that the tests of the readers write, good ones and bad ones. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pmx::tools::test {

/* A directory of this process, removed at the end. */
class Scratch {
public:
    Scratch()
    {
        std::string name = (std::filesystem::temp_directory_path() / "pmx-tools-XXXXXX").string();
        if (!mkdtemp(name.data())) std::exit(99);
        path_ = name;
    }
    ~Scratch() { std::filesystem::remove_all(path_); }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

/* That of the whole program. */
inline Scratch& scratch()
{
    static Scratch directory;
    return directory;
}

inline std::string write_file(const std::string& path, const std::string& bytes)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) std::exit(99);
    return path;
}

inline std::string little_endian(uint64_t value, int n_bytes)
{
    std::string bytes;
    for (int i = 0; i < n_bytes; i++) bytes += static_cast<char>(value >> 8 * i & 0xff);
    return bytes;
}

/* A safetensors file of this header and data. */
inline std::string safetensors(const std::string& header, const std::string& data)
{
    return little_endian(header.size(), 8) + header + data;
}

/* A .npy file, version 1.0, of this dict and data. */
inline std::string npy(const std::string& dict, const std::string& data)
{
    return std::string("\x93NUMPY\x01\x00", 8) + little_endian(dict.size(), 2) + dict + data;
}

/* Puts tensors together to one safetensors file. */
class TensorFile {
public:
    void add(const std::string& name, const std::string& dtype, const std::string& shape,
             const std::string& data)
    {
        header_ +=
            (header_.empty() ? "" : ",") +
            ("\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
             std::to_string(data_.size()) + "," + std::to_string(data_.size() + data.size()) + "]}");
        data_ += data;
    }
    /* The data begin at a multiple of 8 and shift more, as the writer of Hugging Face has them with 0. */
    std::string bytes(size_t shift = 0) const
    {
        const size_t n_bytes = header_.size() + 2, spaces = (8 - n_bytes % 8) % 8 + shift;
        return safetensors("{" + header_ + "}" + std::string(spaces, ' '), data_);
    }

private:
    std::string header_, data_;
};

}  // namespace pmx::tools::test
