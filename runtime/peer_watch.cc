/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/peer_watch.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runtime/dump.h"
#include "runtime/log.h"
#include "runtime/runtime.h"
#include "runtime/watch_board.h"

namespace pmx {

ProcessWatch::~ProcessWatch()
{
    for (pollfd& entry : pidfds_)
        if (entry.fd >= 0) close(entry.fd);
}

Status ProcessWatch::add(int rank, pid_t pid)
{
    int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (fd < 0)
        return fail(PMX_ERR_SYSTEM, "pidfd_open of process {} (rank {}): {}", pid, rank,
                    std::strerror(errno));
    pidfds_.push_back({fd, POLLIN, 0});
    ranks_.push_back(rank);
    return {};
}

int ProcessWatch::next_dead()
{
    if (pidfds_.empty() || poll(pidfds_.data(), pidfds_.size(), 0) <= 0) return -1;
    for (size_t i = 0; i < pidfds_.size(); i++) {
        if (pidfds_[i].fd < 0 || !(pidfds_[i].revents & POLLIN)) continue;
        close(pidfds_[i].fd);
        pidfds_[i].fd = -1;
        return ranks_[i];
    }
    return -1;
}

void ProcessWatch::set_handler(pmx_error_handler_fn handler, void* arg)
{
    std::lock_guard lock(mutex_);
    handler_ = handler;
    handler_arg_ = arg;
}

void ProcessWatch::changed(const PeerChange& change)
{
    double silent_s = static_cast<double>(change.silent_ns) / 1e9;
    switch (change.state) {
    case PeerState::up: log_warn("rank {} answers again, after {:.1f} s of silence", change.rank, silent_s); break;
    case PeerState::suspect:
        log_warn("rank {} is suspect: silent for {:.1f} s; if it stays so, it will count as failed",
                 change.rank, silent_s);
        break;
    case PeerState::failed:
        log_error("rank {} has failed: {}: operations and waits with it end with an error", change.rank,
                  peer_fault_text(change.why));
        break;
    }
    if (change.state != PeerState::failed) return;
    std::lock_guard lock(mutex_);
    if (handler_) handler_(handler_arg_, PMX_ERR_PEER_FAILED, change.rank);
}

bool ProcessWatch::report_wanted()
{
    if (Runtime* rt = runtime()) watch_board_write(*rt);
    return DumpSignal::came();
}

void ProcessWatch::report(const std::string& text) { log_lines(with_prefix(text)); }

}  // namespace pmx
