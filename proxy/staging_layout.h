/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_layout.h: the staging area of a rank, alike on all ranks. For each rank: a word in which it acknowledges;
 * slots that it writes; slots for what goes to it. Then cells for ADDs (staging_adds.h).
 *
 * Piece e (0, 1, ...) from one rank to another is in slot e % n_slots at the target. A slot:
 *   0    valid word
 *   ..   records of signals; record i ends where record i - 1 begins, record 0 where the entry begins
 *   424  StagingEntry
 *   448  payload
 * Records, entry and payload are one range of bytes, and so one put. */
#pragma once

#include <cstdint>

namespace pmx {

struct StagingEntry {
    static constexpr uint32_t kPut = 1, kGet = 2;
    uint32_t kind;
    uint32_t n_signals; /* applied behind the payload */
    uint64_t off;       /* heap offset, at the target, of what is put or asked for */
    uint64_t n_bytes;   /* 0..slot_bytes */
};

struct StagingRecord {
    uint64_t dst_off;
    uint64_t value;
    uint64_t add; /* 0: SET */
};

/* One slot, in memory. */
struct StagingSlot {
    static constexpr unsigned kMaxSignals = 16;
    static constexpr uint64_t kPayload = 448;
    static constexpr uint64_t kEntry = kPayload - sizeof(StagingEntry);

    char* base;

    /* Writer: a NIC, behind everything else of the slot. Reader: the target's proxy, acquire. valid_value() of the
     * piece, so that what is left of an earlier one is not valid; never wraps in practice. The slot is written again
     * when its piece is acknowledged. */
    uint64_t* valid() const { return reinterpret_cast<uint64_t*>(base); }
    StagingEntry& entry() const { return *reinterpret_cast<StagingEntry*>(base + kEntry); }
    StagingRecord& record(unsigned i) const
    {
        return *reinterpret_cast<StagingRecord*>(base + record_off(i));
    }
    char* payload() const { return base + kPayload; }

    static constexpr uint64_t record_off(unsigned i) { return kEntry - (i + 1) * sizeof(StagingRecord); }
    /* Where a piece of n_signals begins. */
    static constexpr uint64_t begin(unsigned n_signals) { return kEntry - n_signals * sizeof(StagingRecord); }
};
static_assert(StagingSlot::begin(StagingSlot::kMaxSignals) >= sizeof(uint64_t));

class StagingArea {
  public:
    static constexpr unsigned kCells = 64;

    StagingArea(int size, unsigned n_slots, uint64_t slot_bytes)
        : size_(static_cast<uint64_t>(size)),
          n_slots_(n_slots),
          stride_(StagingSlot::kPayload + (slot_bytes + 63) / 64 * 64)
    {
    }

    uint64_t n_bytes() const { return cells() + kCells * sizeof(uint64_t); }

    /* How many pieces from the owner of the area `rank` has done. Writer: its NIC; one write is under way at a time,
     * so that it never goes back. Reader: the owner's proxy, acquire. Grows for ever. */
    uint64_t done_word(int rank) const { return static_cast<uint64_t>(rank) * 64; }
    /* Slot of the piece `number` from src_rank. */
    uint64_t receive_slot(int src_rank, uint64_t number) const { return slots() + slot(src_rank, number); }
    /* The turn-th slot for what goes to dst_rank. */
    uint64_t send_slot(int dst_rank, uint64_t turn) const
    {
        return slots() + size_ * n_slots_ * stride_ + slot(dst_rank, turn);
    }
    uint64_t cells() const { return slots() + 2 * size_ * n_slots_ * stride_; }
    uint64_t valid_value(uint64_t number) const { return number / n_slots_ + 1; }

  private:
    uint64_t slots() const { return size_ * 64; }
    uint64_t slot(int rank, uint64_t number) const
    {
        return (static_cast<uint64_t>(rank) * n_slots_ + number % n_slots_) * stride_;
    }

    uint64_t size_, n_slots_, stride_;
};

}  // namespace pmx
