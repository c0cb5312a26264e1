/* SPDX-License-Identifier: BSD-3-Clause */
/* A program of OpenSHMEM that puts a number into a static variable. */
#include <shmem.h>
#include <stdio.h>

int main(void)
{
    static int word;
    int major, minor;
    shmem_init();
    shmem_info_get_version(&major, &minor);
    shmem_p(&word, 3, shmem_my_pe());
    shmem_quiet();
    printf("OpenSHMEM %d.%d, PE %d of %d saw %d\n", major, minor, shmem_my_pe(), shmem_n_pes(), word);
    shmem_finalize();
    return 0;
}
