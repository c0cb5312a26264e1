/* SPDX-License-Identifier: BSD-3-Clause */
#include <algorithm>
#include <bit>
#include <cstring>

#include "runtime/reduce.h"
#include "runtime/team_collectives.h"

namespace pmx {

namespace {

/* Of one rank's elements: block b is that of member b. The last ones may be shorter, or empty. */
struct Blocks {
    size_t n_elems, elem_bytes, per_block;

    size_t off(size_t b) const { return std::min(b * per_block, n_elems) * elem_bytes; }
    size_t elems(size_t b) const { return (off(b + 1) - off(b)) / elem_bytes; }
    size_t bytes(size_t b) const { return off(b + 1) - off(b); }
};

/* The first ring: partial results of a block go from its member on through all others and end complete one before it.
 * The second: complete blocks go round. A cell that was received into is what is sent next, so nothing is copied. */
Status ring(Team& team, char* dst, const char* src, const Blocks& blocks, pmx_type_t type, pmx_op_t op)
{
    size_t size = static_cast<size_t>(team.size()), me = static_cast<size_t>(team.rank());
    int right = static_cast<int>((me + 1) % size);
    size_t cell_bytes = blocks.per_block * blocks.elem_bytes;
    Scratch scratch;
    PMX_TRY(team.take(2 * (size - 1), (size - 1) * cell_bytes, scratch));
    const char* partial = src + blocks.off(me);
    for (size_t step = 0, block = me; step + 1 < size; step++) {
        char* cell = scratch.bytes + step * cell_bytes;
        PMX_TRY(team.send(right, cell, partial, blocks.bytes(block), &scratch.words[step]));
        PMX_TRY(team.wait(&scratch.words[step]));
        block = (block + size - 1) % size;
        reduce(type, op, cell, cell, src + blocks.off(block), blocks.elems(block));
        partial = cell;
    }
    size_t block = (me + 1) % size;
    std::memcpy(dst + blocks.off(block), partial, blocks.bytes(block));
    for (size_t step = 0; step + 1 < size; step++) {
        uint64_t* word = &scratch.words[size - 1 + step];
        char* place = dst + blocks.off(block);
        PMX_TRY(team.send(right, place, place, blocks.bytes(block), word));
        PMX_TRY(team.wait(word));
        block = (block + size - 1) % size;
    }
    return {};
}

}  // namespace

Status team_allreduce(Team& team, void* dst_sym, const void* src_sym, size_t n_elems, pmx_type_t type, pmx_op_t op)
{
    size_t elem_bytes = type_bytes(type), size = static_cast<size_t>(team.size());
    if (n_elems * elem_bytes <= kSmallBytes || size == 1)
        return team_allreduce_small(team, dst_sym, src_sym, n_elems, type, op);
    char* dst = static_cast<char*>(dst_sym);
    const char* src = static_cast<const char*>(src_sym);
    PMX_TRY(team.sync()); /* dst_sym may be written from here on */
    /* As many at once as half of the part holds, so that two rounds need one meeting. */
    size_t most_per_block = std::max<size_t>(1, TeamPart::kBytes / 2 / elem_bytes / (size - 1));
    for (size_t done = 0; done < n_elems;) {
        size_t n = std::min(n_elems - done, most_per_block * size);
        PMX_TRY(ring(team, dst + done * elem_bytes, src + done * elem_bytes, {n, elem_bytes, (n + size - 1) / size},
                     type, op));
        done += n;
    }
    return team.complete();
}

/* Members beyond the largest power of two give theirs to one below it, and get the result from there. Each message is
 * sent from a place of its own, since the next step begins before it has left. */
Status team_allreduce_small(Team& team, void* dst, const void* src, size_t n_elems, pmx_type_t type, pmx_op_t op)
{
    size_t n_bytes = n_elems * type_bytes(type);
    if (team.size() == 1) {
        std::memmove(dst, src, n_bytes);
        return {};
    }
    int n_doubling = static_cast<int>(std::bit_floor(static_cast<unsigned>(team.size())));
    int n_extra = team.size() - n_doubling, me = team.rank();
    size_t n_messages = 2 + static_cast<size_t>(std::countr_zero(static_cast<unsigned>(n_doubling)));
    size_t most = TeamPart::kBytes / (2 * n_messages) & ~size_t{63};
    size_t stride = (n_bytes + 63) & ~size_t{63};
    if (stride > most) { /* many ranks: in two halves */
        size_t half = n_elems / 2, off = half * type_bytes(type);
        PMX_TRY(team_allreduce_small(team, dst, src, half, type, op));
        return team_allreduce_small(team, static_cast<char*>(dst) + off, static_cast<const char*>(src) + off,
                                    n_elems - half, type, op);
    }
    Scratch scratch;
    PMX_TRY(team.take(n_messages, 2 * n_messages * stride, scratch));
    auto in = [&](size_t i) { return scratch.bytes + i * stride; };
    auto out = [&](size_t i) { return scratch.bytes + (n_messages + i) * stride; };
    auto send = [&](int to, size_t i) { return team.send(to, in(i), out(i), n_bytes, &scratch.words[i]); };

    size_t last = n_messages - 1;
    std::memcpy(out(0), src, n_bytes);
    if (me >= n_doubling) {
        PMX_TRY(send(me - n_doubling, 0));
        PMX_TRY(team.wait(&scratch.words[last]));
        std::memcpy(dst, in(last), n_bytes);
        return {};
    }
    const char* sum = out(0);
    if (me < n_extra) {
        PMX_TRY(team.wait(&scratch.words[0]));
        reduce(type, op, out(1), sum, in(0), n_elems);
    } else {
        std::memcpy(out(1), sum, n_bytes);
    }
    size_t i = 1;
    for (int bit = 1; bit < n_doubling; bit *= 2, i++) {
        int partner = me ^ bit;
        PMX_TRY(send(partner, i));
        PMX_TRY(team.wait(&scratch.words[i]));
        /* The lower member's operand first, on both: the results are alike to the bit. */
        reduce(type, op, out(i + 1), me < partner ? out(i) : in(i), me < partner ? in(i) : out(i), n_elems);
    }
    if (me < n_extra) PMX_TRY(send(me + n_doubling, last));
    std::memcpy(dst, out(last), n_bytes);
    return {};
}

}  // namespace pmx
