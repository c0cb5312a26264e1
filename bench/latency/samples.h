/* SPDX-License-Identifier: BSD-3-Clause */
/* samples.h: times of single operations, and the line of JSON that is made of them. */
#ifndef BENCH_LATENCY_SAMPLES_H
#define BENCH_LATENCY_SAMPLES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_WARM_UP = 500, N_SAMPLES = 4000, N_CALLS = N_WARM_UP + N_SAMPLES, MOST_BYTES = 4096 };

static const size_t sizes[] = {8, MOST_BYTES};

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline int compare_u64(const void* a, const void* b)
{
    uint64_t x = *(const uint64_t*)a, y = *(const uint64_t*)b;
    return (x > y) - (x < y);
}

/* ns: of N_CALLS calls, the first of which do not count; sorted in place. parts: what was timed is so many
 * times what is reported. */
static inline void print_samples(const char* with, const char* what, size_t n_bytes, uint64_t* ns,
                                 unsigned parts)
{
    uint64_t* counted = ns + N_WARM_UP;
    qsort(counted, N_SAMPLES, sizeof *counted, compare_u64);
    printf("{\"with\":\"%s\",\"what\":\"%s\",\"n_bytes\":%zu,\"p50_us\":%.3f,\"p99_us\":%.3f}\n", with, what,
           n_bytes, (double)counted[N_SAMPLES / 2] / parts / 1000,
           (double)counted[N_SAMPLES * 99 / 100] / parts / 1000);
    fflush(stdout);
}

#endif
