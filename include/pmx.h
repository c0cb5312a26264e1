/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx.h: the host C API of pmx.
 *
 * Errors. Every function returns an int: PMX_SUCCESS (0) or one of the negative PMX_ERR_* codes.
 * Results come by out-arguments; they are last, are named *_out, and are written on success only.
 * pmx_last_error_detail() gives one line on the last failure of the calling thread. The library
 * never ends the process, except in pmx_abort().
 *
 * Units. Sizes and offsets are bytes (n_bytes, heap_off), times are nanoseconds (timeout_ns).
 *
 * Threads. After pmx_init() any thread may call the RMA, signal, ordering and query functions.
 * Collective calls (marked so) are made by all ranks in the same order, by one thread at a time.
 *
 * Words. A rank is one process of the job. The symmetric heap has the same layout on every rank:
 * an address inside it (suffix _sym) names the same object everywhere. */
#ifndef PMX_H
#define PMX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PMX_API __attribute__((visibility("default")))
#else
#define PMX_API
#endif

/* Before functions of the device headers, which nvcc compiles for the CPU and for the GPU. */
#ifdef __CUDACC__
#define PMX_HOST_DEVICE __host__ __device__
#else
#define PMX_HOST_DEVICE
#endif

/* ---- Versions ---- */

#define PMX_VERSION_MAJOR 0
#define PMX_VERSION_MINOR 1
#define PMX_VERSION_PATCH 0
#define PMX_ABI_VERSION 0 /* changes when a program must be compiled again */

/* version_out: the "MAJOR.MINOR.PATCH" of the library in use, a static string. */
PMX_API int pmx_version(const char **version_out);
/* The PMX_ABI_VERSION that the library in use was built with. */
PMX_API int pmx_abi_version(int *abi_version_out);

/* ---- Errors ---- */

/* Grouped by what must be rebuilt before going on. runtime/errors.def holds the texts. */
typedef enum pmx_err {
    PMX_SUCCESS = 0,
    /* the call: it changed nothing, call again with better arguments */
    PMX_ERR_ARGUMENT = -1,    /* an argument is out of its range */
    PMX_ERR_ADDRESS = -2,     /* an address is not where it must be, such as in the symmetric heap */
    PMX_ERR_RANK = -3,        /* no such rank */
    PMX_ERR_PARAM = -4,       /* a PMX_ variable or parameter is unknown or has a bad value */
    PMX_ERR_STATE = -5,       /* not initialised, or initialised already */
    PMX_ERR_UNSUPPORTED = -6, /* this build, transport or provider cannot do it */
    PMX_ERR_MISMATCH = -7,    /* the ranks of a collective call do not agree */
    /* the operation: it did not take place, the rest of the job is well */
    PMX_ERR_TIMEOUT = -20, /* a wait ended by its time limit */
    PMX_ERR_MEMORY = -21,  /* the symmetric heap, or memory of the process, is exhausted */
    PMX_ERR_AGAIN = -22,   /* no room now; call again later */
    /* the peer: operations with one rank fail, others go on */
    PMX_ERR_PEER_FAILED = -40,
    /* the job: initialise again, or end */
    PMX_ERR_TRANSPORT = -80, /* the network path failed or none is usable */
    PMX_ERR_BOOTSTRAP = -81, /* MPI failed or is not there */
    PMX_ERR_SYSTEM = -82,    /* a system call failed */
    PMX_ERR_ABORTED = -83,   /* a rank called pmx_abort, or the job is coming down */
    PMX_ERR_INTERNAL = -84,  /* a defect of pmx */
    PMX_ERR_INTEGRITY = -85  /* with PMX_CHECK: what came is not what was sent */
} pmx_err_t;

typedef enum pmx_err_class {
    PMX_CLASS_NONE = 0,
    PMX_CLASS_CALL = 1,
    PMX_CLASS_OPERATION = 2,
    PMX_CLASS_PEER = 3,
    PMX_CLASS_JOB = 4
} pmx_err_class_t;

/* A static text for a code; never NULL, also for codes that do not exist. */
PMX_API const char *pmx_error_string(int err);
/* class_out: a pmx_err_class_t. PMX_ERR_ARGUMENT: no such code. */
PMX_API int pmx_error_class(int err, int *class_out);
/* One line on the last failure of the calling thread ("" if none): what was asked, what is
 * allowed. Valid until the next pmx call of this thread. Never NULL. */
PMX_API const char *pmx_last_error_detail(void);
/* For libraries built on pmx: remembers detail as pmx_last_error_detail() of the calling thread and
 * returns err. */
