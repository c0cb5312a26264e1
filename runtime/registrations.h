/* SPDX-License-Identifier: BSD-3-Clause */
/* registrations.h: memory of the program that has become part of the symmetric heap: its pages are those of a
 * range of the heap, at the address that they had. So every transport reaches it, and pmx_ptr too. One thread
 * at a time. */
#pragma once

#include <vector>

#include "runtime/heap.h"

namespace pmx {

class Registrations {
public:
    explicit Registrations(Runtime& rt) : rt_(rt) {}

    /* Collective. */
    Status add(void* ptr, size_t n_bytes, void*& ptr_sym_out);
    /* Collective. */
    Status remove(void* ptr);

private:
    struct Range {
        char* ptr;
        size_t n_bytes;
        uint64_t heap_off;
    };
    Status check(const char* ptr, size_t n_bytes) const;
    /* Pages of this process alone, with what the range holds. */
    static Status make_private(const Range& range);

    Runtime& rt_;
    std::vector<Range> ranges_;
};

}  // namespace pmx
