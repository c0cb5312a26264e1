/* SPDX-License-Identifier: BSD-3-Clause */
/* globals.h: the global and static variables of the executable, which pmx_register() makes symmetric. An address of one is
 * known by where it lies in its segment, since the executable may be loaded elsewhere in each process. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pmx::shmem {

class Globals {
  public:
    /* Finds the pages of the executable that can be written and stay so. Local; before pmx_init. */
    void find();
    /* Bytes of all pages found. */
    size_t n_bytes() const;
    /* The same in all processes that run one executable, and hardly in others. */
    uint64_t layout() const { return layout_; }

    /* Collective, with the same layout on all ranks; why_not() says what was in the way. */
    void register_all();
    /* The variables stay as they are, and are symmetric no more. Collective, if they were. */
    void deregister_all();
    /* Leaves them private, for this reason. */
    void refuse(std::string why) { why_not_ = std::move(why); }
    const std::string& why_not() const { return why_not_; }

    /* The symmetric address of p, or null where p is no variable or they are not symmetric. */
    void* symmetric(const void* p) const;
    /* Whether p is a variable of the executable. */
    bool has(const void* p) const { return segment_of(p) != nullptr; }

  private:
    struct Segment {
        char* begin;
        size_t n_bytes;
        char* sym; /* null: not registered */
    };
    const Segment* segment_of(const void* p) const;

    std::vector<Segment> segments_;
    uint64_t layout_ = 0;
    std::string why_not_;
};

}  // namespace pmx::shmem
