/* SPDX-License-Identifier: BSD-3-Clause */
/* Each PE hands its block of numbers to its right neighbour, n_pes times, until it has its own again.
 *     cc shift.c $(pkg-config --cflags --libs pmx-shmem) -o shift && mpirun -n 4 ./shift */
#include <shmem.h>
#include <stdio.h>

enum { kNumbers = 1000 };

int main(void)
{
    /* Static, so symmetric: the same variables are there on every PE. */
    static long in[kNumbers], out[kNumbers];

    shmem_init();
    int me = shmem_my_pe(), n_pes = shmem_n_pes(), right = (me + 1) % n_pes;
    for (int i = 0; i < kNumbers; i++) out[i] = 1000L * me + i;
    for (int step = 0; step < n_pes; step++) {
        shmem_put(in, out, kNumbers, right);
        shmem_barrier_all();
        for (int i = 0; i < kNumbers; i++) out[i] = in[i];
        shmem_barrier_all();
    }
    int bad = 0;
    for (int i = 0; i < kNumbers; i++) bad |= out[i] != 1000L * me + i;
    printf("shift: PE %d of %d has its numbers%s\n", me, n_pes, bad ? " wrong" : "");
    shmem_finalize();
    return bad;
}
