/* SPDX-License-Identifier: BSD-3-Clause */
#include "staging_receiver.h"

#include <algorithm>

#include "pmx_atomic.h"

namespace pmx {

StagingReceiver::StagingReceiver(StagingCore& core, StagingAdds& adds, int src_rank)
    : core_(core), adds_(adds), src_rank_(src_rank), pieces_(core.config.n_slots)
{
    for (unsigned i = 0; i < core.config.n_slots; i++) *slot(i).valid() = 0;
    *core.word_at(core.area.done_word(src_rank)) = 0;
}

void StagingReceiver::take()
{
    if (gone_) return;
    while (take_next()) {
    }
}

void StagingReceiver::apply()
{
    if (gone_) return;
    while (n_applied_ < n_taken_ && apply_signals()) n_applied_++;
}

/* Begins the copy of the next piece, which need not wait for the signals before it. */
bool StagingReceiver::take_next()
{
    StagingSlot from = slot(n_taken_);
    if (n_taken_ - n_done_ == pieces_.size() ||
        detail::load_acquire(from.valid()) != core_.area.valid_value(n_taken_))
        return false;
    const StagingEntry& entry = from.entry();
    if (!well_formed(entry)) {
        core_.broken = PMX_ERR_INTERNAL;
        return false;
    }
    Piece& piece = this->piece(n_taken_++);
    piece = {};
    if (entry.n_bytes == 0) return true;
    char* memory = core_.config.heaps.at(entry.off);
    if (entry.kind == StagingEntry::kGet)
        piece.copy_out = core_.out.begin(from.payload(), memory, entry.n_bytes);
    else
        piece.copy_in = core_.in.begin(memory, from.payload(), entry.n_bytes);
    return true;
}

/* What a sender of this library never sends: seen only when memory of the area was overwritten. */
bool StagingReceiver::well_formed(const StagingEntry& entry) const
{
    return (entry.kind == StagingEntry::kPut || entry.kind == StagingEntry::kGet) &&
           entry.n_signals <= StagingSlot::kMaxSignals && entry.n_bytes <= core_.config.slot_bytes &&
           (entry.n_bytes == 0 ||
            (HeapMap::is_gpu(entry.off) && core_.config.heaps.holds(entry.off, entry.n_bytes)));
}

/* Of the piece n_applied_; false when one has to wait. */
bool StagingReceiver::apply_signals()
{
    StagingSlot from = slot(n_applied_);
    Piece& piece = this->piece(n_applied_);
    last_data_in_ = std::max(last_data_in_, piece.copy_in);
    last_copy_in_ = std::max(last_copy_in_, piece.copy_in);
    for (unsigned n = from.entry().n_signals; next_signal_ < n; next_signal_++)
        if (!apply_record(from.record(next_signal_))) return false;
    next_signal_ = 0;
    piece.copy_in = last_copy_in_;
    piece.round = last_round_;
    return true;
}

bool StagingReceiver::apply_record(StagingRecord& record)
{
    bool gpu = HeapMap::is_gpu(record.dst_off);
    if (record.dst_off % 8 != 0 || !core_.config.heaps.holds(record.dst_off, 8) || (!gpu && record.add)) {
        core_.broken = PMX_ERR_INTERNAL;
        return false;
    }
    if (!gpu) return set_host(record);
    return record.add ? adds_.offer(core_.config.heaps.at(record.dst_off), record.value, last_round_)
                      : set_gpu(record);
}

/* A copy behind those of the data, and behind one to the same word. Its source is the record, which stays until the piece is acknowledged. */
bool StagingReceiver::set_gpu(StagingRecord& record)
{
    char* word = core_.config.heaps.at(record.dst_off);
    if (!adds_.done(last_round_) || adds_.busy(word)) return false;
    core_.sets.order(core_.in, last_data_in_, word);
    last_copy_in_ = core_.in.begin(word, &record.value, sizeof record.value);
    core_.sets.begun(word);
    adds_.behind(last_copy_in_);
    return true;
}

bool StagingReceiver::set_host(const StagingRecord& record)
{
    if (!adds_.done(last_round_) || !core_.in.finished(last_copy_in_)) return false;
    detail::store_release(reinterpret_cast<uint64_t*>(core_.config.heaps.at(record.dst_off)), record.value);
    return true;
}

pmx_err_t StagingReceiver::acknowledge()
{
    if (gone_) return PMX_SUCCESS;
    for (; n_done_ < n_applied_; n_done_++) {
        const Piece& piece = this->piece(n_done_);
        if (!core_.in.finished(piece.copy_in) || !core_.out.finished(piece.copy_out) ||
            !adds_.done(piece.round))
            break;
    }
    if (ack_open_ || n_acknowledged_ == n_done_) return PMX_SUCCESS;
    const Op op = {.kind = OpKind::signal_set,
                   .flags = 0,
                   .src = nullptr,
                   .dst_off = core_.inner_off(core_.area.done_word(core_.config.rank)),
                   .n_bytes = 8,
                   .value = n_done_,
                   .cookie = StagingCookie::make(src_rank_, StagingCookie::kAck)};
    int n = core_.inner->post(src_rank_, {&op, 1});
    if (n < 0) return static_cast<pmx_err_t>(n);
    ack_open_ = n == 1;
    if (ack_open_) n_acknowledged_ = n_done_;
    return PMX_SUCCESS;
}

}  // namespace pmx
