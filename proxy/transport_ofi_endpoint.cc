/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_endpoint.cc: asks for, opens and registers; keeps what was granted. */
#include "transport_ofi_endpoint.h"

#include <rdma/fi_atomic.h>
#include <rdma/fi_errno.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace pmx {

namespace {

constexpr size_t kMaxOps = 1024;
constexpr size_t kMaxRecv = 512;
/* An endpoint of a host may fail to open on its first interface; more than a few are not worth the time. */
constexpr int kMaxInfos = 4;

/* Every mode bit that pmx can serve; FI_MR_RAW is here to be refused with a clear line.
 * FI_MR_RMA_EVENT asks nothing of us, because no region is bound to a counter; FI_MR_HMEM asks nothing
 * for host memory; FI_RX_CQ_DATA asks only that receives are posted again. */
constexpr int kMrMode = FI_MR_LOCAL | FI_MR_RAW | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY |
                        FI_MR_RMA_EVENT | FI_MR_ENDPOINT | FI_MR_HMEM;
constexpr uint64_t kTransfers = FI_SEND | FI_RECV | FI_READ | FI_WRITE | FI_REMOTE_READ | FI_REMOTE_WRITE;
constexpr uint64_t kMode = FI_CONTEXT | FI_CONTEXT2 | FI_RX_CQ_DATA;

Info make_hints(const OfiRow& row, uint64_t caps, uint64_t order)
{
    Info hints(fi_allocinfo());
    if (!hints) return nullptr;
    hints->caps = FI_MSG | FI_RMA | kTransfers | caps;
    hints->mode = kMode;
    hints->ep_attr->type = FI_EP_RDM;
    hints->fabric_attr->prov_name = strdup(row.name.c_str());
    hints->domain_attr->mr_mode = kMrMode;
    hints->domain_attr->threading = FI_THREAD_DOMAIN;
    hints->domain_attr->resource_mgmt = FI_RM_ENABLED;
    /* A completion must mean that the data are visible: a provider that refuses this is of no use. */
    hints->tx_attr->op_flags = FI_DELIVERY_COMPLETE;
    hints->tx_attr->msg_order = order;
    hints->rx_attr->msg_order = order;
    return hints;
}

/* Backs the pages with memory, as FI_MR_ALLOCATED wants before the registration. */
void populate(void* base, size_t n_bytes)
{
    size_t page = size_t(sysconf(_SC_PAGESIZE));
    auto* bytes = static_cast<volatile char*>(base);
    for (size_t at = 0; at < n_bytes; at += page) bytes[at] = bytes[at];
    if (n_bytes) bytes[n_bytes - 1] = bytes[n_bytes - 1];
}

}  // namespace

Status ofi_fail(const std::string& provider, const char* call, long ret)
{
    const int err = int(ret < 0 ? -ret : ret);
    return fail(PMX_ERR_TRANSPORT, "libfabric provider {}: {}: {}", provider, call, fi_strerror(err));
}

pmx_err_t ofi_peer_error(int err)
{
    switch (err) {
        case FI_ENOTCONN:
        case FI_ECONNREFUSED:
        case FI_ECONNRESET:
        case FI_ECONNABORTED:
        case FI_ESHUTDOWN:
        case FI_ETIMEDOUT:
        case FI_EHOSTUNREACH:
        case FI_EHOSTDOWN:
        case FI_ENETUNREACH:
        case EPIPE:
        case FI_EIO:
        case FI_ECANCELED:
            return PMX_ERR_PEER_FAILED;
        default:
            return PMX_ERR_TRANSPORT;
    }
}

Status OfiEndpoint::open(const OfiRow& row, bool native_add, size_t n_peers,
                         std::unique_ptr<OfiEndpoint>& out)
{
    constexpr uint64_t kWrites = FI_ORDER_WAW | FI_ORDER_RMA_WAW;
    constexpr uint64_t kMessages = FI_ORDER_SAW | FI_ORDER_SAS;
    const bool atomics = native_add && row.signals == SignalPath::atomic;
    std::vector<Ask> asks;
    if (atomics) asks.push_back({FI_ATOMIC, kWrites | FI_ORDER_ATOMIC_WAW});
    asks.push_back({0, kWrites | kMessages});
    asks.push_back({0, FI_ORDER_RMA_WAW | FI_ORDER_SAW});
    if (atomics) asks.push_back({FI_ATOMIC, FI_ORDER_RMA_WAW | FI_ORDER_ATOMIC_WAW});
    if (atomics) asks.push_back({FI_ATOMIC, 0});
    asks.push_back({0, FI_ORDER_RMA_WAW});
    asks.push_back({0, 0});

    Status last;
    for (const Ask& ask : asks) {
        for (uint64_t fence : {uint64_t(FI_FENCE), uint64_t(0)}) {
            if (fence && !row.ask_fence) continue;
            last = open_ask(row, {ask.caps | fence, ask.order}, n_peers, out);
            if (!last.ok()) continue;
            std::unique_ptr<OfiEndpoint> with_source;
            if (out->lacks_source() &&
                open_ask(row, {ask.caps | fence | FI_SOURCE, ask.order}, n_peers, with_source).ok())
                out = std::move(with_source);
            return last;
        }
    }
    return last;
}

