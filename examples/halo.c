/* SPDX-License-Identifier: BSD-3-Clause */
/* halo.c: heat in a plate, cut into strips of rows, one strip a rank. Before each step a rank puts its outer rows into
 * the halo rows of its neighbours; the signal of a put says that the row is there.
 *
 *   mpirun -n 4 ./halo
 *
 * There is no barrier in the loop. A neighbour is at most one step ahead: it cannot begin a step before it has this
 * rank's row of that step. So there are two halo rows on each side, used in turn, and a row is read before the put of
 * two steps later can arrive.
 *
 * Each rank also computes the whole plate alone, and ends with 0 when its strip is the same, bit by bit, else with 1. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmx.h"

enum { ROWS = 16, COLUMNS = 32, STEPS = 50 }; /* rows of one rank */
enum { FROM_ABOVE = 0, FROM_BELOW = 1 };

/* Symmetric: the same layout on every rank. */
typedef struct strip {
    double cell[ROWS][COLUMNS];
    double halo[2][2][COLUMNS]; /* [FROM_ABOVE or FROM_BELOW][step % 2] */
    uint64_t arrived[2];        /* number of rows that have arrived */
} strip_t;

static void must(int err)
{
    if (err) pmx_abort(1, pmx_last_error_detail());
}

/* The plate at the begin: row counts from the top of the plate. */
static double initial(int row, int column)
{
    return (double)((row * 31 + column * 17) % 97);
}

/* One step of a row. What lies outside of the plate is as the border. */
static void relax_row(double *next, const double *above, const double *row, const double *below)
{
    for (int c = 0; c < COLUMNS; c++) {
        double left = row[c > 0 ? c - 1 : c], right = row[c < COLUMNS - 1 ? c + 1 : c];
        next[c] = 0.25 * (above[c] + below[c] + left + right);
    }
}

/* Puts my row into the halo of a neighbour, where it comes from the side said. */
static void send_row(strip_t *strip, const double *row, int step, int side, int dst_rank)
{
    must(pmx_put_signal_nbi(PMX_CTX_DEFAULT, strip->halo[side][step % 2], row, sizeof strip->halo[0][0],
                            &strip->arrived[side], 1, PMX_SIGNAL_ADD, dst_rank));
}

/* The halo row of this step, once it is there. */
static const double *await_row(strip_t *strip, int step, int side, int src_rank)
{
    must(pmx_signal_wait(PMX_CTX_DEFAULT, &strip->arrived[side], PMX_CMP_GE, (uint64_t)step + 1, src_rank, 0, NULL));
    return strip->halo[side][step % 2];
}

static void run_strip(strip_t *strip, int rank, int size)
{
    static double next[ROWS][COLUMNS];
    for (int step = 0; step < STEPS; step++) {
        const double *above = strip->cell[0], *below = strip->cell[ROWS - 1];
        if (rank > 0) send_row(strip, strip->cell[0], step, FROM_BELOW, rank - 1);
        if (rank < size - 1) send_row(strip, strip->cell[ROWS - 1], step, FROM_ABOVE, rank + 1);
        /* The inner rows need nobody: they are computed while the outer ones are on their way. */
        for (int r = 1; r < ROWS - 1; r++)
            relax_row(next[r], strip->cell[r - 1], strip->cell[r], strip->cell[r + 1]);
        if (rank > 0) above = await_row(strip, step, FROM_ABOVE, rank - 1);
        if (rank < size - 1) below = await_row(strip, step, FROM_BELOW, rank + 1);
        relax_row(next[0], above, strip->cell[0], strip->cell[1]);
        relax_row(next[ROWS - 1], strip->cell[ROWS - 2], strip->cell[ROWS - 1], below);
        /* The rows that were sent may be overwritten now. */
        must(pmx_quiet(PMX_CTX_DEFAULT));
        memcpy(strip->cell, next, sizeof next);
    }
}

/* The same by one rank; gives the rows of this rank. */
static void run_plate(int rank, int size, double rows_out[ROWS][COLUMNS])
{
    int n_rows = size * ROWS;
    double(*plate)[COLUMNS] = malloc((size_t)n_rows * sizeof *plate);
    double(*next)[COLUMNS] = malloc((size_t)n_rows * sizeof *next);
    if (!plate || !next) pmx_abort(1, "halo: no memory for the whole plate");
    for (int r = 0; r < n_rows; r++)
        for (int c = 0; c < COLUMNS; c++) plate[r][c] = initial(r, c);
    for (int step = 0; step < STEPS; step++) {
        for (int r = 0; r < n_rows; r++)
            relax_row(next[r], plate[r > 0 ? r - 1 : r], plate[r], plate[r < n_rows - 1 ? r + 1 : r]);
        memcpy(plate, next, (size_t)n_rows * sizeof *plate);
    }
    memcpy(rows_out, plate[rank * ROWS], sizeof(double[ROWS][COLUMNS]));
    free(next);
    free(plate);
}

int main(void)
{
    static double expected[ROWS][COLUMNS];
    int rank, size;
    void *strip_sym;
    if (pmx_init()) {
        fprintf(stderr, "halo: %s\n", pmx_last_error_detail());
        return 2;
    }
    must(pmx_rank(&rank));
    must(pmx_size(&size));
    must(pmx_calloc(1, sizeof(strip_t), &strip_sym));
    strip_t *strip = strip_sym;
    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < COLUMNS; c++) strip->cell[r][c] = initial(rank * ROWS + r, c);

    run_strip(strip, rank, size);
    run_plate(rank, size, expected);
    int good = memcmp(strip->cell, expected, sizeof expected) == 0;
    printf("halo: rank %d of %d: %d steps, %s\n", rank, size, STEPS, good ? "as computed alone" : "wrong");

    must(pmx_free(strip_sym));
    must(pmx_finalize());
    return !good;
}
