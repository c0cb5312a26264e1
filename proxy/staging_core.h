/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_core.h: what the parts of the staging transport of one rank share. All of it is the proxy
 * thread's. */
#pragma once

#include <memory>

#include "staging.h"
#include "staging_layout.h"

namespace pmx {

/* The copies of one engine, by number from 1. */
class StagingCopies {
  public:
    explicit StagingCopies(std::unique_ptr<CopyEngine> engine) : engine_(std::move(engine)) {}

    /* Returns the number of the copy. */
    uint64_t begin(void* dst, const void* src, uint64_t n_bytes)
    {
        if (err_ == PMX_SUCCESS) err_ = engine_->copy(dst, src, n_bytes).code();
        return ++n_begun_;
    }
    /* All copies up to this number. 0: none. */
    bool finished(uint64_t number) const { return number <= n_finished_; }
    void look()
    {
        if (n_finished_ == n_begun_ || err_ != PMX_SUCCESS) return;
        err_ = engine_->n_finished(n_finished_).code();
    }
    pmx_err_t err() const { return err_; }

  private:
    std::unique_ptr<CopyEngine> engine_;
    uint64_t n_begun_ = 0, n_finished_ = 0;
    pmx_err_t err_ = PMX_SUCCESS; /* then nothing finishes any more */
};

struct StagingCore {
    StagingConfig config;
    StagingArea area;
    std::unique_ptr<Transport> inner;
    StagingCopies out, in; /* from GPU memory, to it */
    uint64_t piece_bytes = 0;
    bool ordered = false;           /* the inner transport keeps a SET behind what was posted before it */
    pmx_err_t broken = PMX_SUCCESS; /* the job cannot go on */

    pmx_err_t err() const
    {
        if (broken != PMX_SUCCESS) return broken;
        return out.err() != PMX_SUCCESS ? out.err() : in.err();
    }
    char* at(uint64_t area_off) const { return config.area + area_off; }
    uint64_t* word_at(uint64_t area_off) const { return reinterpret_cast<uint64_t*>(at(area_off)); }
    /* In the heap of the inner transport. */
    uint64_t inner_off(uint64_t area_off) const { return config.area_off + area_off; }
};

/* Cookies of what the wrapper posts: an acknowledgement to a rank, or an operation for one of the jobs of its
 * sender. */
struct StagingCookie {
    static constexpr unsigned kAck = 0xffffff;
    static bool is(uint64_t cookie) { return cookie >= kStagingCookies; }
    static uint64_t make(int rank, unsigned job)
    {
        return kStagingCookies | static_cast<uint64_t>(rank) << 24 | job;
    }
    static int rank(uint64_t cookie) { return static_cast<int>(cookie >> 24 & 0xffffff); }
    static unsigned job(uint64_t cookie) { return static_cast<unsigned>(cookie & 0xffffff); }
};

}  // namespace pmx
