/* SPDX-License-Identifier: BSD-3-Clause */
/* staging_receiver.h: the target's half of the way from one rank to this one: takes pieces in order, begins
 * their copies, applies their signals in order behind them, acknowledges what has finished. */
#pragma once

#include <vector>

#include "staging_adds.h"
#include "staging_core.h"

namespace pmx {

class StagingReceiver {
  public:
    StagingReceiver(StagingCore& core, StagingAdds& adds, int src_rank);

    /* Takes what has come, then applies its signals: in two steps, so that the copies of all ranks begin together, and
     * the signals of all behind them. */
    void take();
    void apply();
    /* Acknowledges. An error: the rank cannot be reached. */
    pmx_err_t acknowledge();
    void on_acknowledged() { ack_open_ = false; }
    /* Nothing more is taken from this rank, or sent to it. */
    void give_up() { gone_ = true; }

  private:
    /* A piece that has been taken: it is done when these are. */
    struct Piece {
        uint64_t copy_in;
        uint64_t copy_out;
        uint64_t round;
    };

    StagingSlot slot(uint64_t number) const { return {core_.at(core_.area.receive_slot(src_rank_, number))}; }
    Piece& piece(uint64_t number) { return pieces_[number % pieces_.size()]; }
    bool take_next();
    bool well_formed(const StagingEntry& entry) const;
    bool apply_signals();
    bool apply_record(StagingRecord& record);
    bool set_gpu(StagingRecord& record);
    bool set_host(const StagingRecord& record);

    StagingCore& core_;
    StagingAdds& adds_;
    const int src_rank_;
    bool gone_ = false;
    bool ack_open_ = false; /* one at a time, so that the word at the sender never goes back */
    /* done <= applied <= taken; acknowledged <= done. */
    uint64_t n_taken_ = 0, n_applied_ = 0, n_done_ = 0, n_acknowledged_ = 0;
    unsigned next_signal_ = 0;  /* of the piece n_applied_ */
    uint64_t last_data_in_ = 0; /* the copy of the pieces up to n_applied_ */
    uint64_t last_copy_in_ = 0; /* of these, and of their signals */
    uint64_t last_round_ = 0; /* of the last ADD; 0: none */
    std::vector<Piece> pieces_; /* by slot */
};

}  // namespace pmx