Status OfiEndpoint::open_ask(const OfiRow& row, const Ask& ask, size_t n_peers,
                             std::unique_ptr<OfiEndpoint>& out)
{
    Info hints = make_hints(row, ask.caps, ask.order);
    if (!hints) return fail(PMX_ERR_MEMORY, "libfabric: fi_allocinfo: no memory");
    fi_info* list = nullptr;
    int ret = fi_getinfo(FI_VERSION(1, 17), nullptr, nullptr, 0, hints.get(), &list);
    Info owner(list);
    Status last = fail(PMX_ERR_UNSUPPORTED, "libfabric offers no RDM endpoint of provider {} here", row.name);
    if (ret == -FI_ENODATA) return last;
    if (ret) return ofi_fail(row.name, "fi_getinfo", ret);

    int tried = 0;
    for (fi_info* info = list; info && tried < kMaxInfos; info = info->next) {
        /* The name in the hints is a filter for parts of the name: "tcp" lets "tcp;ofi_rxm" through. */
        if (row.name != info->fabric_attr->prov_name) continue;
        tried++;
        auto made = std::unique_ptr<OfiEndpoint>(new OfiEndpoint);
        made->row_ = row;
        last = made->open_info(Info(fi_dupinfo(info)), n_peers);
        if (!last.ok()) continue;
        if ((ask.caps & FI_ATOMIC) && !made->confirms_add()) {
            last = fail(PMX_ERR_UNSUPPORTED, "libfabric provider {}: grants FI_ATOMIC but has no 64-bit sum",
                        row.name);
            break;
        }
        made->note_grants(ask.caps & FI_ATOMIC);
        out = std::move(made);
        return {};
    }
    return last;
}

Status OfiEndpoint::open_info(Info info, size_t n_peers)
{
    caps_.name = "ofi";
    caps_.provider = row_.name;
    info_ = std::move(info);
    if (!info_) return fail(PMX_ERR_MEMORY, "libfabric: fi_dupinfo: no memory");
    if (info_->domain_attr->mr_mode & FI_MR_RAW)
        return fail(PMX_ERR_UNSUPPORTED,
                    "libfabric provider {}: needs raw memory keys (FI_MR_RAW), which pmx does not speak",
                    row_.name);
    n_ops_ = std::clamp<size_t>(info_->tx_attr->size, 64, kMaxOps);
    n_recv_ = std::clamp<size_t>(info_->rx_attr->size, 16, kMaxRecv);

#define OFI_TRY(call, expr)                                            \
    do {                                                               \
        if (int ret_ = (expr)) return ofi_fail(row_.name, call, ret_); \
    } while (0)
    fid_fabric* fabric = nullptr;
    OFI_TRY("fi_fabric", fi_fabric(info_->fabric_attr, &fabric, nullptr));
    fabric_.reset(fabric);
    fid_domain* domain = nullptr;
    OFI_TRY("fi_domain", fi_domain(fabric, info_.get(), &domain, nullptr));
    domain_.reset(domain);

    fi_cq_attr cq_attr{};
    cq_attr.size = 2 * n_ops_ + n_recv_;
    cq_attr.format = FI_CQ_FORMAT_DATA;
    fid_cq* cq = nullptr;
    OFI_TRY("fi_cq_open", fi_cq_open(domain, &cq_attr, &cq, nullptr));
    cq_.reset(cq);

    fi_av_attr av_attr{};
    av_attr.type = info_->domain_attr->av_type;
    av_attr.count = n_peers;
    fid_av* av = nullptr;
    OFI_TRY("fi_av_open", fi_av_open(domain, &av_attr, &av, nullptr));
    av_.reset(av);

    fid_ep* ep = nullptr;
    OFI_TRY("fi_endpoint", fi_endpoint(domain, info_.get(), &ep, nullptr));
    ep_.reset(ep);
    OFI_TRY("fi_ep_bind", fi_ep_bind(ep, &av->fid, 0));
    OFI_TRY("fi_ep_bind", fi_ep_bind(ep, &cq->fid, FI_TRANSMIT | FI_RECV));
    OFI_TRY("fi_enable", fi_enable(ep));
#undef OFI_TRY
    return {};
}

