/* SPDX-License-Identifier: BSD-3-Clause */
/* mapped_file.h: a regular file, mapped read-only. */
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "status.h"

namespace pmx::tools {

class MappedFile {
public:
    /* PMX_ERR_ARGUMENT, naming the file: it is not there, not readable or not a regular file. */
    static Status open(const std::string& path, std::shared_ptr<const MappedFile>& file_out);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    const std::string& path() const { return path_; }
    /* The whole file. A file that another process cuts while it is mapped ends this one by SIGBUS. */
    std::span<const std::byte> bytes() const { return {base_, n_bytes_}; }
    /* Reads the range in ahead of its use. data lies in bytes(). */
    void will_need(const void* data, size_t n_bytes) const;

private:
    MappedFile(std::string path, const std::byte* base, size_t n_bytes);

    std::string path_;
    const std::byte* base_;
    size_t n_bytes_;
};

}  // namespace pmx::tools
