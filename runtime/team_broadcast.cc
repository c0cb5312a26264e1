/* SPDX-License-Identifier: BSD-3-Clause */
#include <algorithm>
#include <cstring>

#include "runtime/team_collectives.h"

namespace pmx {

namespace {

constexpr size_t kLeastPieceBytes = 8192, kMostPieces = 64;

/* Who gets from this member, farthest first; `place` counts from the root on. */
std::vector<int> children(int place, int size, bool chain)
{
    if (chain) return place + 1 < size ? std::vector<int>{place + 1} : std::vector<int>{};
    std::vector<int> all;
    for (int bit = 1; place + bit < size && (place & bit) == 0; bit *= 2) all.push_back(place + bit);
    std::reverse(all.begin(), all.end());
    return all;
}

}  // namespace

Status team_broadcast(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes, int root)
{
    bool small = n_bytes <= kSmallBytes, is_root = team.rank() == root;
    size_t piece = small ? n_bytes : std::max(kLeastPieceBytes, (n_bytes + kMostPieces - 1) / kMostPieces);
    size_t n_pieces = small ? 1 : (n_bytes + piece - 1) / piece;
    bool chain = !small && static_cast<size_t>(team.size()) <= 2 * n_pieces;

    Scratch scratch;
    PMX_TRY(team.take(n_pieces, small ? n_bytes : 0, scratch));
    if (!small) PMX_TRY(team.sync()); /* dst_sym may be written from here on */
    char* place = small ? scratch.bytes : static_cast<char*>(dst_sym);
    const char* from = is_root && !small ? static_cast<const char*>(src_sym) : place;
    if (is_root && small) std::memcpy(place, src_sym, n_bytes);
    std::vector<int> to = children((team.rank() - root + team.size()) % team.size(), team.size(), chain);
    for (size_t i = 0; i < n_pieces; i++) {
        size_t off = i * piece;
        if (!is_root) PMX_TRY(team.wait(&scratch.words[i]));
        for (int child : to)
            PMX_TRY(team.send((child + root) % team.size(), place + off, from + off, std::min(piece, n_bytes - off),
                              &scratch.words[i]));
    }
    if (is_root) std::memmove(dst_sym, src_sym, n_bytes);
    if (!small) return team.complete();
    if (!is_root) std::memcpy(dst_sym, place, n_bytes);
    return {};
}

}  // namespace pmx
