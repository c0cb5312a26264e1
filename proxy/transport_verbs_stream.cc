/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_stream.cc: channels. A stream with one of its own does not wait for room, nor for retransmission, behind
 * what other streams send. A channel stays for later contexts of its stream. */
#include <algorithm>

#include "transport_verbs_impl.h"

namespace pmx {

Status VerbsTransport::prepare_stream(uint16_t stream, std::vector<std::byte>& address_out)
{
    address_out.clear();
    if (stream >= kMaxStreams)
        return fail(PMX_ERR_ARGUMENT, "verbs: stream {}, must be in 0..{}", stream, kMaxStreams - 1);
    if (peers_.empty()) return fail(PMX_ERR_STATE, "verbs: a stream is prepared before the ranks are connected");
    prepared_.reset();
    if (channel_of_[stream]) return {};
    auto channel = std::make_unique<VerbsChannel>();
    PMX_TRY(mine_.make_channel(*channel));
    append_numbers(*channel, address_out);
    prepared_ = std::move(channel);
    return {};
}

Status VerbsTransport::connect_stream(std::span<const std::vector<std::byte>> addresses)
{
    if (!prepared_) return fail(PMX_ERR_STATE, "verbs: no stream is prepared");
    Status connected;
    if (addresses.size() != peers_.size())
        connected = fail(PMX_ERR_ARGUMENT, "{} addresses given, must be one for each of {} ranks", addresses.size(),
                         peers_.size());
    for (size_t rank = 0; connected.ok() && rank < addresses.size(); rank++)
        if (addresses[rank].size() != channel_queues() * sizeof(uint32_t))
            connected = fail(PMX_ERR_TRANSPORT, "address of rank {} for a stream: {} bytes, must be {}", rank,
                             addresses[rank].size(), channel_queues() * sizeof(uint32_t));
    if (connected.ok()) connected = connect_channel(*prepared_, peers_, addresses, 0);
    if (!connected.ok()) prepared_.reset();
    return connected;
}

/* A rank that has failed meanwhile fails in this channel, too. */
void VerbsTransport::begin_stream(uint16_t stream)
{
    if (!prepared_ || channel_of_[stream]) return;
    channel_of_[stream] = uint16_t(channels_.size());
    add_channel(std::move(*prepared_));
    prepared_.reset();
}

void VerbsTransport::add_channel(VerbsChannel channel)
{
    for (size_t i = 0; i < channel.qps.size(); i++) {
        Queue& queue = queues_.emplace_back();
        queue.qp = channel.qps[i].get();
        queue.cells = &channel.cells[i * mine_.send_depth];
        queue.cell_key = channel.cell_region->lkey;
        queue.posted.resize(mine_.send_depth);
        numbers_.push_back({queue.qp->qp_num, rank_of(i)});
    }
    std::sort(numbers_.begin(), numbers_.end());
    done_.reserve(queues_.size() * mine_.send_depth + size_t(config_.size) * kMessages);
    channels_.push_back(std::move(channel));
}

}  // namespace pmx
