/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_team.h: teams of ranks and collectives on them. Part of pmx.h.
 *
 * A team is an ordered set of ranks; its members count from 0. The calls that make and free teams, and the
 * collectives, are collective over a team: all its members call them in the same order. Calls on one team are made
 * by one thread at a time; collectives on different teams may run in different threads. Addresses with the suffix
 * _sym lie in the symmetric heap of host memory and are the same on all members. A failure is that of the team: the
 * later calls on it fail alike, and pmx_team_shrink() and pmx_team_free() are what remains. */
#include "pmx.h" /* first, since it includes this file */

#ifndef PMX_TEAM_H
#define PMX_TEAM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pmx_team *pmx_team_t;
#define PMX_TEAM_NONE ((pmx_team_t)0) /* what a rank gets that is no member */

/* All ranks, in order. Always there between init and finalize; not to be freed. */
PMX_API int pmx_team_world(pmx_team_t *team_out);
/* Collective over parent. Members of the new team are first, first + stride, ... of parent, size of them. Arguments
 * are the same on all members of parent. PMX_ERR_MEMORY: a rank is in 64 teams already. */
PMX_API int pmx_team_split_strided(pmx_team_t parent, int first, int stride, int size, pmx_team_t *team_out);
/* Collective over parent. One team for each color >= 0 that a member gives, ordered by key, then by rank in parent; color
 * -1: in none. */
PMX_API int pmx_team_split_color(pmx_team_t parent, int color, int key, pmx_team_t *team_out);
PMX_API int pmx_team_rank(pmx_team_t team, int *rank_out);
PMX_API int pmx_team_size(pmx_team_t team, int *size_out);
/* rank_out: what rank of the first team is in the second, -1 where it is no member. */
PMX_API int pmx_team_translate(pmx_team_t from_team, int rank, pmx_team_t to_team, int *rank_out);
/* Collective over the members of team that are left; team may have failed before. The new team has those that all of
 * them take for alive, in their order. A rank that fails during the call may be in it or not, the same for all.
 * PMX_ERR_PEER_FAILED: other members take this rank for failed. PMX_ERR_TIMEOUT: a member that has not failed did not come
 * within PMX_TIMEOUT; then some may have a new team, whose collectives fail. PMX_ERR_MEMORY: as in the calls above. */
PMX_API int pmx_team_shrink(pmx_team_t team, pmx_team_t *team_out);
/* Collective over team. */
PMX_API int pmx_team_free(pmx_team_t team);

/* Returns after all members have entered. Does not complete operations. */
PMX_API int pmx_team_sync(pmx_team_t team);
/* Completes the operations of the default context, then pmx_team_sync(). */
PMX_API int pmx_team_barrier(pmx_team_t team);
/* n_bytes from src_sym of root to dst_sym of all members, root included. */
PMX_API int pmx_broadcast(pmx_team_t team, void *dst_sym, const void *src_sym, size_t n_bytes, int root);
/* n_bytes from src_sym of each member to dst_sym of all, in the order of the team. */
PMX_API int pmx_allgather(pmx_team_t team, void *dst_sym, const void *src_sym, size_t n_bytes);
/* The same, where n_bytes may differ between members. PMX_ERR_ADDRESS, on all: dst_sym is too small for the sum. */
PMX_API int pmx_allgatherv(pmx_team_t team, void *dst_sym, const void *src_sym, size_t n_bytes);
/* The n_bytes from src_sym + r * n_bytes on go to member r, to dst_sym + me * n_bytes. */
PMX_API int pmx_alltoall(pmx_team_t team, void *dst_sym, const void *src_sym, size_t n_bytes);

typedef enum pmx_type {
    PMX_INT8 = 0,
    PMX_INT16 = 1,
    PMX_INT32 = 2,
    PMX_INT64 = 3,
    PMX_UINT8 = 4,
    PMX_UINT16 = 5,
    PMX_UINT32 = 6,
    PMX_UINT64 = 7,
    PMX_FLOAT = 8,
    PMX_DOUBLE = 9,
    PMX_LONG_DOUBLE = 10,
    PMX_FLOAT_COMPLEX = 11,
    PMX_DOUBLE_COMPLEX = 12
} pmx_type_t;

/* AND, OR and XOR are for integers; MIN and MAX for all but complex numbers. */
typedef enum pmx_op {
    PMX_OP_SUM = 0,
    PMX_OP_PROD = 1,
    PMX_OP_MIN = 2,
    PMX_OP_MAX = 3,
    PMX_OP_AND = 4,
    PMX_OP_OR = 5,
    PMX_OP_XOR = 6
} pmx_op_t;

/* dst_sym[i] of all members is src_sym[i] of all members taken together; the same bits on all. dst_sym may be src_sym, else
 * the two do not overlap. */
PMX_API int pmx_allreduce(pmx_team_t team, void *dst_sym, const void *src_sym, size_t n_elems, pmx_type_t type,
                          pmx_op_t op);

#ifdef __cplusplus
}
#endif
#endif /* PMX_TEAM_H */
