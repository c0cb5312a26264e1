/* SPDX-License-Identifier: BSD-3-Clause */
#include "arrivals.h"

#include <algorithm>

namespace pmx {

namespace {

bool later(const ArrivedSignal& a, const ArrivedSignal& b) { return a.seq > b.seq; }

/* The number with these low bits that is nearest to `near`. */
uint64_t widen(uint64_t low, unsigned bits, uint64_t near)
{
    if (bits >= 64) return low;
    uint64_t span = uint64_t{1} << bits;
    uint64_t ahead = (low - near) & (span - 1);
    return ahead < span / 2 || near + ahead < span ? near + ahead : near + ahead - span;
}

}  // namespace

/* Marks seq as arrived; signals are marked when they are given out. */
bool ArrivalStream::mark(uint64_t seq)
{
    if (seq < first_missing_) return false;
    while (seq - first_missing_ >= arrived_.size()) {
        std::vector<bool> wider(2 * arrived_.size());
        for (uint64_t s = first_missing_; s < first_missing_ + arrived_.size(); s++)
            wider[s % wider.size()] = arrived_[s % arrived_.size()];
        arrived_.swap(wider);
    }
    if (arrived_[seq % arrived_.size()]) return false;
    arrived_[seq % arrived_.size()] = true;
    while (arrived_[first_missing_ % arrived_.size()]) {
        arrived_[first_missing_ % arrived_.size()] = false;
        first_missing_++;
    }
    return true;
}

bool ArrivalStream::put(uint64_t low, unsigned bits) { return mark(widen(low, bits, first_missing_)); }

bool ArrivalStream::signal(const ArrivedSignal& signal)
{
    if (signal.seq < first_missing_) return false;
    parked_.push_back(signal);
    std::push_heap(parked_.begin(), parked_.end(), later);
    return true;
}

bool ArrivalStream::next(ArrivedSignal& signal_out)
{
    while (!parked_.empty() && parked_.front().seq <= first_missing_) {
        signal_out = parked_.front();
        std::pop_heap(parked_.begin(), parked_.end(), later);
        parked_.pop_back();
        if (mark(signal_out.seq)) return true; /* else it came twice */
    }
    return false;
}

}  // namespace pmx
