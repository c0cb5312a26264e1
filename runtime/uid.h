/* SPDX-License-Identifier: BSD-3-Clause */
/* uid.h: the text by which ranks find each other without MPI, "pmx1:ADDRESS:PORT:KEY", and the handshake that
 * keeps out who does not know it.
 *
 * Rank 0 listens. A connection gets a number from it, and sends who it is, a number of its own, and a code of
 * all that by the key; rank 0 answers with a code of both numbers. So neither side sends the key, and neither
 * believes the other without it. All messages have a fixed length: whatever else comes is read no further
 * than that. */
#pragma once

#include <memory>
#include <vector>

#include "runtime/siphash.h"
#include "runtime/socket.h"

namespace pmx {

struct Uid {
    std::string address;
    uint16_t port = 0;
    SipKey key{};

    /* PMX_ERR_ARGUMENT: not such a text. */
    static Status parse(const std::string& text, Uid& uid_out);
    std::string text() const;
};

/* Listens at an address of this machine, for the uid_join() of this process, or of one that it forks. */
Status uid_create(const std::string& address, Uid& uid_out);

/* Collective: connections of all ranks to rank 0. On rank 0 connections_out[r] is that to rank r; elsewhere
 * [0] is the only one. PMX_ERR_STATE: rank 0 did not create the uid. PMX_ERR_TIMEOUT: a rank did not come
 * before the deadline. PMX_ERR_MISMATCH: the ranks do not agree on who they are. */
Status uid_join(const Uid& uid, int rank, int size, Deadline deadline, std::vector<Socket>& connections_out);

}  // namespace pmx
