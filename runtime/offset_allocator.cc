/* SPDX-License-Identifier: BSD-3-Clause */
/* offset_allocator.cc: two-level segregated fit over offsets. The record of the first block of the heap
 * never moves and is number 0: blocks are split off and absorbed towards higher addresses only. */
#include "runtime/offset_allocator.h"

#include <bit>

namespace pmx {

OffsetAllocator::OffsetAllocator(uint64_t heap_bytes) : n_granules_(heap_bytes / kGranuleBytes)
{
    for (auto& row : heads_) row.fill(kNone);
    if (n_granules_ == 0) return;
    reserve_records(1);
    const Index first = take_record();
    blocks_[first] = {0, n_granules_, kNone, kNone, kNone, kNone, true};
    insert_free(first);
}

/* ---- Size classes ---- */

OffsetAllocator::Class OffsetAllocator::class_of(uint64_t n_granules)
{
    if (n_granules < kSecond) return {0, static_cast<unsigned>(n_granules)};
    const unsigned log = std::bit_width(n_granules) - 1;
    const unsigned second = (n_granules >> (log - kSecondBits)) & (kSecond - 1);
    return {log - kSecondBits + 1, second};
}

/* The smallest size of the lowest class whose blocks all hold n_granules. */
uint64_t OffsetAllocator::round_up_to_class(uint64_t n_granules)
{
    if (n_granules < kSecond) return n_granules;
    const uint64_t width = uint64_t{1} << (std::bit_width(n_granules) - 1 - kSecondBits);
    return align_up(n_granules, width);
}

uint64_t OffsetAllocator::must_succeed_bytes(uint64_t n_bytes, uint64_t alignment)
{
    const uint64_t n_granules = align_up(n_bytes, kGranuleBytes) / kGranuleBytes;
    const uint64_t align = alignment > kGranuleBytes ? alignment / kGranuleBytes : 1;
    return round_up_to_class(n_granules + align - 1) * kGranuleBytes;
}

bool OffsetAllocator::fits(const Block& block, uint64_t need, uint64_t align)
{
    const uint64_t gap = align_up(block.start, align) - block.start;
    return block.n_granules >= gap && block.n_granules - gap >= need;
}

OffsetAllocator::Index OffsetAllocator::top_head() const
{
    if (first_map_ == 0) return kNone;
    const unsigned first = std::bit_width(first_map_) - 1;
    return heads_[first][std::bit_width(second_map_[first]) - 1];
}

OffsetAllocator::Index OffsetAllocator::find(uint64_t need, uint64_t align) const
{
    const Class want = class_of(round_up_to_class(need + align - 1));
    uint64_t second = second_map_[want.first] & (~uint64_t{0} << want.second);
    if (second != 0) return heads_[want.first][std::countr_zero(second)];
    const uint64_t first = first_map_ & (~uint64_t{0} << (want.first + 1));
    if (first != 0) {
        const unsigned row = std::countr_zero(first);
        return heads_[row][std::countr_zero(second_map_[row])];
    }
    const Index top = top_head();
    return top != kNone && fits(blocks_[top], need, align) ? top : kNone;
}

uint64_t OffsetAllocator::largest_free_bytes() const
{
    const Index top = top_head();
    return top == kNone ? 0 : blocks_[top].n_granules * kGranuleBytes;
}

/* A block larger than the head becomes the head: find() tries the head of the highest class. */
void OffsetAllocator::insert_free(Index index)
{
    Block& block = blocks_[index];
    const Class at = class_of(block.n_granules);
    Index& head = heads_[at.first][at.second];
    block.is_free = true;
    block.prev_free = block.next_free = kNone;
    if (head == kNone || blocks_[head].n_granules <= block.n_granules) {
        block.next_free = head;
        if (head != kNone) blocks_[head].prev_free = index;
        head = index;
    } else {
        block.prev_free = head;
        block.next_free = blocks_[head].next_free;
        if (block.next_free != kNone) blocks_[block.next_free].prev_free = index;
        blocks_[head].next_free = index;
    }
    second_map_[at.first] |= uint64_t{1} << at.second;
    first_map_ |= uint64_t{1} << at.first;
}

void OffsetAllocator::remove_free(Index index)
{
    Block& block = blocks_[index];
    const Class at = class_of(block.n_granules);
    if (block.prev_free != kNone)
        blocks_[block.prev_free].next_free = block.next_free;
    else
        heads_[at.first][at.second] = block.next_free;
    if (block.next_free != kNone) blocks_[block.next_free].prev_free = block.prev_free;
    block.is_free = false;
    if (heads_[at.first][at.second] != kNone) return;
    second_map_[at.first] &= ~(uint64_t{1} << at.second);
    if (second_map_[at.first] == 0) first_map_ &= ~(uint64_t{1} << at.first);
}

/* ---- Block records ---- */

/* Makes sure that the next n take_record() cannot fail. May throw, then nothing has changed. */
void OffsetAllocator::reserve_records(unsigned n)
{
    while (n_unused_ < n) {
        blocks_.push_back({0, 0, kNone, kNone, kNone, unused_, false});
        unused_ = static_cast<Index>(blocks_.size() - 1);
        ++n_unused_;
    }
}

OffsetAllocator::Index OffsetAllocator::take_record()
{
    const Index index = unused_;
    unused_ = blocks_[index].next_free;
    --n_unused_;
    return index;
}

void OffsetAllocator::drop_record(Index index)
{
    blocks_[index].next_free = unused_;
    unused_ = index;
    ++n_unused_;
}

OffsetAllocator::Index OffsetAllocator::split(Index index, uint64_t n_granules)
{
    const Index rest = take_record();
    Block& block = blocks_[index];
    blocks_[rest] = {
        block.start + n_granules, block.n_granules - n_granules, index, block.next, kNone, kNone, false};
    if (block.next != kNone) blocks_[block.next].prev = rest;
    block.next = rest;
    block.n_granules = n_granules;
    return rest;
}

void OffsetAllocator::absorb_next(Index index)
{
    Block& block = blocks_[index];
    const Index gone = block.next;
    block.n_granules += blocks_[gone].n_granules;
    block.next = blocks_[gone].next;
    if (block.next != kNone) blocks_[block.next].prev = index;
    drop_record(gone);
}

/* ---- Allocate and free ---- */

bool OffsetAllocator::allocate(uint64_t n_bytes, uint64_t alignment, uint64_t& off_out)
{
    if (n_bytes == 0 || n_bytes > n_granules_ * kGranuleBytes) return false;
    if (!std::has_single_bit(alignment) || alignment > kMaxAlignment) return false;
    const uint64_t need = align_up(n_bytes, kGranuleBytes) / kGranuleBytes;
    const uint64_t align = alignment > kGranuleBytes ? alignment / kGranuleBytes : 1;

    Index index = find(need, align);
    if (index == kNone) return false;
    const uint64_t start = align_up(blocks_[index].start, align);
    reserve_records(2);
    const auto entry = allocated_.try_emplace(start, kNone).first; /* nothing below throws */

    remove_free(index);
    if (start > blocks_[index].start) {
        const Index gap = index;
        index = split(gap, start - blocks_[gap].start);
        insert_free(gap);
    }
    if (blocks_[index].n_granules > need) insert_free(split(index, need));
    entry->second = index;
    used_ += need;
    off_out = start * kGranuleBytes;
    return true;
}

bool OffsetAllocator::free(uint64_t off)
{
    if (off % kGranuleBytes != 0) return false;
    const auto entry = allocated_.find(off / kGranuleBytes);
    if (entry == allocated_.end()) return false;
    Index index = entry->second;
    allocated_.erase(entry);
    used_ -= blocks_[index].n_granules;

    const Index next = blocks_[index].next;
    if (next != kNone && blocks_[next].is_free) {
        remove_free(next);
        absorb_next(index);
    }
    const Index prev = blocks_[index].prev;
    if (prev != kNone && blocks_[prev].is_free) {
        remove_free(prev);
        absorb_next(prev);
        index = prev;
    }
    insert_free(index);
    return true;
}

/* ---- Invariants ---- */

/* Every block in a list is free and of that class, the maps agree, and the lists hold n_free_blocks. */
bool OffsetAllocator::check_lists(uint64_t n_free_blocks) const
{
    uint64_t n_listed = 0;
    for (unsigned first = 0; first < kFirst; ++first) {
        if ((second_map_[first] != 0) != ((first_map_ >> first & 1) != 0)) return false;
        for (unsigned second = 0; second < kSecond; ++second) {
            Index before = kNone;
            const Index head = heads_[first][second];
            if ((head != kNone) != ((second_map_[first] >> second & 1) != 0)) return false;
            for (Index at = head; at != kNone; before = at, at = blocks_[at].next_free) {
                const Class is = class_of(blocks_[at].n_granules);
                if (is.first != first || is.second != second) return false;
                if (!blocks_[at].is_free || blocks_[at].prev_free != before) return false;
                if (++n_listed > n_free_blocks) return false;
            }
        }
    }
    return n_listed == n_free_blocks;
}

bool OffsetAllocator::check() const
{
    uint64_t end = 0, used = 0, n_free_blocks = 0, n_allocated = 0;
    Index before = kNone;
    for (Index at = n_granules_ > 0 ? 0 : kNone; at != kNone; before = at, at = blocks_[at].next) {
        const Block& block = blocks_[at];
        if (block.start != end || block.n_granules == 0 || block.prev != before) return false;
        if (block.n_granules > n_granules_ - end) return false;
        end += block.n_granules;
        if (block.is_free) {
            if (before != kNone && blocks_[before].is_free) return false;
            ++n_free_blocks;
            continue;
        }
        const auto entry = allocated_.find(block.start);
        if (entry == allocated_.end() || entry->second != at) return false;
        used += block.n_granules;
        ++n_allocated;
    }
    if (end != n_granules_ || used != used_ || n_allocated != allocated_.size()) return false;
    return check_lists(n_free_blocks);
}

}  // namespace pmx
