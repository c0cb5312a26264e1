/* SPDX-License-Identifier: BSD-3-Clause */
/* bootstrap_uid.h: the bootstrap without MPI: all ranks talk to rank 0 over TCP. */
#pragma once

#include "runtime/bootstrap.h"
#include "runtime/uid.h"

namespace pmx {

/* Collective. timeout_ns: bound of this and of each call. */
Status bootstrap_open_uid(const Uid& uid, int rank, int size, uint64_t timeout_ns,
                          std::unique_ptr<Bootstrap>& bootstrap_out);

}  // namespace pmx
