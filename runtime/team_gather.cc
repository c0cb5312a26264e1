/* SPDX-License-Identifier: BSD-3-Clause */
/* Allgather and alltoall. */
#include <algorithm>
#include <cstring>

#include "runtime/team_collectives.h"

namespace pmx {

Status team_allgather(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    size_t size = static_cast<size_t>(team.size());
    if (n_bytes <= kSmallBytes / size) return team_allgather_small(team, dst_sym, src_sym, n_bytes);
    std::vector<size_t> offs(size + 1);
    for (size_t r = 0; r <= size; r++) offs[r] = r * n_bytes;
    return team_allgather_parts(team, dst_sym, src_sym, offs);
}

/* Before the step of distance d each member has the blocks of d members from itself on, in a row; it sends them to the
 * member d before it. */
Status team_allgather_small(Team& team, void* dst, const void* src, size_t n_bytes)
{
    int size = team.size();
    Scratch scratch;
    PMX_TRY(team.take(TeamPart::kRounds, n_bytes * static_cast<size_t>(size), scratch));
    std::memcpy(scratch.bytes, src, n_bytes);
    uint64_t* word = scratch.words;
    for (int d = 1; d < size; d *= 2, word++) {
        size_t n = n_bytes * static_cast<size_t>(std::min(d, size - d));
        char* behind = scratch.bytes + n_bytes * static_cast<size_t>(d);
        PMX_TRY(team.send((team.rank() - d + size) % size, behind, scratch.bytes, n, word));
        PMX_TRY(team.wait(word));
    }
    size_t n_first = n_bytes * static_cast<size_t>(team.rank()), n_rest = n_bytes * static_cast<size_t>(size) - n_first;
    std::memcpy(static_cast<char*>(dst) + n_first, scratch.bytes, n_rest);
    std::memcpy(dst, scratch.bytes + n_rest, n_first);
    return {};
}

Status team_allgather_parts(Team& team, void* dst_sym, const void* src_sym, std::span<const size_t> offs)
{
    size_t size = static_cast<size_t>(team.size()), me = static_cast<size_t>(team.rank());
    char* dst = static_cast<char*>(dst_sym);
    Scratch scratch;
    PMX_TRY(team.take(size, 0, scratch));
    PMX_TRY(team.sync()); /* dst_sym may be written from here on */
    std::memmove(dst + offs[me], src_sym, offs[me + 1] - offs[me]);
    for (size_t step = 0; step + 1 < size; step++) {
        size_t part = (me + size - step) % size;
        PMX_TRY(team.send(static_cast<int>((me + 1) % size), dst + offs[part], dst + offs[part],
                          offs[part + 1] - offs[part], &scratch.words[step]));
        PMX_TRY(team.wait(&scratch.words[step]));
    }
    return team.complete();
}

Status team_alltoall(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes)
{
    size_t size = static_cast<size_t>(team.size()), me = static_cast<size_t>(team.rank());
    bool small = n_bytes <= kSmallBytes / size;
    char* place = static_cast<char*>(dst_sym);
    const char* from = static_cast<const char*>(src_sym);
    Scratch scratch;
    PMX_TRY(team.take(size, small ? 2 * size * n_bytes : 0, scratch));
    if (small) {
        place = scratch.bytes;
        from = static_cast<char*>(std::memcpy(scratch.bytes + size * n_bytes, src_sym, size * n_bytes));
    } else {
        PMX_TRY(team.sync()); /* dst_sym may be written from here on */
    }
    for (size_t i = 0; i < size; i++) {
        size_t to = (me + i) % size;
        PMX_TRY(team.send(static_cast<int>(to), place + me * n_bytes, from + to * n_bytes, n_bytes, &scratch.words[me]));
    }
    for (size_t r = 0; r < size; r++) PMX_TRY(team.wait(&scratch.words[r]));
    if (!small) return team.complete();
    std::memcpy(dst_sym, place, size * n_bytes);
    return {};
}

}  // namespace pmx
