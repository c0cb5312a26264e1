/* SPDX-License-Identifier: BSD-3-Clause */
/* An installed pmx from C++: blocks of a launch, with pmx_device.h. */
#include <pmx.h>
#include <pmx_device.h>

#include <cstdio>

namespace {

struct Job {
    pmx::Ctx ctx;
    uint64_t* word_sym;
};

void add_one(void* arg)
{
    Job* job = (Job*)arg;
    pmx::signal_add(pmx::block, job->ctx, job->word_sym, 1, job->ctx.rank);
}

}  // namespace

int main()
{
    Job job = {};
    job.ctx.size_bytes = sizeof job.ctx;
    void* word_sym = nullptr;
    if (pmx_init() || pmx_calloc(1, 8, &word_sym) || pmx_device_handle(PMX_CTX_DEFAULT, &job.ctx)) {
        std::fprintf(stderr, "%s\n", pmx_last_error_detail());
        return 1;
    }
    job.word_sym = (uint64_t*)word_sym;
    int err = pmx_launch(add_one, 3, 2, &job);
    if (!err) err = pmx_quiet(PMX_CTX_DEFAULT);
    unsigned seen = (unsigned)*job.word_sym;
    if (err || pmx_free(word_sym) || pmx_finalize()) {
        std::fprintf(stderr, "%s\n", pmx_last_error_detail());
        return 1;
    }
    std::printf("3 blocks added %u\n", seen);
    return 0;
}
