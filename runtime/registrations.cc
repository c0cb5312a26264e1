/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/registrations.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace pmx {

namespace {

size_t page_bytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

/* Whether all of it can be read and written, and changes nothing outside of this process. */
bool is_private(const char* ptr, size_t n_bytes)
{
    uintptr_t at = reinterpret_cast<uintptr_t>(ptr), begin = 0, end = 0;
    if (n_bytes > UINTPTR_MAX - at) return false;
    const uintptr_t last = at + n_bytes;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; at < last && std::getline(maps, line);) {
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &begin, &end, rights) != 3)
            return false;
        if (end <= at) continue;
        if (begin > at || std::strncmp(rights, "rw", 2) != 0 || rights[3] != 'p') return false;
        at = end;
    }
    return at >= last;
}

/* Whole pages, with what lies between variables: AddressSanitizer, which the program may have, would stop a memcpy there. */
__attribute__((no_sanitize("address"))) void copy_pages(void* to, const void* from, size_t n_bytes)
{
    volatile uint64_t* out = static_cast<uint64_t*>(to);
    const volatile uint64_t* in = static_cast<const uint64_t*>(from);
    for (size_t i = 0; i < n_bytes / sizeof(uint64_t); i++) out[i] = in[i];
}

}  // namespace

Status Registrations::check(const char* ptr, size_t n_bytes) const
{
    size_t page = page_bytes();
    if (n_bytes == 0 || n_bytes % page || reinterpret_cast<uintptr_t>(ptr) % page)
        return fail(PMX_ERR_ADDRESS, "register: {} with {} bytes is not a number of whole pages of {} bytes",
                    static_cast<const void*>(ptr), n_bytes, page);
    const char* heap = rt_.heap.base();
    auto overlaps = [&](const char* begin, size_t n) {
        return ptr < begin ? static_cast<size_t>(begin - ptr) < n_bytes
                           : static_cast<size_t>(ptr - begin) < n;
    };
    if (overlaps(heap, rt_.heap.n_bytes()) ||
        std::any_of(ranges_.begin(), ranges_.end(),
                    [&](const Range& r) { return overlaps(r.ptr, r.n_bytes); }))
        return fail(PMX_ERR_ADDRESS, "register: {} with {} bytes is symmetric already, at least in part",
                    static_cast<const void*>(ptr), n_bytes);
    if (!is_private(ptr, n_bytes))
        return fail(
            PMX_ERR_ADDRESS,
            "register: {} with {} bytes must be memory of this process alone that can be read and written",
            static_cast<const void*>(ptr), n_bytes);
    return {};
}

Status Registrations::add(void* ptr, size_t n_bytes, void*& ptr_sym_out)
{
    char* begin = static_cast<char*>(ptr);
    Status checked = check(begin, n_bytes);
    ranges_.reserve(ranges_.size() + 1);
    Status same =
        rt_.collectives->same(static_cast<uint64_t>(-checked.code()), "register: the outcome of the checks");
    if (!checked.ok()) return checked;
    PMX_TRY(same);
    void* copy = nullptr;
    PMX_TRY(heap_allocate(rt_, host_heap(rt_), page_bytes(), n_bytes, copy));
    uint64_t off = static_cast<uint64_t>(static_cast<char*>(copy) - rt_.heap.base());
    copy_pages(copy, begin, n_bytes);
    Status mapped = rt_.heap.map_again(off, n_bytes, begin);
    /* Also a barrier: nobody writes into the range before its owner has copied it. */
    same = rt_.collectives->same(static_cast<uint64_t>(-mapped.code()), "register: the outcome");
    if (mapped.ok() && same.ok()) {
        ranges_.push_back({begin, n_bytes, off});
        ptr_sym_out = copy;
        return {};
    }
    if (mapped.ok()) mapped = make_private({begin, n_bytes, off});
    if (mapped.ok()) rt_.allocator->free(off);
    return mapped.ok() ? same : mapped;
}

Status Registrations::make_private(const Range& range)
{
    void* pages = mmap(nullptr, range.n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool moved = pages != MAP_FAILED;
    if (moved) {
        copy_pages(pages, range.ptr, range.n_bytes);
        moved = mremap(pages, range.n_bytes, range.n_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, range.ptr) !=
                MAP_FAILED;
        if (!moved) munmap(pages, range.n_bytes);
    }
    if (moved) return {};
    return fail(PMX_ERR_MEMORY, "deregister: {} bytes: {}", range.n_bytes, std::strerror(errno));
}

Status Registrations::remove(void* ptr)
{
    auto it = std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.ptr == ptr; });
    uint64_t off = it == ranges_.end() ? UINT64_MAX : it->heap_off;
    PMX_TRY(rt_.collectives->same(off, "deregister: the memory"));
    if (it == ranges_.end()) return fail(PMX_ERR_ADDRESS, "deregister: {} is not registered", ptr);
    Status status = make_private(*it);
    /* The range stays taken where it is still in use, on all ranks, so that their heaps stay alike. */
    Status same = rt_.collectives->same(static_cast<uint64_t>(-status.code()), "deregister: the outcome");
    if (same.ok() && status.ok()) rt_.allocator->free(off);
    if (status.ok()) ranges_.erase(it);
    return status.ok() ? same : status;
}

}  // namespace pmx
