/* SPDX-License-Identifier: BSD-3-Clause */
/* offset_allocator.h: hands out byte ranges of the symmetric heap as offsets, by two-level segregated fit.
 *
 * It never touches the heap: all it knows is in side tables. It is deterministic: the same sequence of
 * calls gives the same offsets, so ranks that make the same calls agree without talking. allocate() and
 * free() take constant time (expected: free() looks the offset up in a hash table). Not thread-safe.
 *
 * Sizes are counted in granules of 64 bytes. Free blocks sit in size classes: below 64 granules a class
 * for each size, above that 64 classes for each power of two. allocate() takes a block of a class in
 * which every block is large enough; failing that, it tries one block, the one at the head of the highest
 * class in use. So it can fail while a fitting block exists, but only when that block is less than 1/64
 * larger than what is asked (plus alignment - 64): see must_succeed_bytes(). */
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace pmx {

class OffsetAllocator {
public:
    static constexpr uint64_t kGranuleBytes = 64;
    static constexpr uint64_t kMaxAlignment = 4096;

    /* heap_bytes is rounded down to a granule. */
    explicit OffsetAllocator(uint64_t heap_bytes);

    /* alignment: a power of two, 1..4096; offsets are multiples of 64 in any case. off_out is written on
     * success only. false: no room, n_bytes is 0, or the alignment is not allowed; nothing has changed.
     * May throw std::bad_alloc, then nothing has changed either. */
    bool allocate(uint64_t n_bytes, uint64_t alignment, uint64_t& off_out);
    /* false: off is not the start of an allocated range; nothing has changed. */
    bool free(uint64_t off);

    /* Bytes in allocated ranges, each rounded up to granules. */
    uint64_t used_bytes() const { return used_ * kGranuleBytes; }
    /* allocate(n, 64) succeeds exactly when 1 <= n <= largest_free_bytes(). */
    uint64_t largest_free_bytes() const;
    /* The promise: allocate(n_bytes, alignment) succeeds if some free range has at least this many bytes.
     * For n_bytes up to 2^62. */
    static uint64_t must_succeed_bytes(uint64_t n_bytes, uint64_t alignment);
    /* Walks all tables: true when they agree with each other. For tests; time grows with the blocks. */
    bool check() const;

private:
    using Index = uint32_t; /* into blocks_ */
    static constexpr Index kNone = UINT32_MAX;
    static constexpr unsigned kSecondBits = 6;
    static constexpr unsigned kSecond = 1u << kSecondBits;
    static constexpr unsigned kFirst = 64 - kSecondBits;

    /* A range of the heap, in granules. Neighbours in address order are linked, and so are the free ones
     * of a class. An unused record is linked through next_free. */
    struct Block {
        uint64_t start;
        uint64_t n_granules;
        Index prev, next;
        Index prev_free, next_free;
        bool is_free;
    };
    struct Class {
        unsigned first, second;
    };

    static Class class_of(uint64_t n_granules);
    static uint64_t round_up_to_class(uint64_t n_granules);
    static uint64_t align_up(uint64_t start, uint64_t align) { return (start + align - 1) / align * align; }
    static bool fits(const Block& block, uint64_t need, uint64_t align);

    Index find(uint64_t need, uint64_t align) const;
    Index top_head() const;
    void insert_free(Index index);
    void remove_free(Index index);
    Index take_record();
    void drop_record(Index index);
    void reserve_records(unsigned n);
    /* Cuts block at n_granules; the rest becomes a block of its own, in no list. */
    Index split(Index index, uint64_t n_granules);
    /* Appends the next neighbour to block; both are in no list. */
    void absorb_next(Index index);
    bool check_lists(uint64_t n_free_blocks) const;

    uint64_t n_granules_;
    uint64_t used_ = 0;
    std::vector<Block> blocks_;
    Index unused_ = kNone;
    unsigned n_unused_ = 0;
    std::unordered_map<uint64_t, Index> allocated_; /* start -> block */
    uint64_t first_map_ = 0;                        /* bit f: second_map_[f] is not 0 */
    std::array<uint64_t, kFirst> second_map_{};     /* bit s: heads_[f][s] is not kNone */
    std::array<std::array<Index, kSecond>, kFirst> heads_;
};

}  // namespace pmx
