/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_table.cc: the table of libfabric providers. */
#include "transport_ofi_table.h"

#include <cstdint>
#include <cstdlib>

namespace pmx {

namespace {

/* RDMA NICs first, then TCP from the fastest to the slowest, then datagrams, then what reaches only the
 * own node.
 * - verbs: ofi_rxm sizes its queue for FI_UNIVERSE_SIZE peers, by default 256, which is more than small
 *   devices have. 32 is enough at any number of ranks, because the operations in flight are bounded by
 *   pmx and not by the peers.
 * - sockets: its progress thread sleeps between visits unless told not to; a put then takes 15 ms. FI_FENCE
 *   is not asked for: an operation that waits for its fence keeps the connection, and holds back the answer
 *   that the peer needs. When the peer's next operation has a fence, too, both wait forever.
 * - udp;ofi_rxd: 128 packets in flight to a peer are more than the default buffer of a socket holds (212992
 *   bytes). The kernel drops the rest, and what follows from that is not always mended: libfabric 1.17 at times
 *   stops sending for good (1 in 45 runs of a flood under load), or returns a wrong byte from a read. With 16
 *   nothing was dropped, and a flood took as long. */
const OfiRow kTable[] = {
    {"cxi", SignalPath::atomic, true, nullptr, nullptr},
    {"efa", SignalPath::write, false, nullptr, nullptr},
    {"verbs;ofi_rxm", SignalPath::atomic, false, "FI_UNIVERSE_SIZE", "32"},
    {"psm3", SignalPath::message, false, nullptr, nullptr},
    {"tcp;ofi_rxm", SignalPath::message, false, nullptr, nullptr},
    {"tcp", SignalPath::message, false, nullptr, nullptr},
    {"net", SignalPath::message, false, nullptr, nullptr},
    {"sockets", SignalPath::message, false, "FI_SOCKETS_PE_WAITTIME", "0"},
    {"udp;ofi_rxd", SignalPath::write, false, "FI_OFI_RXD_MAX_UNACKED", "16"},
    {"shm", SignalPath::write, false, nullptr, nullptr},
};

}  // namespace

std::span<const OfiRow> ofi_table() { return kTable; }

OfiRow ofi_row(const std::string& name)
{
    for (const OfiRow& row : kTable)
        if (name == row.name) return row;
    return {name, SignalPath::message, true, nullptr, nullptr};
}

void ofi_set_environment()
{
    for (const OfiRow& row : kTable)
        if (row.env_name) setenv(row.env_name, row.env_value, /*overwrite*/ 0);
}

}  // namespace pmx
