/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_shm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace pmx {

namespace {

struct Address {
    uint64_t n_bytes;
    uint64_t nonce;
    int32_t pid;
    int32_t fd;
};

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

size_t with_nonce_page(size_t n_bytes)
{
    size_t page = page_bytes();
    return (n_bytes + page - 1) / page * page + page;
}

Status system_failure(const char* call, size_t n_bytes)
{
    return fail(PMX_ERR_SYSTEM, "heap of {} bytes: {}: {}", n_bytes, call, std::strerror(errno));
}

}  // namespace

ShmSegment::~ShmSegment()
{
    if (base_) munmap(base_, mapped_bytes_);
    if (fd_ >= 0) close(fd_);
}

ShmSegment::ShmSegment(ShmSegment&& other) noexcept { *this = std::move(other); }

ShmSegment& ShmSegment::operator=(ShmSegment&& other) noexcept
{
    std::swap(base_, other.base_);
    std::swap(n_bytes_, other.n_bytes_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(nonce_, other.nonce_);
    std::swap(pid_, other.pid_);
    std::swap(fd_, other.fd_);
    return *this;
}

Status ShmSegment::create(size_t n_bytes, ShmSegment& segment_out)
{
    ShmSegment segment;
    segment.n_bytes_ = n_bytes;
    segment.mapped_bytes_ = with_nonce_page(n_bytes);
    segment.pid_ = getpid();
    segment.fd_ = memfd_create("pmx-heap", MFD_CLOEXEC);
    if (segment.fd_ < 0) return system_failure("memfd_create", n_bytes);
    if (ftruncate(segment.fd_, static_cast<off_t>(segment.mapped_bytes_)) != 0)
        return system_failure("ftruncate", n_bytes);
    void* base = mmap(nullptr, segment.mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, segment.fd_, 0);
    if (base == MAP_FAILED) return system_failure("mmap", n_bytes);
    segment.base_ = base;
    if (getrandom(&segment.nonce_, sizeof segment.nonce_, 0) != sizeof segment.nonce_)
        return system_failure("getrandom", n_bytes);
    std::memcpy(segment.base() + segment.mapped_bytes_ - page_bytes(), &segment.nonce_, sizeof segment.nonce_);
    segment_out = std::move(segment);
    return {};
}

Status ShmSegment::map_again(size_t off, size_t n_bytes, void* at) const
{
    void* mapped = mmap(at, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd_, static_cast<off_t>(off));
    return mapped == at ? Status() : system_failure("mmap of registered memory", n_bytes);
}

std::vector<std::byte> ShmSegment::address() const
{
    Address address = {n_bytes_, nonce_, pid_, fd_};
    std::vector<std::byte> blob(sizeof address);
    std::memcpy(blob.data(), &address, sizeof address);
    return blob;
}

Status ShmSegment::attach(std::span<const std::byte> blob, ShmSegment& segment_out)
{
    Address address;
    if (blob.size() != sizeof address)
        return fail(PMX_ERR_INTERNAL, "segment address of {} bytes, must be {}", blob.size(), sizeof address);
    std::memcpy(&address, blob.data(), sizeof address);
    std::string path = fmt::format("/proc/{}/fd/{}", address.pid, address.fd);
    int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return fail(PMX_ERR_SYSTEM, "{}: {}", path, std::strerror(errno));

    ShmSegment segment;
    segment.n_bytes_ = address.n_bytes;
    segment.mapped_bytes_ = with_nonce_page(address.n_bytes);
    segment.pid_ = address.pid;
    struct stat file = {};
    bool same_size = fstat(fd, &file) == 0 && static_cast<size_t>(file.st_size) == segment.mapped_bytes_;
    void* base = MAP_FAILED;
    if (same_size) base = mmap(nullptr, segment.mapped_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (!same_size) return fail(PMX_ERR_SYSTEM, "{} is not the heap of that rank: its size differs", path);
    if (base == MAP_FAILED) return system_failure("mmap of a peer", address.n_bytes);
    segment.base_ = base;
    std::memcpy(&segment.nonce_, segment.base() + segment.mapped_bytes_ - page_bytes(), sizeof segment.nonce_);
    if (segment.nonce_ != address.nonce)
        return fail(PMX_ERR_SYSTEM, "{} is not the heap of that rank: its nonce differs", path);
    segment_out = std::move(segment);
    return {};
}

}  // namespace pmx
