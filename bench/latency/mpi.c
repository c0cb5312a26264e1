/* SPDX-License-Identifier: BSD-3-Clause */
/* The same as pmx.c with one-sided MPI. A put with a signal is MPI_Put of the data, MPI_Win_flush, so that it
 * comes first, then MPI_Put of the number and MPI_Win_flush: MPI has no shorter way. Errors end the job, as
 * MPI has it. */
#define OMPI_SKIP_MPICXX 1
#include <mpi.h>

#include "samples.h"

static int rank;
static char *window, *out; /* MOST_BYTES, and behind them in the window the number */
static MPI_Win win;
static uint64_t ns[N_CALLS];

static void put(const void* from, size_t n_bytes, size_t at)
{
    MPI_Put(from, (int)n_bytes, MPI_BYTE, 1 - rank, (MPI_Aint)at, (int)n_bytes, MPI_BYTE, win);
    MPI_Win_flush(1 - rank, win);
}

/* Looks often; MPI_Iprobe lets MPI take in what the other rank sends. */
static void wait_for(uint64_t number)
{
    volatile uint64_t* word = (volatile uint64_t*)(window + MOST_BYTES);
    for (unsigned i = 1; *word < number; i++) {
        int there;
        MPI_Win_sync(win);
        if (i % 16 == 0) MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    }
}

static void put_signal(size_t n_bytes, uint64_t first)
{
    for (uint64_t i = 0; i < N_CALLS; i++) {
        uint64_t begin = now_ns(), number = first + i;
        if (rank == 1) wait_for(number);
        put(out, n_bytes, 0);
        put(&number, sizeof number, MOST_BYTES);
        if (rank == 0) wait_for(number);
        ns[i] = now_ns() - begin;
    }
    if (rank == 0) print_samples("mpi", "put_signal", n_bytes, ns, 2);
}

static void put_flush(size_t n_bytes)
{
    for (int i = 0; i < N_CALLS && rank == 0; i++) {
        uint64_t begin = now_ns();
        put(out, n_bytes, 0);
        ns[i] = now_ns() - begin;
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) print_samples("mpi", "put_complete", n_bytes, ns, 1);
}

static void barrier(void)
{
    for (int i = 0; i < N_CALLS; i++) {
        uint64_t begin = now_ns();
        MPI_Barrier(MPI_COMM_WORLD);
        ns[i] = now_ns() - begin;
    }
    if (rank == 0) print_samples("mpi", "barrier", 0, ns, 1);
}

int main(int argc, char** argv)
{
    int size;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    if (size != 2) MPI_Abort(MPI_COMM_WORLD, 2);
    MPI_Win_allocate(MOST_BYTES + sizeof(uint64_t), 1, MPI_INFO_NULL, MPI_COMM_WORLD, &window, &win);
    MPI_Alloc_mem(MOST_BYTES, MPI_INFO_NULL, &out);
    for (size_t i = 0; i < MOST_BYTES; i++) out[i] = 0;
    *(volatile uint64_t*)(window + MOST_BYTES) = 0;
    MPI_Win_lock_all(0, win);
    MPI_Barrier(MPI_COMM_WORLD);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        put_signal(sizes[i], 1 + i * N_CALLS);
        MPI_Barrier(MPI_COMM_WORLD);
        put_flush(sizes[i]);
    }
    barrier();
    MPI_Win_unlock_all(win);
    MPI_Free_mem(out);
    MPI_Win_free(&win);
    return MPI_Finalize();
}
