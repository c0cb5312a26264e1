/* SPDX-License-Identifier: BSD-3-Clause */
/* team_collectives.h: collectives on a team. All are collective over it, with the same sizes, types and roots on all
 * members where nothing else is said. Small messages go through the team's part of the work area, large ones straight
 * to their place, once all members have entered. */
#pragma once

#include <span>

#include "runtime/team.h"

namespace pmx {

/* Up to so many bytes, in all on one rank, are small. */
inline constexpr size_t kSmallBytes = 16384;

/* Small: a binomial tree. Large: a chain in which pieces follow each other, or the tree where the chain is long. */
Status team_broadcast(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes, int root);

/* Small: as Bruck and others (1997), in log2 P steps. Large: a ring. */
Status team_allgather(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes);
/* The small one, of any memory. team.size() * n_bytes: up to TeamPart::kBytes. */
Status team_allgather_small(Team& team, void* dst, const void* src, size_t n_bytes);
/* A ring of parts of different sizes; member r has offs[r + 1] - offs[r] bytes. */
Status team_allgather_parts(Team& team, void* dst_sym, const void* src_sym, std::span<const size_t> offs);

/* Each to each. */
Status team_alltoall(Team& team, void* dst_sym, const void* src_sym, size_t n_bytes);

/* Small: recursive doubling. Large: a ring that reduces, then a ring that gathers. */
Status team_allreduce(Team& team, void* dst_sym, const void* src_sym, size_t n_elems, pmx_type_t type, pmx_op_t op);
/* The small one, of any memory. n_elems: so many that n_bytes of them are at most kSmallBytes. */
Status team_allreduce_small(Team& team, void* dst, const void* src, size_t n_elems, pmx_type_t type, pmx_op_t op);

}  // namespace pmx
