/* SPDX-License-Identifier: BSD-3-Clause */
/* peer_watch.h: notices that a process of this node has ended, however it ended, and tells the user what the proxy
 * finds out about other ranks: one line for each change. */
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <mutex>
#include <vector>

#include "engine.h"
#include "pmx_job.h"

namespace pmx {

class ProcessWatch final : public PeerWatch {
  public:
    ProcessWatch() = default;
    ~ProcessWatch() override;
    ProcessWatch(const ProcessWatch&) = delete;
    ProcessWatch& operator=(const ProcessWatch&) = delete;

    /* pid: the process of that rank, known to be alive. Before the proxy thread starts. */
    Status add(int rank, pid_t pid);
    int next_dead() override;
    void changed(const PeerChange& change) override;
    bool report_wanted() override;
    void report(const std::string& text) override;
    /* Any thread: what changed() calls for a rank that fails; returns when no call of the one before is under way. */
    void set_handler(pmx_error_handler_fn handler, void* arg);

  private:
    std::vector<pollfd> pidfds_; /* fd -1: reported */
    std::vector<int> ranks_;
    std::mutex mutex_; /* of the two below */
    pmx_error_handler_fn handler_ = nullptr;
    void* handler_arg_ = nullptr;
};

}  // namespace pmx
