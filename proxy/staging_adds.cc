/* SPDX-License-Identifier: BSD-3-Clause */
#include "staging_adds.h"

namespace pmx {

unsigned StagingAdds::find(const char* word) const
{
    unsigned i = 0;
    while (i < n_ && adds_[i].word != word) i++;
    return i;
}

bool StagingAdds::offer(char* word, uint64_t value, uint64_t& round_out)
{
    if (phase_ != Phase::gather) return false;
    unsigned i = find(word);
    if (i == StagingArea::kCells) return false;
    if (i == n_) adds_[n_++] = {word, 0};
    adds_[i].value += value;
    round_out = n_rounds_ + 1;
    return true;
}

void StagingAdds::progress()
{
    if (phase_ == Phase::gather && n_ != 0 && core_.in.finished(last_set_)) {
        for (unsigned i = 0; i < n_; i++) copy_ = core_.out.begin(cell(i), adds_[i].word, sizeof(uint64_t));
        phase_ = Phase::read;
    } else if (phase_ == Phase::read && core_.out.finished(copy_)) {
        core_.in.fence(); /* the data that the sums announce */
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
