/* SPDX-License-Identifier: BSD-3-Clause */
/* Ways to end, by name, and calls that end the job. */
#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int word;
static long psync[SHMEM_SYNC_SIZE];

/* What the others do while one ends the job. */
static void stay(void)
{
    for (;;) pause();
}

int main(int argc, char **argv)
{
    const char *way = argc > 1 ? argv[1] : "";
    if (strcmp(way, "early") == 0) shmem_barrier_all();
    if (strcmp(way, "level") == 0) {
        int provided = -1;
        return shmem_init_thread(17, &provided) != 0 && provided == -1 ? 0 : 1;
    }
    shmem_init();
    int me = shmem_my_pe(), n_pes = shmem_n_pes(), value = 40 + me;
    if (strcmp(way, "twice") == 0) {
        shmem_init();
        shmem_finalize();
        shmem_finalize();
        return 0;
    }
    if (strcmp(way, "again") == 0) {
        shmem_finalize();
        shmem_init();
        shmem_int_p(&word, me, (me + 1) % n_pes);
        shmem_barrier_all();
        value = word;
        shmem_finalize();
        return value != (me + n_pes - 1) % n_pes;
    }
    if (strcmp(way, "none") == 0) {
        /* Comes late; what the first has put is there when all have ended. */
        if (me == 0) shmem_int_p(&word, 5, n_pes - 1);
        if (me == 0) printf("PE 0 leaves main\n");
        return 0;
    }
    if (strcmp(way, "exit") == 0) {
        if (me != n_pes - 1) stay();
        exit(3);
    }
    if (strcmp(way, "global") == 0 || strcmp(way, "global0") == 0) {
        if (me != n_pes - 1) stay();
        printf("not yet flushed");
        shmem_global_exit(strcmp(way, "global") == 0 ? 7 : 0);
    }
    if (strcmp(way, "pe") == 0) shmem_int_put(&word, &value, 1, n_pes);
    if (strcmp(way, "stack") == 0) shmem_int_put(&value, &value, 1, 0);
    if (strcmp(way, "stride") == 0) shmem_int_iput(&word, &value, 0, 1, 1, 0);
    if (strcmp(way, "context") == 0) shmem_ctx_quiet(SHMEM_CTX_INVALID);
    if (strcmp(way, "default") == 0) shmem_ctx_destroy(SHMEM_CTX_DEFAULT);
    if (strcmp(way, "free") == 0) shmem_free(&value);
    if (strcmp(way, "cmp") == 0) shmem_int_wait_until(&word, 9, 0);
    if (strcmp(way, "lock") == 0) shmem_set_lock(&(long){0});
    if (strcmp(way, "team") == 0) shmem_int_broadcast(SHMEM_TEAM_INVALID, &word, &word, 1, 0);
    if (strcmp(way, "root") == 0) shmem_int_broadcast(SHMEM_TEAM_WORLD, &word, &word, 1, n_pes);
    if (strcmp(way, "source") == 0) shmem_int_sum_reduce(SHMEM_TEAM_WORLD, &word, &value, 1);
    if (strcmp(way, "set") == 0) shmem_barrier(n_pes, 0, 1, (long[SHMEM_SYNC_SIZE]){0});
    if (strcmp(way, "others") == 0) shmem_barrier((me + 1) % n_pes, 0, n_pes > 1 ? 1 : 2, psync);
    if (strcmp(way, "world") == 0) shmem_team_destroy(SHMEM_TEAM_WORLD);
    if (strcmp(way, "member") == 0) {
        shmem_ctx_t ctx;
        if (shmem_team_create_ctx(SHMEM_TEAM_WORLD, 0, &ctx) == 0) shmem_ctx_int_p(ctx, &word, 1, n_pes);
    }
    if (strcmp(way, "realloc") == 0) word = shmem_realloc(&value, 10) != NULL;
    stay();
    return 0;
}
