/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_sender.h: the sender's half of the way from this rank to one other. Operations wait in a ring;
 * pieces of them become jobs, one for each send slot; jobs are posted in order, and reported in order. */
#pragma once

#include <array>
#include <span>
#include <vector>

#include "staging_core.h"

namespace pmx {

class StagingSender {
  public:
    StagingSender(StagingCore& core, int dst_rank);

    bool idle() const { return n_drawn_ == n_pushed_ && head_ == tail_; }
    bool full() const { return n_pushed_ - n_drawn_ == kOps; }
    /* An error of the rank, after which nothing is taken. */
    pmx_err_t err() const { return err_; }

    /* Takes an operation; not when full(). */
    void push(const Op& op) { ops_[n_pushed_++ % kOps] = op; }
    /* Makes jobs of what was pushed, and posts those that are ready. */
    void send();
    /* Goes on with all jobs; writes completions and returns how many. */
    size_t progress(std::span<Completion> out);
    void on_inner_completion(unsigned job, pmx_err_t err);
    /* What is under way completes with this error. Its slots are never used again. */
    void fail(pmx_err_t err);
    /* What is under way is forgotten. */
    void give_up();

  private:
    static constexpr uint64_t kOps = 64;
    /* Up to so many bytes of host memory, a copy by the CPU and one put are better than two puts. */
    static constexpr uint64_t kCopyByHand = 512;

    enum class Kind : uint8_t {
        piece,    /* to the target's slot: a put to GPU memory, signals, or both */
        put_host, /* GPU memory to the send slot, and from there to host memory */
        get_gpu,  /* asks for a copy into the target's slot, then gets it from there */
        get_host, /* host memory to the send slot, and from there to GPU memory */
        late_add, /* an ADD for the inner transport, when all before it is done */
    };
    enum class Phase : uint8_t {
        copy,  /* from GPU memory to the send slot */
        post,  /* when all jobs before it are posted */
        seal,  /* the valid word, when the rest has arrived */
        ack,   /* of the target */
        fetch, /* an inner get, of what the target has copied or of host memory */
        land,  /* the copy of it to GPU memory */
        drain, /* the inner transport has still to report operations of this job */
        done
    };
    struct Job {
        Kind kind = Kind::piece;
        Phase phase = Phase::done;
        bool in_slot = false;   /* its bytes are, or will be, in the send slot */
        uint8_t step = 0;       /* operations posted in this phase */
        unsigned n_open = 0;    /* posted, and not reported by the inner transport */
        unsigned n_signals = 0; /* records in the send slot */
        unsigned n_cookies = 0, n_reported = 0;
        uint64_t number = 0; /* of the piece, at the target */
        uint64_t copy = 0;   /* waited for in phases copy and land */
        char* local = nullptr;
        uint64_t off = 0; /* at the target */
        uint64_t n_bytes = 0;
        uint64_t value = 0; /* late_add */
        std::array<uint64_t, StagingSlot::kMaxSignals + 1> cookies{}; /* of what is complete with this job */
    };

    Job& job(uint64_t number) { return jobs_[number % jobs_.size()]; }
    StagingSlot slot(uint64_t number) const { return {core_.at(core_.area.send_slot(dst_rank_, number))}; }

    /* From the ring to jobs: staging_sender.cc. */
    bool draw();
    bool draw_signal(const Op& op);
    bool draw_add(const Op& op);
    bool draw_part(const Op& op);
    Job* new_job(Kind kind, Phase phase);
    Job* open_piece();
    void advance(uint64_t number);
    void step(uint64_t number);
    bool report(Job& job, std::span<Completion> out, size_t& n);

    /* From jobs to the inner transport: staging_sender_post.cc. */
    bool post(uint64_t number);
    bool post_piece(uint64_t number);
    bool post_seal(uint64_t number);
    bool post_fetch(uint64_t number);
    bool post_all(uint64_t number, std::span<const Op> ops);
    Op inner_op(OpKind kind, uint64_t number, const void* src, uint64_t dst_off, uint64_t n_bytes) const;
    Op valid_op(uint64_t number);
    uint64_t far_slot(const Job& job) const
    {
        return core_.inner_off(core_.area.receive_slot(core_.config.rank, job.number));
    }

    StagingCore& core_;
    const int dst_rank_;
    pmx_err_t err_ = PMX_SUCCESS;
    uint64_t n_done_ = 0; /* pieces, as the target has said */
    uint64_t next_piece_ = 0;
    /* Operations wait from n_drawn_ to n_pushed_; jobs are under way from head_ to tail_, those from
     * next_post_ on are not posted. Numbers grow for ever. */
    uint64_t n_pushed_ = 0, n_drawn_ = 0;
    uint64_t drawn_bytes_ = 0; /* of the first operation that waits */
    uint64_t head_ = 0, next_post_ = 0, tail_ = 0;
    std::array<Op, kOps> ops_;
    std::vector<Job> jobs_; /* by send slot */
};

}  // namespace pmx