PMX_API int pmx_error_report(int err, const char *detail);

/* ---- Life ---- */

/* Collective. Brings the runtime up: parameters from the environment, MPI (initialised here when
 * the program did not), heap, transport, proxy thread. A build without MPI makes a job of one rank.
 * PMX_ERR_STATE when up already; any failure leaves nothing behind, and is the same on all ranks. */
PMX_API int pmx_init(void);
/* Collective. Completes all operations, stops the proxy, frees the heap. MPI ends with the process. */
PMX_API int pmx_finalize(void);
/* initialized_out: 1 between pmx_init and pmx_finalize, else 0. May be called at any time. */
PMX_API int pmx_initialized(int *initialized_out);
/* Ends all ranks of the job with this exit status. Does not return. Prints one line to stderr. */
PMX_API void pmx_abort(int exit_status, const char *reason);

/* ---- Parameters: pmx-environment(7) lists them ---- */

/* Sets a parameter for the next pmx_init; stronger than the environment. name has no PMX_ prefix
 * and is upper case ("HEAP_SIZE"). PMX_ERR_PARAM: unknown name or bad value. PMX_ERR_STATE: up. */
PMX_API int pmx_param_set(const char *name, const char *value);
/* Writes the value in force as text (a NUL is always written). PMX_ERR_ARGUMENT: does not fit. */
PMX_API int pmx_param_get(const char *name, char *text_out, size_t n_bytes);

typedef struct pmx_param_info {
    size_t size_bytes; /* filled by the caller: sizeof(pmx_param_info_t) */
    const char *name;  /* without PMX_ */
    const char *type;  /* "size" "time" "count" "choice" "text" "flag" */
    const char *default_text;
    const char *range; /* "1..64", "auto|shm|ofi", ... */
    const char *help;
} pmx_param_info_t;
/* The parameter at index 0, 1, ...; PMX_ERR_ARGUMENT past the last. */
PMX_API int pmx_param_list(int index, pmx_param_info_t *info_out);

/* ---- Who and where ---- */

PMX_API int pmx_rank(int *rank_out);
PMX_API int pmx_size(int *size_out);
/* Rank and number of ranks on this node (same host name and network namespace). */
PMX_API int pmx_node_rank(int *node_rank_out);
PMX_API int pmx_node_size(int *node_size_out);

typedef struct pmx_topology {
    size_t size_bytes; /* filled by the caller */
    int n_numa;        /* NUMA nodes of this machine */
    int n_cores;       /* cores of this machine */
    int n_cores_allowed;
    int proxy_core;     /* logical core index the proxy is bound to; -1: not bound */
    int proxy_numa;     /* NUMA node of that core; -1: not bound */
    char proxy_why[96]; /* how the core was chosen, or why none was */
    int n_nodes;        /* nodes of the job */
} pmx_topology_t;
PMX_API int pmx_topology_query(pmx_topology_t *topology_out);

typedef struct pmx_transport_info {
    size_t size_bytes;   /* filled by the caller */
    char transport[16];  /* "self" (one rank), "shm", "ofi", or "shm+ofi" */
    char provider[64];   /* libfabric provider, "" without one */
    char order[16];      /* order mode in force on the network path, "none" without one */
    char signals[16];    /* "coupled" or "grouped" */
    int n_direct_ranks;  /* ranks (this one included) reached by plain stores */
    int n_network_ranks; /* ranks reached through the proxy */
} pmx_transport_info_t;
PMX_API int pmx_transport_query(pmx_transport_info_t *info_out);

/* ---- Symmetric heap ---- */

/* Collective. The same n_bytes on all ranks, else PMX_ERR_MISMATCH and nothing is allocated.
 * alignment: a power of two, 1 to 4096; results are aligned to 64 at least. 0 bytes give NULL.
 * PMX_ERR_MEMORY: does not fit. Holds a barrier: the memory is usable everywhere on return. */
PMX_API int pmx_malloc(size_t n_bytes, void **ptr_sym_out);
PMX_API int pmx_calloc(size_t n_elems, size_t elem_bytes, void **ptr_sym_out);
PMX_API int pmx_aligned_alloc(size_t alignment, size_t n_bytes, void **ptr_sym_out);
/* Collective; begins with a barrier. NULL is allowed. PMX_ERR_ADDRESS: not from pmx_malloc. */
PMX_API int pmx_free(void *ptr_sym);
/* The address by which this rank loads and stores the object ptr_sym of rank; NULL in *ptr_out when
 * only the proxy reaches it. */
PMX_API int pmx_ptr(const void *ptr_sym, int rank, void **ptr_out);

