/* SPDX-License-Identifier: BSD-3-Clause */
/* A message goes round: each PE waits for the signal of its left neighbour, adds its number and sends on.
 *     cc ring.c $(pkg-config --cflags --libs pmx-shmem) -o ring && mpirun -n 4 ./ring */
#include <shmem.h>
#include <stdio.h>

enum { kWords = 512, kRounds = 10 };

int main(void)
{
    shmem_init();
    int me = shmem_my_pe(), n_pes = shmem_n_pes(), right = (me + 1) % n_pes;
    long *in = shmem_calloc(kWords, sizeof(long)), *out = shmem_calloc(kWords, sizeof(long));
    uint64_t *signal = shmem_calloc(1, sizeof(uint64_t));
    if (!in || !out || !signal) shmem_global_exit(1);
    for (uint64_t round = 1; round <= kRounds; round++) {
        /* PE 0 sends first, and ends the round when the message is back. */
        if (me != 0) {
            shmem_signal_wait_until(signal, SHMEM_CMP_EQ, round);
            for (int i = 0; i < kWords; i++) out[i] = in[i] + me;
        }
        shmem_put_signal(in, out, kWords, signal, round, SHMEM_SIGNAL_SET, right);
        if (me == 0) {
            shmem_signal_wait_until(signal, SHMEM_CMP_EQ, round);
            for (int i = 0; i < kWords; i++) out[i] = in[i];
        }
    }
    long sum = (long)n_pes * (n_pes - 1) / 2 * kRounds;
    int bad = me == 0 && (out[0] != sum || out[kWords - 1] != sum);
    printf("ring: PE %d of %d %s\n", me, n_pes, bad ? "has a wrong sum" : "has sent its rounds");
    shmem_free(signal);
    shmem_free(out);
    shmem_free(in);
    shmem_finalize();
    return bad;
}
