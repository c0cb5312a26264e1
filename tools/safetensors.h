/* SPDX-License-Identifier: BSD-3-Clause */
/* safetensors.h: reads one .safetensors file: an 8-byte little-endian length, that many bytes of JSON, and
 * the data. Everything is checked on opening, so that a tensor handed out lies in the file. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mapped_file.h"
#include "status.h"

namespace pmx::tools {

/* The longest header that is read, as in the reference implementation of the format. */
inline constexpr uint64_t kSafetensorsMaxHeaderBytes = 100'000'000;

struct Tensor {
    std::string dtype; /* "BF16", "F32", ... */
    std::vector<uint64_t> shape;
    const std::byte* data = nullptr; /* in the mapping; alignment as the file has it */
    size_t n_bytes = 0;
};

class Safetensors {
public:
    /* PMX_ERR_ARGUMENT, naming file, value and rule, unless: the header fits the file and is a JSON object
     * without duplicate keys; each tensor has a known dtype, a shape whose product does not overflow and
     * offsets of that many bytes; together they cover the data without overlap or gap. */
    static Status open(const std::string& path, Safetensors& file_out);

    /* nullptr: there is none of this name. */
    const Tensor* find(const std::string& name) const;
    size_t n_tensors() const { return tensors_.size(); }
    const MappedFile& file() const { return *file_; }

private:
    Status read_header();
    Status check_cover(size_t data_bytes) const;

    std::shared_ptr<const MappedFile> file_;
    std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace pmx::tools
