/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_core.h: what the parts of the staging transport of one rank share. All of it is the proxy
 * thread's. */
#pragma once

#include <array>
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
    /* Copies that begin from here on come behind those before. */
    void fence()
    {
        if (err_ == PMX_SUCCESS) err_ = engine_->fence().code();
    }
    void flush()
    {
        if (err_ == PMX_SUCCESS) err_ = engine_->flush().code();
    }
    uint64_t n_begun() const { return n_begun_; }
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

/* Where a fence must stand before the copy of a signal: between it and the copies it announces, and between two to one
 * word. As few as can be, since what stands between two fences is copied at the same time. */
class StagingSets {
  public:
    /* Before the copy of a signal to word, which comes behind the copy `behind`. */
    void order(StagingCopies& in, uint64_t behind, const char* word)
    {
        if (behind <= fenced_ && find(word) == n_words_ && n_words_ < words_.size()) return;
        in.fence();
        fenced_ = in.n_begun();
        n_words_ = 0;
    }
    void begun(const char* word) { words_[n_words_++] = word; }

  private:
    size_t find(const char* word) const
    {
        size_t i = 0;
        while (i < n_words_ && words_[i] != word) i++;
        return i;
    }

    uint64_t fenced_ = 0; /* copies up to this number stand before the last fence */
    std::array<const char*, 128> words_{};
    size_t n_words_ = 0; /* signals since */
};

struct StagingCore {
    StagingConfig config;
    StagingArea area;
    std::unique_ptr<Transport> inner;
    StagingCopies out, in; /* from GPU memory, to it */
    StagingSets sets;      /* of in */
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
