/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_address.cc: what a rank tells the others about its queue pairs, and how it connects to
 * theirs. */
#include <pmx_atomic.h>

#include <algorithm>
#include <cstring>

#include "transport_verbs_impl.h"

namespace pmx {

namespace {

constexpr uint32_t kMagic = 0x56584d50;
constexpr uint16_t kVersion = 2;

const char* link_name(bool ethernet) { return ethernet ? "RoCE" : "InfiniBand"; }

/* Reads rank's address and checks all that can be checked here. */
Status read_address(size_t rank, const std::vector<std::byte>& blob, const VerbsAddress& mine,
                    VerbsAddress& out)
{
    VerbsAddress their;
    if (blob.size() < sizeof their)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: {} bytes, must be at least {}", rank, blob.size(),
                    sizeof their);
    std::memcpy(&their, blob.data(), sizeof their);
    if (their.magic != kMagic || their.version != kVersion)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: not a verbs address of pmx of this version ({})",
                    rank, kVersion);
    if (their.size != mine.size || their.n_qps != mine.n_qps)
        return fail(PMX_ERR_MISMATCH, "rank {} has {} queue pairs for each of {} ranks, this rank {} for {}",
                    rank, their.n_qps, their.size, mine.n_qps, mine.size);
    const size_t n_bytes = sizeof their + size_t(their.size) * their.n_qps * sizeof(uint32_t);
    if (blob.size() != n_bytes)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: {} bytes, must be {}", rank, blob.size(),
                    n_bytes);
    if (their.heap_bytes != mine.heap_bytes)
        return fail(PMX_ERR_MISMATCH, "rank {} has a heap of {} bytes, this rank {}: must be the same", rank,
                    their.heap_bytes, mine.heap_bytes);
    if (their.ethernet != mine.ethernet)
        return fail(PMX_ERR_MISMATCH,
                    "rank {} has a device on {}, this rank on {}: must be the same "
                    "(PMX_VERBS_DEVICE)",
                    rank, link_name(their.ethernet), link_name(mine.ethernet));
    if (their.native_add != mine.native_add)
        return fail(PMX_ERR_MISMATCH,
                    "the device of rank {} has other atomics than that of this rank: set "
                    "PMX_VERBS_ADD=message",
                    rank);
    out = their;
    return {};
}

}  // namespace

std::vector<std::byte> VerbsTransport::address() const
{
    VerbsAddress head{};
    head.magic = kMagic;
    head.version = kVersion;
    head.lid = mine_.port.port.lid;
    head.size = uint32_t(config_.size);
    head.n_qps = verbs_.n_qps;
    std::memcpy(head.gid, mine_.port.gid.raw, sizeof head.gid);
    head.first_psn = first_psn_;
    head.mtu = uint8_t(mine_.port.port.active_mtu);
    head.ethernet = mine_.port.ethernet;
    head.native_add = mine_.port.native_add;
    head.rd_atomic = mine_.rd_atomic;
    const auto part = [](const VerbsMemory& memory) {
        return VerbsAddress::Part{reinterpret_cast<uint64_t>(memory.base), memory.data()->rkey, memory.strict->rkey};
    };
    head.host = part(mine_.host());
    if (caps_.gpu) head.gpu = part(mine_.gpu());
    head.heap_bytes = config_.heap_bytes;

    std::vector<std::byte> blob(sizeof head);
    std::memcpy(blob.data(), &head, sizeof head);
    append_numbers(channels_.front(), blob);
    return blob;
}

void VerbsTransport::append_numbers(const VerbsChannel& channel, std::vector<std::byte>& blob) const
{
    for (const auto& qp : channel.qps) {
        const std::byte* number = reinterpret_cast<const std::byte*>(&qp->qp_num);
        blob.insert(blob.end(), number, number + sizeof qp->qp_num);
    }
}

Status VerbsTransport::connect(std::span<const std::vector<std::byte>> addresses)
{
    if (addresses.size() != size_t(config_.size))
        return fail(PMX_ERR_ARGUMENT, "{} addresses given, must be one for each of {} ranks",
                    addresses.size(), config_.size);
    if (!peers_.empty()) return fail(PMX_ERR_STATE, "the transport is connected already");
    VerbsAddress mine;
    const std::vector<std::byte> own = address();
    std::memcpy(&mine, own.data(), sizeof mine);
    std::vector<Peer> peers(addresses.size());
    for (size_t rank = 0; rank < addresses.size(); rank++) {
        Peer& peer = peers[rank];
        PMX_TRY(read_address(rank, addresses[rank], mine, peer.at));
        peer.messages.resize(kMessages);
        for (size_t i = kMessages; i-- > 0;) peer.free_messages.push_back(uint32_t(i));
    }
    PMX_TRY(connect_channel(channels_.front(), peers, addresses, sizeof(VerbsAddress)));
    ack_ranks_.reserve(peers.size());
    peers_ = std::move(peers);
    return {};
}

