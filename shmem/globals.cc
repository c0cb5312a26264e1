/* SPDX-License-Identifier: BSD-3-Clause */
#include "shmem/globals.h"

#include <link.h>
#include <unistd.h>

#include <algorithm>

#include "pmx_job.h"

namespace pmx::shmem {

namespace {

struct Range {
    uintptr_t begin, end;
};

struct Found {
    std::vector<Range> writable;
    uint64_t layout;
};

/* FNV-1a. */
void mix(uint64_t& hash, const void* bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++)
        hash = (hash ^ static_cast<const unsigned char*>(bytes)[i]) * 0x100000001b3u;
}

/* The executable is what the loader names first. */
int look_at_executable(dl_phdr_info* info, size_t, void* arg)
{
    Found& found = *static_cast<Found*>(arg);
    const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    uintptr_t relro_begin = 0, relro_end = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr)& part = info->dlpi_phdr[i];
        const uintptr_t begin = info->dlpi_addr + part.p_vaddr;
        mix(found.layout, &part, sizeof part);
        /* Notes have the number by which the linker tells builds apart. */
        if (part.p_type == PT_NOTE) mix(found.layout, reinterpret_cast<const void*>(begin), part.p_memsz);
        if (part.p_type == PT_LOAD && (part.p_flags & PF_W)) found.writable.push_back({begin, begin + part.p_memsz});
        if (part.p_type == PT_GNU_RELRO) relro_begin = begin, relro_end = begin + part.p_memsz;
    }
    for (Range& each : found.writable) {
        /* What the loader has made read-only, in whole pages. */
        if (relro_begin >= each.begin && relro_begin < each.end) each.begin = std::max(each.begin, relro_end & ~(page - 1));
        each.begin &= ~(page - 1);
        each.end = (each.end + page - 1) & ~(page - 1);
    }
    return 1;
}

}  // namespace

void Globals::find()
{
    Found found = {{}, 0xcbf29ce484222325u};
    dl_iterate_phdr(look_at_executable, &found);
    layout_ = found.layout;
    segments_.clear();
    why_not_.clear();
    for (const Range& each : found.writable)
        if (each.begin < each.end)
            segments_.push_back({reinterpret_cast<char*>(each.begin), each.end - each.begin, nullptr});
}

size_t Globals::n_bytes() const
{
    size_t sum = 0;
    for (const Segment& each : segments_) sum += each.n_bytes;
    return sum;
}

void Globals::register_all()
{
    for (Segment& each : segments_) {
        void* sym = nullptr;
        if (pmx_register(each.begin, each.n_bytes, &sym)) {
            refuse(pmx_last_error_detail());
            deregister_all();
            return;
        }
        each.sym = static_cast<char*>(sym);
    }
}

void Globals::deregister_all()
{
    for (Segment& each : segments_) {
        if (each.sym) (void)pmx_deregister(each.begin);
        each.sym = nullptr;
    }
}

const Globals::Segment* Globals::segment_of(const void* p) const
{
    for (const Segment& each : segments_)
        if (reinterpret_cast<uintptr_t>(p) - reinterpret_cast<uintptr_t>(each.begin) < each.n_bytes) return &each;
    return nullptr;
}

void* Globals::symmetric(const void* p) const
{
    const Segment* segment = segment_of(p);
    if (!segment || !segment->sym) return nullptr;
    return segment->sym + (static_cast<const char*>(p) - segment->begin);
}

}  // namespace pmx::shmem
