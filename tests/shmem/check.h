/* SPDX-License-Identifier: BSD-3-Clause */
/* check.h: what the programs of several PEs share. A failed check ends the job. */
#ifndef CHECK_H
#define CHECK_H

#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                        \
    do {                                                                                        \
        if (condition) break;                                                                   \
        fprintf(stderr, "PE %d: %s:%d: %s is false\n", shmem_my_pe(), __FILE__, __LINE__, #condition); \
        shmem_global_exit(1);                                                                   \
    } while (0)

/* Ends a program that has found all right. */
static inline int all_right(void)
{
    int me = shmem_my_pe();
    shmem_barrier_all();
    shmem_finalize();
    if (me == 0) puts("ok");
    return 0;
}

#endif
