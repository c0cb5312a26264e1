/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_arrivals.cc: order mode counted at the target. Each put that has landed leaves its number in
 * the completion queue; signals come as messages, and are applied when everything before them has arrived. */
#include <algorithm>

#include "transport_ofi_impl.h"

namespace pmx {

void OfiTransport::list_sources()
{
    if (!endpoint_->source_by_address()) return;
    for (size_t rank = 0; rank < peers_.size(); rank++) sources_.push_back({peers_[rank].addr, int(rank)});
    std::sort(sources_.begin(), sources_.end());
}

/* -1: not told. */
int64_t OfiTransport::source_rank(uint64_t data, fi_addr_t source) const
{
    if (!endpoint_->source_by_address()) return OfiData::rank_of(data);
    const auto at = std::lower_bound(sources_.begin(), sources_.end(), std::pair(source, 0));
    return at != sources_.end() && at->first == source ? at->second : -1;
}

void OfiTransport::on_data(uint64_t data, fi_addr_t source)
{
    const int64_t rank = source_rank(data, source);
    if (rank < 0 || size_t(rank) >= peers_.size() || peers_[size_t(rank)].failed) {
        n_strays_++;
        return;
    }
    ArrivalStream& stream = arrivals_.stream(int(rank), OfiData::stream_of(data));
    stream.put(OfiData::seq_of(data), OfiData::kSeqBits);
    apply_ready(int(rank), stream);
}

void OfiTransport::apply_ready(int src_rank, ArrivalStream& stream)
{
    ArrivedSignal signal;
    while (stream.next(signal)) apply(src_rank, signal);
}

}  // namespace pmx
