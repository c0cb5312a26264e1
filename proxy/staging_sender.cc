/* SPDX-License-Identifier: BSD-3-Clause */
#include "staging_sender.h"

#include <algorithm>
#include <cstring>

#include "pmx_atomic.h"

namespace pmx {

StagingSender::StagingSender(StagingCore& core, int dst_rank)
    : core_(core), dst_rank_(dst_rank), jobs_(core.config.n_slots)
{
}

void StagingSender::send()
{
    if (err_ != PMX_SUCCESS) return;
    while (draw()) {
    }
    for (; next_post_ < tail_; next_post_++) {
        advance(next_post_);
        Phase phase = job(next_post_).phase;
        if (phase == Phase::copy || (phase == Phase::post && !post(next_post_))) break;
    }
}

size_t StagingSender::progress(std::span<Completion> out)
{
    size_t n = 0;
    if (err_ == PMX_SUCCESS) {
        n_done_ = detail::load_acquire(core_.word_at(core_.area.done_word(dst_rank_)));
        for (uint64_t number = head_; number < tail_; number++) advance(number);
    }
    while (head_ < tail_ && (err_ != PMX_SUCCESS || job(head_).phase == Phase::done)) {
        if (!report(job(head_), out, n)) return n;
        head_++;
    }
    next_post_ = std::max(next_post_, head_);
    for (; err_ != PMX_SUCCESS && n_drawn_ < n_pushed_ && n < out.size(); n_drawn_++)
        out[n++] = {ops_[n_drawn_ % kOps].cookie, err_};
    send();
    return n;
}

/* False: no room for all of them. */
bool StagingSender::report(Job& job, std::span<Completion> out, size_t& n)
{
    for (; job.n_reported < job.n_cookies; job.n_reported++) {
        if (n == out.size()) return false;
        out[n++] = {job.cookies[job.n_reported], err_};
    }
    return true;
}

void StagingSender::on_inner_completion(unsigned job, pmx_err_t err)
{
    jobs_[job].n_open--;
    if (err != PMX_SUCCESS) fail(err);
}

void StagingSender::fail(pmx_err_t err)
{
    if (err_ == PMX_SUCCESS) err_ = err;
}

void StagingSender::give_up()
{
    fail(PMX_ERR_PEER_FAILED);
    n_drawn_ = n_pushed_;
    head_ = next_post_ = tail_;
}

/* Makes a job of the first operation that waits, or of a part of it; false when there is none, or no slot. */
bool StagingSender::draw()
{
    if (n_drawn_ == n_pushed_) return false;
    const Op& op = ops_[n_drawn_ % kOps];
    if (op.kind == OpKind::put || op.kind == OpKind::get) {
        if (!draw_part(op)) return false;
        if (drawn_bytes_ < op.n_bytes) return true;
    } else if (op.kind == OpKind::signal_add && !HeapMap::is_gpu(op.dst_off)) {
        if (!draw_add(op)) return false;
    } else if (!draw_signal(op)) {
        return false;
    }
    Job& last = job(tail_ - 1);
    last.cookies[last.n_cookies++] = op.cookie;
    drawn_bytes_ = 0;
    n_drawn_++;
    return true;
}

StagingSender::Job* StagingSender::new_job(Kind kind, Phase phase)
{
    if (tail_ - head_ == jobs_.size()) return nullptr;
    Job& made = job(tail_++);
    made = Job{};
    made.kind = kind;
    made.phase = phase;
    if (kind == Kind::piece || kind == Kind::get_gpu) made.number = next_piece_++;
    return &made;
}

/* The last job, when it is a piece that can take one more signal. */
StagingSender::Job* StagingSender::open_piece()
{
    if (next_post_ == tail_) return nullptr;
    Job& last = job(tail_ - 1);
    bool open = last.kind == Kind::piece && last.step == 0 && last.n_signals < StagingSlot::kMaxSignals;
    return open ? &last : nullptr;
}

bool StagingSender::draw_signal(const Op& op)
{
    Job* piece = open_piece();
    if (!piece) piece = new_job(Kind::piece, Phase::post);
    if (!piece) return false;
    slot(tail_ - 1).record(piece->n_signals++) = {op.dst_off, op.value, op.kind == OpKind::signal_add};
    return true;
}

bool StagingSender::draw_add(const Op& op)
{
    Job* add = new_job(Kind::late_add, Phase::post);
    if (!add) return false;
    add->off = op.dst_off;
    add->value = op.value;
    return true;
}

/* The next part of a put or get. */
bool StagingSender::draw_part(const Op& op)
{
    bool put = op.kind == OpKind::put, far_gpu = HeapMap::is_gpu(op.dst_off);
    bool near_gpu = core_.config.heaps.in_gpu(op.src, op.n_bytes);
    Kind kind = put ? (far_gpu ? Kind::piece : Kind::put_host) : (far_gpu ? Kind::get_gpu : Kind::get_host);
    Phase first = kind == Kind::get_host ? Phase::fetch : put && near_gpu ? Phase::copy : Phase::post;
    Job* part = new_job(kind, first);
    if (!part) return false;
    part->local = static_cast<char*>(const_cast<void*>(op.src)) + drawn_bytes_;
    part->off = op.dst_off + drawn_bytes_;
    part->n_bytes = std::min(op.n_bytes - drawn_bytes_, core_.piece_bytes);
    part->in_slot = near_gpu;
    char* payload = slot(tail_ - 1).payload();
    if (put && near_gpu) {
        part->copy = core_.out.begin(payload, part->local, part->n_bytes);
    } else if (put && part->n_bytes <= kCopyByHand) {
        std::memcpy(payload, part->local, part->n_bytes);
        part->in_slot = true;
    }
    drawn_bytes_ += part->n_bytes;
    return true;
}

/* As far as it goes now, but for the phase post, which is a matter of order. */
void StagingSender::advance(uint64_t number)
{
    for (Phase before = Phase::done; job(number).phase != before;) {
        before = job(number).phase;
        step(number);
    }
}

void StagingSender::step(uint64_t number)
{
    Job& job = this->job(number);
    switch (job.phase) {
    case Phase::copy:
        if (core_.out.finished(job.copy)) job.phase = Phase::post;
        return;
    case Phase::seal:
        if (job.n_open == 0 && post_seal(number)) job.phase = Phase::ack;
        return;
    case Phase::ack:
        if (job.number >= n_done_) return;
        job.phase = job.kind == Kind::get_gpu ? Phase::fetch : Phase::drain;
        job.step = 0;
        return;
    case Phase::fetch:
        if (!post_fetch(number) || job.n_open != 0) return;
        if (job.in_slot) job.copy = core_.in.begin(job.local, slot(number).payload(), job.n_bytes);
        job.phase = job.in_slot ? Phase::land : Phase::done;
        return;
    case Phase::land:
        if (core_.in.finished(job.copy)) job.phase = Phase::done;
        return;
    case Phase::drain:
        if (job.n_open == 0) job.phase = Phase::done;
        return;
    case Phase::post:
    case Phase::done: return;
    }
}

}  // namespace pmx
