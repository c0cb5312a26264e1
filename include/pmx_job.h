/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_job.h: other ways to begin, memory of the program that becomes symmetric, and failures that no call has waited
 * for. Includes pmx.h. */
#ifndef PMX_JOB_H
#define PMX_JOB_H

#include "pmx.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Life ---- */

/* Which threads call pmx. In the order of what they may do. */
typedef enum pmx_thread_level {
    PMX_THREAD_SINGLE = 0,     /* there is one */
    PMX_THREAD_FUNNELED = 1,   /* the one that called pmx_init_thread */
    PMX_THREAD_SERIALIZED = 2, /* one at a time */
    PMX_THREAD_MULTIPLE = 3    /* any, at the same time; collective calls as their pages say */
} pmx_thread_level_t;

/* As pmx_init. provided_out (may be NULL): what the library allows, at least required. */
PMX_API int pmx_init_thread(pmx_thread_level_t required, int *provided_out);

#define PMX_UID_BYTES 128 /* room for any uid */

/* Without MPI. Makes the text by which the ranks of one job find each other, and listens for them; n_bytes: at least
 * PMX_UID_BYTES. Called before pmx_init_uid by the process that becomes rank 0, or by one that forks it then. */
PMX_API int pmx_uid_create(char *uid_out, size_t n_bytes);
/* Collective. As pmx_init, but the job is all that call this with the uid, each with a rank of its own in 0..size-1. A uid
 * is for one job. PMX_ERR_TIMEOUT: a rank did not come within PMX_TIMEOUT. PMX_ERR_MISMATCH: the ranks do not agree on
 * their number, or two say that they are the same. */
PMX_API int pmx_init_uid(const char *uid, int rank, int size);

/* ---- Memory of the program ---- */

/* Collective, with the same n_bytes on all ranks. Makes n_bytes from ptr on symmetric, whole pages of memory that nobody
 * else uses meanwhile: they keep their contents and their address here, and lie in the symmetric heap from then on.
 * ptr_sym_out: their symmetric address, by which calls name them. ptr may differ between ranks. Memory is taken from the
 * heap as by pmx_malloc. A child of fork shares these pages with its parent. */
PMX_API int pmx_register(void *ptr, size_t n_bytes, void **ptr_sym_out);
/* Collective. The pages are private again, with their contents. ptr: that of pmx_register. */
PMX_API int pmx_deregister(void *ptr);

/* ---- Failures that no call has waited for ---- */

/* err_out: 0 while all is well, else what has happened: PMX_ERR_PEER_FAILED, or the error of the whole job. rank_out (may
 * be NULL): the lowest rank that has failed, or -1. Does not wait. */
PMX_API int pmx_async_error(int *err_out, int *rank_out);

/* err: PMX_ERR_PEER_FAILED. */
typedef void (*pmx_error_handler_fn)(void *arg, int err, int rank);
/* handler is called once for each rank that fails from then on, by a thread of pmx or one that waits in a call of it, which
 * must not be kept waiting; it may call pmx_async_error and nothing else of pmx. NULL: nothing is called, and no call is
 * under way any more. */
PMX_API int pmx_error_handler_set(pmx_error_handler_fn handler, void *arg);

#ifdef __cplusplus
}
#endif
#endif /* PMX_JOB_H */
