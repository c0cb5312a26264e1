/* SPDX-License-Identifier: BSD-3-Clause */
/* pmx_command.h: the format of a command and of the queue that carries it from a kernel to the proxy.
 * The only header that device/ (producer) and proxy/ (consumer) share. Users need not include it.
 *
 * A command is 32 bytes: two halves of 16 bytes, each of two 64-bit words. Bit 0 of the first word of
 * each half is the lap parity: (index / capacity + 1) & 1, so the zeroed ring of lap 0 is invalid.
 * A command is there when both halves carry the parity of the lap; halves may arrive in any order.
 *
 *   word 0   bit 0 parity | 1..5 op | 6..15 flags | 16..23 epoch | 24..43 dst_rank | 44..63 reserved, 0
 *   word 1   PUT, GET: heap offset in the own heap | SIGNAL: the value
 *            SIGNAL_RUN: heap offset in the own heap of the values, 8 bytes each
 *   word 2   bit 0 parity | 1..63 n_bytes (PUT, GET), run (SIGNAL_RUN), else 0
 *   word 3   heap offset in the target's heap of the data (PUT, GET), the 8-byte word (SIGNAL), or the first
 *            of the words (SIGNAL_RUN)
 *
 * put_signal is two commands at consecutive indices: a PUT, then a SIGNAL with PMX_CMD_ORDER.
 * A run is 1..2^20-1 SETs of words `stride` bytes apart, as n | stride << 20; the values stay unchanged until
 * the command is complete. */
#ifndef PMX_COMMAND_H
#define PMX_COMMAND_H

#include "pmx.h"

typedef enum pmx_cmd_op {
    PMX_CMD_PUT = 1,
    PMX_CMD_SIGNAL_SET = 2,
    PMX_CMD_SIGNAL_ADD = 3,
    PMX_CMD_FENCE = 4, /* what follows to dst_rank becomes visible there after what precedes */
    PMX_CMD_GET = 5,
    PMX_CMD_SIGNAL_RUN = 6
} pmx_cmd_op_t;

/* An order point stands before this signal: it must not overtake the puts queued before it. */
#define PMX_CMD_ORDER 1u
/* With PMX_CMD_ORDER: the order point of a committed group, which the proxy merges with no other. */
#define PMX_CMD_COMMIT 2u

#define PMX_CMD_MAX_RANK ((1u << 20) - 1)
#define PMX_CMD_MAX_BYTES ((UINT64_C(1) << 63) - 1)
#define PMX_CMD_MAX_RUN ((UINT64_C(1) << 20) - 1)

/* Heap offsets from here on are of the heap of GPU memory, those below of the heap of host memory. The values of
 * a SIGNAL_RUN lie in host memory. */
#define PMX_CMD_GPU_HEAP (UINT64_C(1) << 56)

/* One slot of the ring.
 * Writer: the producer that reserved the index. A CPU stores the second word of a half first (relaxed), then the
 * word with the parity (release), which also publishes the payload written before. A GPU makes one system-scope
 * fence, then stores each half at once (16 bytes, relaxed).
 * Reader: the proxy; acquire on the parity words. Reused when `consumed` has passed the index. */
typedef struct pmx_command {
    uint64_t word[4];
} pmx_command_t;

/* A queue as its producers see it; all words are 64-bit, grow for ever and never wrap in practice
 * (2^64 commands). Chosen by destination, so queue order is the order to one rank. */
typedef struct pmx_device_queue {
    pmx_command_t *entries; /* ring of `capacity` slots, 64-byte aligned, zeroed at creation */
    /* Writers: producers, fetch-add relaxed; of GPU scope, when they are kernels. Readers: producers (quiet). The proxy
     * never reads it: it may lie in memory of the GPU, and so may the two words below that end in _seen. */
    uint64_t *head;
    /* Writer: the proxy, release, after it has copied the commands before this index out of the ring.
     * Readers: producers, acquire, before they write a slot again. */
    const uint64_t *consumed;
    /* Writer: the proxy, release: every command before this index is complete at its target, or has
     * failed (then the fault words say so). Readers: producers, acquire (quiet). */
    const uint64_t *completed;
    /* Copies of consumed and completed near to producers that are far from the proxy; NULL: read the word itself.
     * Writers: producers, release, after they have read the word; a store may bring back an older value.
     * Readers: producers, acquire, before they read the word. */
    uint64_t *consumed_seen;
    uint64_t *completed_seen;
    uint64_t capacity; /* a power of two; at least 64 when the lanes of a warp push together */
} pmx_device_queue_t;

/* (index / capacity + 1) & 1, for a capacity that is a power of two: division is slow on a GPU. */
PMX_HOST_DEVICE static inline uint64_t pmx_command_parity(uint64_t index, uint64_t capacity)
{
    return (index & capacity) == 0;
}

PMX_HOST_DEVICE static inline pmx_command_t pmx_command_make(pmx_cmd_op_t op, unsigned flags,
                                                             uint32_t dst_rank, uint64_t local,
                                                             uint64_t n_bytes, uint64_t remote_off)
{
    pmx_command_t c;
    c.word[0] = (uint64_t)op << 1 | (uint64_t)flags << 6 | (uint64_t)dst_rank << 24;
    c.word[1] = local;
    c.word[2] = n_bytes << 1;
    c.word[3] = remote_off;
    return c;
}

PMX_HOST_DEVICE static inline pmx_cmd_op_t pmx_command_op(const pmx_command_t *c)
{
    return (pmx_cmd_op_t)(c->word[0] >> 1 & 31);
}
PMX_HOST_DEVICE static inline unsigned pmx_command_flags(const pmx_command_t *c)
{
    return (unsigned)(c->word[0] >> 6 & 1023);
}
PMX_HOST_DEVICE static inline uint32_t pmx_command_dst(const pmx_command_t *c)
{
    return (uint32_t)(c->word[0] >> 24 & PMX_CMD_MAX_RANK);
}
PMX_HOST_DEVICE static inline uint64_t pmx_command_bytes(const pmx_command_t *c)
{
    return c->word[2] >> 1;
}

PMX_HOST_DEVICE static inline uint64_t pmx_command_run_make(uint64_t n, uint64_t stride_bytes)
{
    return n | stride_bytes << 20;
}
PMX_HOST_DEVICE static inline uint64_t pmx_command_run_count(const pmx_command_t *c)
{
    return pmx_command_bytes(c) & PMX_CMD_MAX_RUN;
}
PMX_HOST_DEVICE static inline uint64_t pmx_command_run_stride(const pmx_command_t *c)
{
    return pmx_command_bytes(c) >> 20;
}

#endif /* PMX_COMMAND_H */
