/* SPDX-License-Identifier: BSD-3-Clause */
/* shmem.h: the C interface of OpenSHMEM 1.5, as far as pmx-shmem(7) says, on top of pmx. A PE is a rank of pmx.
 *
 * Symmetric are what shmem_malloc and its kin give, and the global and static variables of the executable. A call that
 * fails where the specification has no way to say so ends the job with one line that says why. */
#ifndef SHMEM_H
#define SHMEM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <complex>
#define SHMEM_COMPLEX_FLOAT std::complex<float>
#define SHMEM_COMPLEX_DOUBLE std::complex<double>
#define SHMEM_NORETURN [[noreturn]]
#else
#define SHMEM_COMPLEX_FLOAT float _Complex
#define SHMEM_COMPLEX_DOUBLE double _Complex
#if __STDC_VERSION__ >= 201112L
#define SHMEM_NORETURN _Noreturn
#else
#define SHMEM_NORETURN
#endif
#endif

#define SHMEM_MAJOR_VERSION 1
#define SHMEM_MINOR_VERSION 5
#define SHMEM_MAX_NAME_LEN 64 /* the NUL included */
#define SHMEM_VENDOR_STRING "pmx 0.1.0"

/* ---- Threads ---- */

#define SHMEM_THREAD_SINGLE 0
#define SHMEM_THREAD_FUNNELED 1
#define SHMEM_THREAD_SERIALIZED 2
#define SHMEM_THREAD_MULTIPLE 3

/* ---- Teams and contexts ---- */

typedef struct shmem_team *shmem_team_t;
#define SHMEM_TEAM_INVALID ((shmem_team_t)0)
#define SHMEM_TEAM_WORLD ((shmem_team_t)1)
#define SHMEM_TEAM_SHARED ((shmem_team_t)2) /* the PEs that shmem_ptr reaches */

typedef struct {
    int num_contexts;
} shmem_team_config_t;
#define SHMEM_TEAM_NUM_CONTEXTS 0x1l /* in a mask: num_contexts is given */

typedef struct shmem_ctx *shmem_ctx_t;
#define SHMEM_CTX_INVALID ((shmem_ctx_t)0)
#define SHMEM_CTX_DEFAULT ((shmem_ctx_t)1)

/* Options of shmem_ctx_create. */
#define SHMEM_CTX_SERIALIZED 0x1l
#define SHMEM_CTX_PRIVATE 0x2l
#define SHMEM_CTX_NOSTORE 0x4l

/* Hints of shmem_malloc_with_hints. */
#define SHMEM_MALLOC_ATOMICS_REMOTE 0x1l
#define SHMEM_MALLOC_SIGNAL_REMOTE 0x2l

/* ---- Signals, waits ---- */

#define SHMEM_SIGNAL_SET 0
#define SHMEM_SIGNAL_ADD 1

#define SHMEM_CMP_EQ 0
#define SHMEM_CMP_NE 1
#define SHMEM_CMP_GT 2
#define SHMEM_CMP_GE 3
#define SHMEM_CMP_LT 4
#define SHMEM_CMP_LE 5

/* ---- Active sets: words of pSync, and how they begin ---- */

#define SHMEM_SYNC_VALUE 0l
#define SHMEM_SYNC_SIZE 8
#define SHMEM_BARRIER_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_BCAST_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_COLLECT_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_REDUCE_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_ALLTOALL_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_ALLTOALLS_SYNC_SIZE SHMEM_SYNC_SIZE
#define SHMEM_REDUCE_MIN_WRKDATA_SIZE 1

#include "shmem_calls.h"

#include "shmem_generic.h"
#if !defined(__cplusplus) && __STDC_VERSION__ >= 201112L
/* Of a team, or of an active set. */
#define SHMEM_GENERIC_team_sync(team) shmem_team_sync(team)
#define SHMEM_GENERIC_set_sync(start, log_stride, size, psync) (shmem_sync)(start, log_stride, size, psync)
#define SHMEM_GENERIC_SYNC(a0, a1, a2, a3, name, ...) name
#define shmem_sync(...) \
    SHMEM_GENERIC_SYNC(__VA_ARGS__, SHMEM_GENERIC_set_sync, 0, 0, SHMEM_GENERIC_team_sync, 0)(__VA_ARGS__)
#endif
#include "shmem_old.h"

#endif /* SHMEM_H */
