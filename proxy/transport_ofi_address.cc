/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_address.cc: what a rank tells the others about its endpoint, and how it reads theirs. */
#include <pmx_atomic.h>

#include <cstring>

#include "transport_ofi_impl.h"

namespace pmx {

namespace {

constexpr uint32_t kMagic = 0x584d5046;
constexpr uint16_t kVersion = 2;
constexpr size_t kMaxName = 1024;

/* Followed by n_name bytes, the endpoint's name in the provider's own format. */
struct AddressHead {
    uint32_t magic;
    uint16_t version;
    uint16_t n_name;
    uint64_t heap_key;
    uint64_t heap_base;
    uint64_t heap_bytes;
    char provider[32]; /* cut to 31 bytes, and zeros */
};

void set_provider(AddressHead& head, const std::string& provider)
{
    std::memset(head.provider, 0, sizeof head.provider);
    provider.copy(head.provider, sizeof head.provider - 1);
}

}  // namespace

std::vector<std::byte> OfiTransport::address() const
{
    std::byte name[kMaxName];
    size_t n_name = sizeof name;
    if (fi_getname(&endpoint_->ep()->fid, name, &n_name) || n_name > sizeof name) return {};
    AddressHead head{};
    head.magic = kMagic;
    head.version = kVersion;
    head.n_name = uint16_t(n_name);
    head.heap_key = fi_mr_key(heap_region_);
    head.heap_base = endpoint_->rma_base(config_.heap_base);
    head.heap_bytes = config_.heap_bytes;
    set_provider(head, endpoint_->provider());

    std::vector<std::byte> blob(sizeof head + n_name);
    std::memcpy(blob.data(), &head, sizeof head);
    std::memcpy(blob.data() + sizeof head, name, n_name);
    return blob;
}

namespace {

/* Reads the head of rank's address and checks all that can be checked here. */
Status read_head(size_t rank, const std::vector<std::byte>& blob, const AddressHead& mine, AddressHead& out)
{
    AddressHead head;
    if (blob.size() <= sizeof head)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: {} bytes, must be more than {}", rank,
                    blob.size(), sizeof head);
    std::memcpy(&head, blob.data(), sizeof head);
    if (head.magic != kMagic || head.version != kVersion)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: not an address of pmx of this version ({})", rank,
                    kVersion);
    if (blob.size() != sizeof head + head.n_name || head.n_name > kMaxName)
        return fail(PMX_ERR_TRANSPORT, "address of rank {}: {} bytes, its head says {}", rank, blob.size(),
                    sizeof head + head.n_name);
    head.provider[sizeof head.provider - 1] = 0;
    if (std::strcmp(head.provider, mine.provider) != 0)
        return fail(PMX_ERR_MISMATCH, "rank {} uses libfabric provider {}, this rank {}: must be the same",
                    rank, head.provider, mine.provider);
    if (head.heap_bytes != mine.heap_bytes)
        return fail(PMX_ERR_MISMATCH, "rank {} has a heap of {} bytes, this rank {}: must be the same", rank,
                    head.heap_bytes, mine.heap_bytes);
    out = head;
    return {};
}

}  // namespace

Status OfiTransport::connect(std::span<const std::vector<std::byte>> addresses)
{
    if (addresses.size() != size_t(config_.size))
        return fail(PMX_ERR_ARGUMENT, "{} addresses given, must be one for each of {} ranks",
                    addresses.size(), config_.size);
    if (!peers_.empty()) return fail(PMX_ERR_STATE, "the transport is connected already");
    AddressHead mine{};
    mine.heap_bytes = config_.heap_bytes;
    set_provider(mine, endpoint_->provider());
    std::vector<AddressHead> heads(addresses.size());
    for (size_t rank = 0; rank < addresses.size(); rank++)
        PMX_TRY(read_head(rank, addresses[rank], mine, heads[rank]));

    std::vector<Peer> peers(addresses.size());
    const uint64_t deadline_ns = detail::now_ns() + config_.timeout_ns;
    for (size_t rank = 0; rank < addresses.size(); rank++) {
        Peer& peer = peers[rank];
        const std::byte* name = addresses[rank].data() + sizeof(AddressHead);
        const int n = fi_av_insert(endpoint_->av(), name, 1, &peer.addr, 0, nullptr);
        if (n != 1 || peer.addr == FI_ADDR_NOTAVAIL)
            return fail(PMX_ERR_TRANSPORT,
                        "libfabric provider {}: fi_av_insert: the address of rank {} is refused",
                        endpoint_->provider(), rank);
        peer.key = heads[rank].heap_key;
        peer.base = heads[rank].heap_base;
        if (config_.timeout_ns && detail::now_ns() > deadline_ns)
            return fail(PMX_ERR_TIMEOUT, "libfabric provider {}: {} of {} addresses after {} ms",
                        endpoint_->provider(), rank + 1, addresses.size(), config_.timeout_ns / 1000000);
    }
    ack_ranks_.reserve(peers.size());
    peers_ = std::move(peers);
    list_sources();
    return {};
}

}  // namespace pmx
