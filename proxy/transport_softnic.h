/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_softnic.h: the software NIC between the processes of one node, in real time. Each rank maps the heaps of
 * the others, and the proxy thread of the sender does what its NIC does, when it is due, in poll(). Counted
 * operations are told to the target's proxy through mailboxes in shared memory; its poll() applies them. */
#pragma once

#include <memory>

#include "transport_shm.h"
#include "transport_softnic_nic.h"

namespace pmx {

/* heap: that of config. Both outlive the transport. nic.rank and nic.size are taken from config. PMX_ERR_SYSTEM: no
 * memory for mailboxes. connect() refuses with PMX_ERR_UNSUPPORTED where a rank is on another node. */
Status softnic_open(const SoftNicConfig& nic, const TransportConfig& config, const ShmSegment& heap,
                    std::unique_ptr<Transport>& transport_out);

}  // namespace pmx
