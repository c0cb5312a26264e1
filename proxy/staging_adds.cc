/* SPDX-License-Identifier: BSD-3-Clause */
#include "staging_adds.h"

namespace pmx {

unsigned StagingAdds::find(const char* word) const
{
    unsigned i = 0;
    while (i < n_ && adds_[i].word != word) i++;
    return i;
}

/* Sums are written in the order of their places. So an ADD may join one that stands behind the last one of
 * its channel, and no other. */
bool StagingAdds::offer(char* word, uint64_t value, StagingAddPlace& last)
{
    if (phase_ != Phase::gather) return false;
    uint64_t round = n_rounds_ + 1;
    unsigned i = find(word);
    if (i == StagingArea::kCells || (i < n_ && last.round == round && i < last.index)) return false;
    if (i == n_) adds_[n_++] = {word, 0};
    adds_[i].value += value;
    last = {round, i};
    return true;
}

void StagingAdds::progress()
{
    if (phase_ == Phase::gather && n_ != 0 && core_.in.finished(last_set_)) {
        for (unsigned i = 0; i < n_; i++) copy_ = core_.out.begin(cell(i), adds_[i].word, sizeof(uint64_t));
        phase_ = Phase::read;
    } else if (phase_ == Phase::read && core_.out.finished(copy_)) {
        for (unsigned i = 0; i < n_; i++) {
            *cell(i) += adds_[i].value;
            copy_ = core_.in.begin(adds_[i].word, cell(i), sizeof(uint64_t));
        }
        phase_ = Phase::write;
    } else if (phase_ == Phase::write && core_.in.finished(copy_)) {
        phase_ = Phase::gather;
        n_ = 0;
        n_rounds_++;
    }
}

}  // namespace pmx
