/* SPDX-License-Identifier: BSD-3-Clause */
/* An installed pmx from C: one rank, the symmetric heap, and a signal to itself. */
#include <pmx.h>
#include <stdio.h>

#define CALL(call)                                                                          \
    do {                                                                                    \
        int err_ = (call);                                                                  \
        if (err_) {                                                                         \
            fprintf(stderr, "%s: %s: %s\n", #call, pmx_error_string(err_), pmx_last_error_detail()); \
            return 1;                                                                       \
        }                                                                                   \
    } while (0)

int main(void)
{
    int rank, size;
    void *words;
    uint64_t seen;
    const char *version;

    CALL(pmx_version(&version));
    CALL(pmx_init());
    CALL(pmx_rank(&rank));
    CALL(pmx_size(&size));
    CALL(pmx_calloc(1, sizeof(uint64_t), &words));
    CALL(pmx_signal_add(PMX_CTX_DEFAULT, words, 3, rank));
    CALL(pmx_signal_wait(PMX_CTX_DEFAULT, words, PMX_CMP_EQ, 3, rank, 0, &seen));
    CALL(pmx_free(words));
    CALL(pmx_finalize());
    printf("pmx %s rank %d of %d saw %u\n", version, rank, size, (unsigned)seen);
    return 0;
}
