/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_endpoint.h: one open libfabric RDM endpoint with its domain, queue and address table, and
 * what was granted to it. */
#pragma once

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "status.h"
#include "transport.h"
#include "transport_ofi_data.h"
#include "transport_ofi_table.h"

namespace pmx {

struct FidClose {
    template <typename T>
    void operator()(T* object) const
    {
        fi_close(&object->fid);
    }
};
template <typename T>
using Fid = std::unique_ptr<T, FidClose>;

struct InfoFree {
    void operator()(fi_info* info) const { fi_freeinfo(info); }
};
using Info = std::unique_ptr<fi_info, InfoFree>;

/* A failed libfabric call as one line: provider, call, text. */
Status ofi_fail(const std::string& provider, const char* call, long ret);

/* PMX_ERR_PEER_FAILED when the (positive) libfabric error says that one peer is gone, else
 * PMX_ERR_TRANSPORT. */
pmx_err_t ofi_peer_error(int err);

class OfiEndpoint {
public:
    /* Opens the best that the provider grants: it asks for native atomics in write order, then for
     * messages in order after writes, then for less, until an endpoint opens; and once more for the source
     * of what arrives, where writes carry too few data to name it. native_add: native atomics
     * may be used (if the provider confirms the operation). n_peers: size of the address table. */
    static Status open(const OfiRow& row, bool native_add, size_t n_peers, std::unique_ptr<OfiEndpoint>& out);
    ~OfiEndpoint();

    const TransportCaps& caps() const { return caps_; }
    bool set_by_write() const { return row_.signals != SignalPath::message; }
    bool add_native() const { return add_native_; }
    /* Of two writes to one peer, atomics among them, the second is not seen before the first. */
    bool writes_in_order() const { return writes_in_order_; }
    /* A message is received after the writes and messages that were posted to this peer before it. */
    bool messages_in_order() const { return messages_in_order_; }
    /* Small puts may travel as messages: signals do, and all messages are received in order. */
    bool puts_by_message() const
    {
        return row_.signals == SignalPath::message && messages_in_order_ && !needs_local_mr() &&
               info_->tx_attr->iov_limit >= 2;
    }
    /* Longest message that fi_inject() shall take; 0: none. */
    size_t inject_bytes() const { return puts_by_message() ? info_->tx_attr->inject_size : 0; }
    /* caps().counted: the sender of data is known by its address, fi_cq_readfrom(); else the data tell. */
    bool source_by_address() const { return source_by_address_; }
    /* FI_FENCE is granted, but known not to be safe. */
    bool avoids_fence() const { return !row_.ask_fence && (info_->caps & FI_FENCE); }
    /* A write with data takes a receive at the target. */
    bool data_takes_receive() const { return info_->mode & FI_RX_CQ_DATA; }
    /* Takes back what was granted and is not kept: only what is in kept, too, stays promised. */
    void withhold(const TransportCaps& kept);
    size_t n_ops() const { return n_ops_; }   /* operations in flight that fit the transmit queue */
    size_t n_recv() const { return n_recv_; } /* receives that fit the receive queue */
    fid_ep* ep() const { return ep_.get(); }
    fid_cq* cq() const { return cq_.get(); }
    fid_av* av() const { return av_.get(); }
    const std::string& provider() const { return caps_.provider; }

    /* Registers memory in every way the domain may ask for. It must outlive the endpoint's use of it.
     * key is used when the domain lets us choose; it must be unique in this endpoint. The endpoint keeps
     * the region; region_out is for fi_mr_desc and fi_mr_key. */
    Status register_memory(void* base, size_t n_bytes, uint64_t access, uint64_t key, fid_mr** region_out);
    /* Local buffers need a registration of their own. */
    bool needs_local_mr() const { return info_->domain_attr->mr_mode & FI_MR_LOCAL; }
    /* What a peer adds an offset to: the address of base, or 0 where the provider counts from the start. */
    uint64_t rma_base(const void* base) const;

private:
    struct Ask {
        uint64_t caps;
        uint64_t order;
    };
    static Status open_ask(const OfiRow& row, const Ask& ask, size_t n_peers,
                           std::unique_ptr<OfiEndpoint>& out);
    Status open_info(Info info, size_t n_peers);
    bool confirms_add() const;
    void note_grants(bool atomics_asked);
    size_t cq_data_bytes() const { return std::min(info_->domain_attr->cq_data_size, row_.max_cq_data); }
    bool lacks_source() const;

    OfiRow row_{};
    TransportCaps caps_;
    bool add_native_ = false;
    bool writes_in_order_ = false;
    bool messages_in_order_ = false;
    bool source_by_address_ = false;
    size_t n_ops_ = 0;
    size_t n_recv_ = 0;
    /* In the order of opening; the destructor closes in the order that libfabric wants. */
    Info info_;
    Fid<fid_fabric> fabric_;
    Fid<fid_domain> domain_;
    Fid<fid_cq> cq_;
    Fid<fid_av> av_;
    Fid<fid_ep> ep_;
    std::vector<Fid<fid_mr>> regions_;
};

}  // namespace pmx