typedef struct pmx_heap_info {
    size_t size_bytes; /* filled by the caller */
    void *base_sym;
    size_t heap_bytes;
    size_t used_bytes;
    size_t largest_free_bytes; /* the largest pmx_malloc that can succeed now */
} pmx_heap_info_t;
PMX_API int pmx_heap_query(pmx_heap_info_t *heap_out);

/* ---- Contexts: ordering and completion domains ---- */

typedef struct pmx_ctx *pmx_ctx_t;
#define PMX_CTX_DEFAULT ((pmx_ctx_t)0) /* always there between init and finalize */

/* How an order point is kept; pmx-ordering(7). */
typedef enum pmx_order {
    PMX_ORDER_AUTO = 0,
    PMX_ORDER_STALL_ALL = 1,
    PMX_ORDER_STALL_RANK = 2,
    PMX_ORDER_DEFERRED = 3,
    PMX_ORDER_FENCE = 4,
    PMX_ORDER_ORDERED = 5,
    PMX_ORDER_COUNTED = 6
} pmx_order_t;

typedef enum pmx_signals { PMX_SIGNALS_COUPLED = 0, PMX_SIGNALS_GROUPED = 1 } pmx_signals_t;

typedef struct pmx_ctx_attr {
    size_t size_bytes;     /* filled by the caller */
    pmx_order_t order;     /* AUTO: what PMX_ORDER says */
    int signals;           /* a pmx_signals_t, or -1: what PMX_SIGNALS says */
    unsigned n_queues;     /* command queues, 1..64; 0: what PMX_QUEUES says */
} pmx_ctx_attr_t;

/* Collective. attr NULL: all defaults. PMX_ERR_UNSUPPORTED: the transport cannot keep this order. */
PMX_API int pmx_ctx_create(const pmx_ctx_attr_t *attr, pmx_ctx_t *ctx_out);
/* Collective. Completes its operations first. */
PMX_API int pmx_ctx_free(pmx_ctx_t ctx);
/* The attributes in force: order is never AUTO, signals never -1 here. */
PMX_API int pmx_ctx_query(pmx_ctx_t ctx, pmx_ctx_attr_t *attr_out);

/* ---- Put and signal ----
 * dst_sym and sig_sym are symmetric addresses; src_sym lies in the heap of this rank. A signal is
 * an 8-byte aligned uint64_t. All calls return when the operation is queued: src_sym must stay
 * unchanged until pmx_quiet, or until the receiver says that it has the data.
 * Waits inside (full queue) are bounded by PMX_TIMEOUT. */

typedef enum pmx_sigop { PMX_SIGNAL_SET = 0, PMX_SIGNAL_ADD = 1 } pmx_sigop_t;
typedef enum pmx_cmp {
    PMX_CMP_EQ = 0,
    PMX_CMP_NE = 1,
    PMX_CMP_GT = 2,
    PMX_CMP_GE = 3,
    PMX_CMP_LT = 4,
    PMX_CMP_LE = 5
} pmx_cmp_t;
#define PMX_RANK_ANY (-1)

PMX_API int pmx_put_nbi(pmx_ctx_t ctx, void *dst_sym, const void *src_sym, size_t n_bytes,
                        int dst_rank);
/* From src_sym on src_rank to dst_sym in the heap of this rank; the data are there after pmx_quiet. Not ordered
 * with puts. */
PMX_API int pmx_get_nbi(pmx_ctx_t ctx, void *dst_sym, const void *src_sym, size_t n_bytes,
                        int src_rank);
/* Who sees the signal (acquire) sees the data of this put. n_bytes may be 0. */
PMX_API int pmx_put_signal_nbi(pmx_ctx_t ctx, void *dst_sym, const void *src_sym, size_t n_bytes,
                               uint64_t *sig_sym, uint64_t value, pmx_sigop_t op, int dst_rank);
/* Not ordered after earlier puts: use pmx_fence_rank or pmx_put_signal_nbi for that. */
PMX_API int pmx_signal_set(pmx_ctx_t ctx, uint64_t *sig_sym, uint64_t value, int dst_rank);
PMX_API int pmx_signal_add(pmx_ctx_t ctx, uint64_t *sig_sym, uint64_t value, int dst_rank);
/* Waits until the local word compares as asked. from_rank: who is to send it, or PMX_RANK_ANY; the
 * wait ends with PMX_ERR_PEER_FAILED when that rank (any rank) has failed, with PMX_ERR_TIMEOUT
 * after timeout_ns (0: PMX_TIMEOUT). value_out (may be NULL): the value seen. */
