/* SPDX-License-Identifier: BSD-3-Clause */
/* layout.h: where the cells of a layer lie in the symmetric heap. Each cell has one writer:
 *
 *   dispatch_send    [rows]               own   rows to send, by expert, then token
 *   dispatch_recv    [src][region row]    src   the rows src sends here
 *   expert_out       [src][region row]    own   results for src, same places
 *   combine_recv     [dst][region row]    dst   results for the rows this rank sent to dst, same places
 *   dispatch_signal  [parity][src][expert] src  see ArrivalWord
 *   dispatch_value   [parity][dst][expert] own  what the proxy sets dispatch_signal on dst to
 *   combine_signal   [dst][tile slot]     dst   the number of the call
 *
 * A region holds what one rank sends to one other in one call: its rows are packed by local expert, then
 * by token. No cell is reset between calls, and none is written again too early:
 *
 *   Rank B ends call n only when the dispatch signals of every rank A have come, since each A sends one to
 *   every expert, with no rows too. A sends them in call n, so A has ended call n-1: two ranks are at most
 *   one call apart, and two copies (parity) of the dispatch signals are enough.
 *   For the same reason A has sent its signals of call n-1 when it begins call n+1: the values may be written again.
 *   B begins call n+1 when all its results of call n have come from A. Then A has read its rows in
 *   dispatch_recv[B], and B has the data of expert_out[B]: B's new rows may overwrite both.
 *   combine_recv[A] on B and its signals are written by A only after B's rows of the same call. */
#pragma once

#include <cstddef>
#include <cstdint>

#include "moe/config.h"

namespace pmx::moe {

enum Part : int {
    kDispatchSend,
    kDispatchRecv,
    kExpertOut,
    kCombineRecv,
    kDispatchSignal,
    kDispatchValue,
    kCombineSignal,
    kNumParts
};

struct PartLayout {
    const char* name;
    size_t off; /* from the start of the layer's memory */
    size_t elem_bytes;
    size_t n_elems;
    size_t alignment;

    size_t n_bytes() const { return elem_bytes * n_elems; }
};

struct Layout {
    PartLayout parts[kNumParts];
    size_t total_bytes;
};

Layout make_layout(const Shape& shape);

/* The word by which src announces its rows for one local expert.
 *   bits 48..63 tag of the call | 21..47 first row in the region | 0..20 number of rows
 * The tag is never 0 and changes with every call that uses the word, which is every second one. */
struct ArrivalWord {
    PMX_HOST_DEVICE static uint64_t tag(uint64_t call) { return call % 65535 + 1; }
    PMX_HOST_DEVICE static uint64_t make(uint64_t call, uint64_t first_row, uint64_t n_rows)
    {
        return tag(call) << 48 | first_row << 21 | n_rows;
    }
    PMX_HOST_DEVICE static bool arrived(uint64_t word, uint64_t call) { return word >> 48 == tag(call); }
    PMX_HOST_DEVICE static uint64_t first_row(uint64_t word) { return word >> 21 & ((1u << 27) - 1); }
    PMX_HOST_DEVICE static uint64_t n_rows(uint64_t word) { return word & ((1u << 21) - 1); }
};

/* The cells, as symmetric addresses. */
class Cells {
  public:
    Cells() = default;
    Cells(const Shape& shape, void* base_sym) : shape_(shape), layout_(make_layout(shape)), base_((char*)base_sym) {}

    PMX_HOST_DEVICE char* dispatch_send(size_t row) const { return part(kDispatchSend) + row * shape_.row_bytes; }
    PMX_HOST_DEVICE char* dispatch_recv(int src, size_t row) const { return region_row(kDispatchRecv, src, row); }
    PMX_HOST_DEVICE char* expert_out(int src, size_t row) const { return region_row(kExpertOut, src, row); }
    PMX_HOST_DEVICE char* combine_recv(int dst, size_t row) const { return region_row(kCombineRecv, dst, row); }
    PMX_HOST_DEVICE uint64_t* dispatch_signal(uint64_t call, int src, int local_expert) const
    {
        size_t index = ((call & 1) * (size_t)shape_.n_ranks + (size_t)src) * (size_t)shape_.local_experts;
        return (uint64_t*)part(kDispatchSignal) + index + local_expert;
    }
    PMX_HOST_DEVICE uint64_t* dispatch_value(uint64_t call, int dst) const
    {
        size_t index = ((call & 1) * (size_t)shape_.n_ranks + (size_t)dst) * (size_t)shape_.local_experts;
        return (uint64_t*)part(kDispatchValue) + index;
    }
    PMX_HOST_DEVICE uint64_t* combine_signal(int dst, size_t slot) const
    {
        return (uint64_t*)part(kCombineSignal) + (size_t)dst * shape_.region_tiles + slot;
    }
    /* Before the first call, and before a barrier. */
    void zero_signals() const;

  private:
    PMX_HOST_DEVICE char* part(Part p) const { return base_ + layout_.parts[p].off; }
    PMX_HOST_DEVICE char* region_row(Part p, int rank, size_t row) const
    {
        return part(p) + ((size_t)rank * shape_.region_rows + row) * shape_.row_bytes;
    }

    Shape shape_{};
    Layout layout_{};
    char* base_ = nullptr;
};

}  // namespace pmx::moe
