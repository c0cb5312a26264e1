/* SPDX-License-Identifier: BSD-3-Clause */
/* mapped_file.cc: open, check, map, and let go again. */
#include "mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace pmx::tools {

MappedFile::MappedFile(std::string path, const std::byte* base, size_t n_bytes)
    : path_(std::move(path)), base_(base), n_bytes_(n_bytes)
{
}

MappedFile::~MappedFile()
{
    if (n_bytes_ > 0) munmap(const_cast<std::byte*>(base_), n_bytes_);
}

Status MappedFile::open(const std::string& path, std::shared_ptr<const MappedFile>& file_out)
{
    /* O_NONBLOCK: a pipe given by mistake must not hold the program up. */
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return fail(PMX_ERR_ARGUMENT, "{}: cannot be opened: {}", path, std::strerror(errno));
    struct stat info = {};
    const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    const auto n_bytes = regular ? static_cast<size_t>(info.st_size) : 0;
    void* base = nullptr;
    if (n_bytes > 0) base = mmap(nullptr, n_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    const int map_errno = errno;
    close(fd);
    if (!regular) return fail(PMX_ERR_ARGUMENT, "{}: is not a regular file", path);
    if (base == MAP_FAILED)
        return fail(PMX_ERR_SYSTEM, "{}: cannot be mapped: {}", path, std::strerror(map_errno));
    file_out.reset(new MappedFile(path, static_cast<const std::byte*>(base), n_bytes));
    return {};
}

void MappedFile::will_need(const void* data, size_t n_bytes) const
{
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto first = reinterpret_cast<uintptr_t>(data) / page * page;
    const auto end = reinterpret_cast<uintptr_t>(data) + n_bytes;
    /* Advice only: a failure costs time, never correctness. */
    (void)madvise(reinterpret_cast<void*>(first), end - first, MADV_WILLNEED);
}

}  // namespace pmx::tools
