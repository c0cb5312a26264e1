/* SPDX-License-Identifier: BSD-3-Clause */
/* Pi, as the area below a curve: each PE takes the next strip that nobody has taken, and the areas are added up.
 *     cc pi.c $(pkg-config --cflags --libs pmx-shmem) -o pi && mpirun -n 4 ./pi */
#include <shmem.h>
#include <stdio.h>

enum { kStrips = 2000 };

int main(void)
{
    static long next; /* on PE 0: the strip that nobody has taken yet */
    static double area, pi;

    shmem_init();
    int me = shmem_my_pe(), n_pes = shmem_n_pes();
    long strip;
    while ((strip = shmem_atomic_fetch_inc(&next, 0)) < kStrips) {
        double x = ((double)strip + 0.5) / kStrips;
        area += 4.0 / (1.0 + x * x) / kStrips;
    }
    if (shmem_sum_reduce(SHMEM_TEAM_WORLD, &pi, &area, 1)) shmem_global_exit(1);
    int bad = pi < 3.14159 || pi > 3.14160;
    printf("pi: PE %d of %d has %.6f\n", me, n_pes, pi);
    shmem_finalize();
    return bad;
}
