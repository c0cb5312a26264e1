/* SPDX-License-Identifier: BSD-3-Clause */
/* watch_board.h: what a rank shows to pmx_info --watch: its counters, in the last page of its heap's segment, behind the
 * nonce. Who may open /proc/PID/fd of the rank can read it; nothing has to be asked for. */
#pragma once

#include <sys/types.h>

#include <memory>

#include "pmx.h"
#include "status.h"

namespace pmx {

class Runtime;

struct WatchState {
    uint64_t written_ns;   /* CLOCK_MONOTONIC */
    int32_t rank, size;
    uint32_t n_failed;     /* ranks that have failed */
    char path[60];         /* the network path, "none" */
    pmx_counters_t counters; /* of all contexts that are there now, since they were made; reset does not matter */
};

/* Writer: the proxy of the rank. Readers: other processes. */
struct WatchBoard {
    static constexpr size_t kOff = 64; /* in the page */
    static constexpr char kMagic[8] = {'p', 'm', 'x', 'w', 'a', 't', 'c', 'h'};
    char magic[8];           /* there once the state has been written */
    uint64_t state_bytes;    /* sizeof(WatchState): another one is another version of pmx */
    uint64_t n_changes;      /* odd while the state is being written */
    WatchState state;
};

/* Proxy thread. */
void watch_board_write(Runtime& rt);

/* The board of another process. */
class WatchedProcess {
  public:
    WatchedProcess() = default;
    ~WatchedProcess();
    WatchedProcess(const WatchedProcess&) = delete;
    WatchedProcess& operator=(const WatchedProcess&) = delete;

    /* PMX_ERR_ARGUMENT: there is no such process, it is not this user's, or it is no rank of pmx with a proxy. */
    Status open(pid_t pid);
    /* False when the process has ended. */
    bool read(WatchState& state_out) const;

  private:
    pid_t pid_ = 0;
    void* page_ = nullptr;
};

}  // namespace pmx
