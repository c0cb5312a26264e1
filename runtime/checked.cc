/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/checked.h"

#include "runtime/siphash.h"

namespace pmx {

namespace {

/* The key says where the bytes belong: what landed in the place of other bytes does not match. */
uint64_t checksum_of(uint64_t number, uint64_t dst_off, const void* p, size_t n_bytes)
{
    return siphash({number, dst_off}, std::span(static_cast<const std::byte*>(p), n_bytes));
}

}  // namespace

Checked::Checked(char* area, char* heap_base, uint64_t heap_bytes, const pmx_device_ctx_t& answers,
                 std::function<void(const std::string&)> fail)
    : area_(area),
      heap_base_(heap_base),
      heap_bytes_(heap_bytes),
      answers_(answers),
      fail_(std::move(fail)),
      size_(answers.size),
      rank_(answers.rank),
      n_sent_(static_cast<size_t>(size_)),
      n_taken_(static_cast<size_t>(size_)),
      n_answered_(static_cast<size_t>(size_))
{
}

int Checked::send(const pmx_device_ctx_t& ctx, const What& what, bool with_put, int dst_rank)
{
    if (int err = detail::check(ctx, dst_rank)) return err;
    std::lock_guard lock(mutex_);
    const uint64_t number = n_sent_[static_cast<size_t>(dst_rank)] + 1;
    const uint64_t* applied = applied_by(dst_rank);
    int err = detail::wait_until(ctx, dst_rank, 0,
                                 [&] { return detail::load_acquire(applied) + kSlots >= number; });
    if (err) return err;
    Record& mine = sent_to(dst_rank)[number % kSlots];
    const Record& theirs = come_from(rank_)[number % kSlots];
    mine = {what.dst_off,
            what.n_bytes,
            checksum_of(number, what.dst_off, what.src, what.n_bytes),
            what.sig_off,
            what.value,
            static_cast<uint64_t>(what.op),
            0,
            number};
    mine.own_checksum = checksum_of(number, off(&theirs), &mine, offsetof(Record, own_checksum));
    const uint32_t to = static_cast<uint32_t>(dst_rank);
    const pmx_command_t commands[3] = {
        pmx_command_make(PMX_CMD_PUT, 0, to, off(what.src), what.n_bytes, what.dst_off),
        pmx_command_make(PMX_CMD_PUT, 0, to, off(&mine), offsetof(Record, number), off(&theirs)),
        detail::signal_command(off(&theirs.number), number, PMX_SIGNAL_SET, PMX_CMD_ORDER, dst_rank)};
    const unsigned first = with_put ? 0 : 1;
    err = detail::push(ctx, dst_rank, commands + first, 3 - first);
    if (!err) n_sent_[static_cast<size_t>(dst_rank)] = number;
    return err;
}

int Checked::complete(const pmx_device_ctx_t& ctx, int dst_rank)
{
    for (int rank = 0; rank < size_; rank++) {
        if (dst_rank != PMX_RANK_ANY && rank != dst_rank) continue;
        uint64_t upto;
        {
            std::lock_guard lock(mutex_);
            upto = n_sent_[static_cast<size_t>(rank)];
        }
        int err =
            detail::wait_until(ctx, rank, 0, [&] { return detail::load_acquire(applied_by(rank)) >= upto; });
        if (err && (err != PMX_ERR_PEER_FAILED || rank == dst_rank)) return err;
    }
    return dst_rank == PMX_RANK_ANY ? detail::fault_of(ctx, PMX_RANK_ANY) : PMX_SUCCESS;
}

bool Checked::step()
{
    bool moved = false;
    for (int rank = 0; rank < size_ && !broken_; rank++) {
        while (take(rank)) moved = true;
        if (answer(rank)) moved = true;
    }
    return moved;
}

/* The next record of that rank, if it is there. */
bool Checked::take(int rank)
{
    const uint64_t number = n_taken_[static_cast<size_t>(rank)] + 1;
    const Record& record = come_from(rank)[number % kSlots];
    if (detail::load_acquire(&record.number) != number || broken_) return false;
    if (!verify(rank, record, number)) {
        broken_ = true;
        return false;
    }
    if (record.sig_off != kNoSignal)
        detail::apply_signal(reinterpret_cast<uint64_t*>(heap_base_ + record.sig_off), record.value,
                             static_cast<pmx_sigop_t>(record.op));
    n_taken_[static_cast<size_t>(rank)] = number;
    return true;
}

bool Checked::verify(int rank, const Record& record, uint64_t number)
{
    if (record.own_checksum != checksum_of(number, off(&record), &record, offsetof(Record, own_checksum))) {
        fail_(fmt::format("PMX_CHECK: the record of number {} from rank {} is wrong, or did not come", number,
                          rank));
        return false;
    }
    bool inside = record.dst_off <= heap_bytes_ && record.n_bytes <= heap_bytes_ - record.dst_off;
    if (inside &&
        record.checksum == checksum_of(number, record.dst_off, heap_base_ + record.dst_off, record.n_bytes))
        return true;
    fail_(fmt::format("PMX_CHECK: {} bytes from rank {} at heap offset {} are not what was sent (number {})",
                      record.n_bytes, rank, record.dst_off, number));
    return false;
}

/* By the proxy, which must not wait for itself. */
bool Checked::answer(int rank)
{
    const uint64_t n = n_taken_[static_cast<size_t>(rank)] - n_answered_[static_cast<size_t>(rank)];
    if (n == 0) return false;
    pmx_device_queue_t queue = detail::queue_of(answers_, rank);
    if (detail::load_relaxed(queue.head) + 1 - detail::load_acquire(queue.consumed) > queue.capacity)
        return false;
    const pmx_command_t add = detail::signal_command(off(applied_by(rank_)), n, PMX_SIGNAL_ADD, 0, rank);
    (void)detail::push(answers_, rank, &add, 1);
    n_answered_[static_cast<size_t>(rank)] += n;
    return true;
}

}  // namespace pmx