PMX_API int pmx_signal_wait(pmx_ctx_t ctx, const uint64_t *sig_sym, pmx_cmp_t cmp, uint64_t value,
                            int from_rank, uint64_t timeout_ns, uint64_t *value_out);
/* hit_out: 1 if it compares as asked now, else 0. Acquires when it hits. */
PMX_API int pmx_signal_test(pmx_ctx_t ctx, const uint64_t *sig_sym, pmx_cmp_t cmp, uint64_t value,
                            int *hit_out);

/* ---- Groups: puts to one rank and the signals that announce them, committed together ----
 * Who sees ANY signal of a group sees ALL its puts: one order point for the whole group (with coupled
 * signals one for each signal). A group is used by one thread at a time. */

typedef struct pmx_group *pmx_group_t;

/* Local. A group of puts to dst_rank; it lives until pmx_group_commit, or pmx_finalize. */
PMX_API int pmx_group_begin(pmx_ctx_t ctx, int dst_rank, pmx_group_t *group_out);
/* As pmx_put_nbi: may be on its way before the commit. */
PMX_API int pmx_group_put(pmx_group_t group, void *dst_sym, const void *src_sym, size_t n_bytes);
/* Notes a signal, which the commit sends. */
PMX_API int pmx_group_signal(pmx_group_t group, uint64_t *sig_sym, uint64_t value, pmx_sigop_t op);
/* Sends the signals and ends the group, whatever it returns. */
PMX_API int pmx_group_commit(pmx_group_t group);

/* ---- Ordering and completion ---- */

/* Operations of this context to dst_rank queued after the fence become visible there after those
 * before it. Waits for nothing. */
PMX_API int pmx_fence_rank(pmx_ctx_t ctx, int dst_rank);
PMX_API int pmx_fence(pmx_ctx_t ctx); /* to every rank */
/* Returns when all operations of this context are complete at their targets. */
PMX_API int pmx_quiet(pmx_ctx_t ctx);

/* ---- Collectives ---- */

/* Collective. Completes the operations of the default context, then waits until all ranks have entered. */
PMX_API int pmx_barrier(void);

/* ---- Launch: pmx_device.h is what the blocks call ---- */

typedef void (*pmx_block_fn)(void *arg);
/* Runs fn once in each thread of n_blocks blocks of n_threads host threads, all at the same time,
 * and returns when all have returned. Ranges: n_blocks 1..1024, n_threads 1..256.
 * PMX_ERR_SYSTEM: threads could not be made; then fn has not run. */
PMX_API int pmx_launch(pmx_block_fn fn, unsigned n_blocks, unsigned n_threads, void *arg);

struct pmx_device_ctx;
/* Fills the view of ctx that blocks use (struct pmx_device_ctx of pmx_device.h). device_out->size_bytes
 * is filled by the caller. Valid until ctx is freed. */
PMX_API int pmx_device_handle(pmx_ctx_t ctx, struct pmx_device_ctx *device_out);

/* ---- Counters: what went through the proxy, exact ---- */

typedef struct pmx_counters {
    size_t size_bytes;               /* filled by the caller */
    uint64_t puts;                   /* put commands, zero-length ones included */
    uint64_t put_bytes;              /* their bytes */
    uint64_t gets;                   /* get commands, zero-length ones included */
    uint64_t get_bytes;              /* their bytes */
    uint64_t signals;                /* signals sent, SET and ADD */
    uint64_t order_points_requested; /* order points that callers asked for */
    uint64_t order_points;           /* order points emitted after merging */
    uint64_t stalls;                 /* times the proxy waited at an order point */
    uint64_t stalled_ns;             /* how long, in all */
    uint64_t doorbells;              /* chains handed to the transport */
    uint64_t completions;            /* operations that completed, errors included */
    uint64_t retries;                /* posts that the transport refused for want of room */
    uint64_t errors;                 /* operations that completed with an error */
} pmx_counters_t;
PMX_API int pmx_counters_get(pmx_ctx_t ctx, pmx_counters_t *counters_out);
PMX_API int pmx_counters_reset(pmx_ctx_t ctx);

/* Writes what this rank and its proxy are at to a file descriptor, in lines for people: queues, what is under way and
 * for how long, and the ranks that are suspect or have failed. For a job that seems to hang. PMX_ERR_SYSTEM: write failed. */
PMX_API int pmx_dump(int fd);

#ifdef __cplusplus
}
#endif

#include "pmx_atomics.h"
#include "pmx_rma.h"
#include "pmx_team.h"

#endif /* PMX_H */