/* addresses[r]: from numbers_at on, the numbers of the queue pairs of rank r. */
Status VerbsTransport::connect_channel(const VerbsChannel& channel, std::span<const Peer> peers,
                                    std::span<const std::vector<std::byte>> addresses, size_t numbers_at) const
{
    const uint64_t deadline_ns = detail::now_ns() + config_.timeout_ns;
    for (size_t rank = 0; rank < addresses.size(); rank++) {
        for (unsigned i = 0; i < verbs_.n_qps; i++) {
            uint32_t number;
            const size_t theirs = size_t(config_.rank) * verbs_.n_qps + i;
            std::memcpy(&number, addresses[rank].data() + numbers_at + theirs * sizeof number, sizeof number);
            ibv_qp* const qp = channel.qps[queue_index(0, int(rank), i)].get();
            PMX_TRY(connect_queue(qp, rank, number, peers[rank].at));
        }
        if (config_.timeout_ns && detail::now_ns() > deadline_ns)
            return fail(PMX_ERR_TIMEOUT, "verbs device {}: {} of {} ranks connected after {} ms",
                        mine_.port.name, rank + 1, addresses.size(), config_.timeout_ns / 1000000);
    }
    return {};
}

/* Init, ready to receive, ready to send. */
Status VerbsTransport::connect_queue(ibv_qp* qp, size_t rank, uint32_t their_number, const VerbsAddress& their) const
{
    const auto step = [&](const char* state, ibv_qp_attr& attr, int mask) -> Status {
        const int err = ibv_modify_qp(qp, &attr, mask);
        if (err == 0) return {};
        return fail(PMX_ERR_TRANSPORT, "verbs device {}: queue pair to rank {} does not become {}: {}",
                    mine_.port.name, rank, state, std::strerror(err));
    };
    const VerbsPort& port = mine_.port;
    ibv_qp_attr init{};
    init.qp_state = IBV_QPS_INIT;
    init.port_num = uint8_t(port.number);
    init.qp_access_flags = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ;
    if (port.native_add || caps_.gpu) init.qp_access_flags |= IBV_ACCESS_REMOTE_ATOMIC;
    PMX_TRY(step("initialised", init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS));

    ibv_qp_attr receive{};
    receive.qp_state = IBV_QPS_RTR;
    receive.path_mtu = std::min(port.port.active_mtu, ibv_mtu(their.mtu));
    receive.dest_qp_num = their_number;
    receive.rq_psn = their.first_psn;
    receive.max_dest_rd_atomic = mine_.rd_atomic;
    receive.min_rnr_timer = verbs_rnr_timer(verbs_.rnr_delay_ns);
    receive.ah_attr.port_num = uint8_t(port.number);
    receive.ah_attr.dlid = their.lid;
    /* On RoCE there is nothing but the GID; on InfiniBand it is for other subnets. */
    receive.ah_attr.is_global = port.ethernet || std::memcmp(port.gid.raw, their.gid, 8) != 0;
    receive.ah_attr.grh.sgid_index = uint8_t(port.gid_index);
    receive.ah_attr.grh.hop_limit = 64;
    std::memcpy(receive.ah_attr.grh.dgid.raw, their.gid, sizeof their.gid);
    PMX_TRY(step("ready to receive", receive,
                 IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                     IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER));

    ibv_qp_attr send{};
    send.qp_state = IBV_QPS_RTS;
    send.sq_psn = first_psn_;
    send.timeout = verbs_ack_timeout(verbs_.ack_timeout_ns);
    send.retry_cnt = uint8_t(verbs_.retries);
    send.rnr_retry =
        7; /* without end: a target that polls makes room, and one that does not is found by pmx */
    send.max_rd_atomic = std::min(mine_.rd_atomic, their.rd_atomic);
    return step("ready to send", send,
                IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
                    IBV_QP_MAX_QP_RD_ATOMIC);
}

}  // namespace pmx
