/* SPDX-License-Identifier: BSD-3-Clause */
/* Global and static variables are symmetric, wherever the executable is loaded, and keep what they hold at the start and at
 * the end. With "heap" no variable is used by another PE. */
#include "check.h"

int initialised[4] = {11, 22, 33, 44};
static long zeroed;
static char large[1 << 20];
#ifdef OTHER_LAYOUT
/* Variables of other sizes, so that none lies where it lies in the program without them. */
char before[12345] = {1};
#endif

static int *local_static(void)
{
    static int word = 5;
    return &word;
}

int main(int argc, char **argv)
{
    static double of_main = 1.5;
    int heap_only = argc > 1 && strcmp(argv[1], "heap") == 0;
    large[5] = 'x';
    *local_static() = 6;
    shmem_init();
    int me = shmem_my_pe(), n_pes = shmem_n_pes(), right = (me + 1) % n_pes, left = (me + n_pes - 1) % n_pes;
    CHECK(initialised[0] == 11 && initialised[3] == 44 && zeroed == 0 && large[5] == 'x' && *local_static() == 6);
    int *on_heap = shmem_calloc(1, sizeof(int));
    shmem_int_p(on_heap, me, right);
    shmem_barrier_all();
    CHECK(*on_heap == left);
    if (heap_only) return all_right();

    int stack = 100 + me;
    shmem_int_put(&initialised[1], &stack, 1, right);
    shmem_long_p(&zeroed, 200 + me, right);
    shmem_int_put(local_static(), &initialised[2], 1, right);
    of_main = me;
    shmem_barrier_all();
    CHECK(initialised[0] == 11 && initialised[1] == 100 + left && initialised[2] == 33);
    CHECK(zeroed == 200 + left && *local_static() == 33);
    CHECK(shmem_double_g(&of_main, right) == right);
    CHECK(shmem_addr_accessible(&zeroed, right) && shmem_ptr(&zeroed, me) == &zeroed);
    /* All of a large one, from and to such memory, without blocking. */
    shmem_barrier_all();
    memset(large, 'a' + me, sizeof large / 2);
    shmem_putmem_nbi(large + sizeof large / 2, large, sizeof large / 2, right);
    shmem_barrier_all();
    for (size_t i = sizeof large / 2; i < sizeof large; i++) CHECK(large[i] == 'a' + left);
    shmem_barrier_all();
    shmem_getmem_nbi(large + sizeof large / 2, large, sizeof large / 2, right);
    shmem_quiet();
    for (size_t i = sizeof large / 2; i < sizeof large; i++) CHECK(large[i] == 'a' + right);
    shmem_free(on_heap);
    all_right();
    /* They are this process's own again. */
    zeroed = 9;
    return initialised[1] == 100 + left && large[0] == 'a' + me && zeroed == 9 ? 0 : 1;
}