/* The capability bit proves nothing: some providers grant it without one operation behind it. */
bool OfiEndpoint::confirms_add() const
{
    fi_atomic_attr attr{};
    if (fi_query_atomic(domain_.get(), FI_UINT64, FI_SUM, &attr, 0)) return false;
    size_t count = 0;
    return fi_atomicvalid(ep_.get(), FI_UINT64, FI_SUM, &count) == 0 && count >= 1;
}

void OfiEndpoint::note_grants(bool atomics_asked)
{
    const uint64_t order = info_->tx_attr->msg_order & info_->rx_attr->msg_order;
    const size_t waw_bytes = info_->ep_attr->max_order_waw_size; /* 0: never; SIZE_MAX: any size */
    const bool waw_holds = waw_bytes >= 4096;
    const bool saw = order & FI_ORDER_SAW;

    add_native_ = atomics_asked;
    writes_in_order_ = waw_holds && (order & FI_ORDER_WAW);
    messages_in_order_ = saw && (order & FI_ORDER_SAS);
    caps_.orders_put = waw_holds && (order & (FI_ORDER_WAW | FI_ORDER_RMA_WAW));
    caps_.orders_set = set_by_write() ? caps_.orders_put : saw;
    caps_.orders_add = add_native_ ? writes_in_order_ : saw;
    caps_.fence = row_.ask_fence && (info_->caps & FI_FENCE); /* some grant what was not asked for */
    source_by_address_ = cq_data_bytes() < kOfiDataWithRank;
    caps_.counted = cq_data_bytes() >= kOfiData && !lacks_source();
    caps_.max_put_bytes = info_->ep_attr->max_msg_size;
    if (caps_.orders_put) caps_.max_put_bytes = std::min<uint64_t>(caps_.max_put_bytes, waw_bytes);
}

/* Writes can be counted, but not for the rank that they come from. */
bool OfiEndpoint::lacks_source() const
{
    return cq_data_bytes() >= kOfiData && cq_data_bytes() < kOfiDataWithRank && !(info_->caps & FI_SOURCE);
}

void OfiEndpoint::withhold(const TransportCaps& kept)
{
    if (!add_native_) messages_in_order_ &= kept.orders_add;
    writes_in_order_ &= kept.orders_put;
    caps_.orders_put &= kept.orders_put;
    caps_.orders_set &= kept.orders_set;
    caps_.orders_add &= kept.orders_add;
    caps_.fence &= kept.fence;
    caps_.counted &= kept.counted;
}

Status OfiEndpoint::register_memory(void* base, size_t n_bytes, uint64_t access, uint64_t key,
                                    fid_mr** region_out)
{
    const int mode = info_->domain_attr->mr_mode;
    if (mode & FI_MR_ALLOCATED) populate(base, n_bytes);
    iovec range{base, n_bytes};
    fi_mr_attr attr{};
    attr.mr_iov = &range;
    attr.iov_count = 1;
    attr.access = access;
    attr.requested_key = mode & FI_MR_PROV_KEY ? 0 : key;
    attr.iface = FI_HMEM_SYSTEM;
    fid_mr* region = nullptr;
    if (int ret = fi_mr_regattr(domain_.get(), &attr, 0, &region))
        return ofi_fail(row_.name, "fi_mr_regattr", ret);
    regions_.emplace_back(region);
    if (mode & FI_MR_ENDPOINT) {
        if (int ret = fi_mr_bind(region, &ep_->fid, 0)) return ofi_fail(row_.name, "fi_mr_bind", ret);
        if (int ret = fi_mr_enable(region)) return ofi_fail(row_.name, "fi_mr_enable", ret);
    }
    *region_out = region;
    return {};
}

uint64_t OfiEndpoint::rma_base(const void* base) const
{
    return info_->domain_attr->mr_mode & FI_MR_VIRT_ADDR ? uint64_t(reinterpret_cast<uintptr_t>(base)) : 0;
}

/* A region bound to the endpoint goes before it; otherwise the endpoint goes first, so that nothing in
 * flight refers to a region that is gone. */
OfiEndpoint::~OfiEndpoint()
{
    if (info_ && (info_->domain_attr->mr_mode & FI_MR_ENDPOINT)) regions_.clear();
    ep_.reset();
    regions_.clear();
    cq_.reset();
    av_.reset();
    domain_.reset();
    fabric_.reset();
}

}  // namespace pmx
