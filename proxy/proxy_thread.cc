/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>

#include <chrono>
#include <system_error>

namespace pmx {

Status ProxyThread::start(std::function<void()> on_start)
{
    /* Signals of the process are for the threads of the program. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    Status status;
    try {
        thread_ = std::thread([this, on_start = std::move(on_start)] {
            pthread_setname_np(pthread_self(), "pmx-proxy");
            if (on_start) on_start();
            run();
        });
    } catch (const std::system_error& e) {
        status = fail(PMX_ERR_SYSTEM, "the proxy thread could not be made: {}", e.what());
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return status;
}

void ProxyThread::stop()
{
    stop_.store(true, std::memory_order_release);
    if (thread_.joinable()) thread_.join();
}

/* With the right to visit. */
bool ProxyThread::step()
{
    const bool moved = engine_.step();
    visiting_.store(false, std::memory_order_release);
    return moved;
}

bool ProxyThread::visit() noexcept
{
    if (visiting_.load(std::memory_order_relaxed) || visiting_.exchange(true, std::memory_order_acquire)) return false;
    /* A thread that is cancelled in a call of the network would keep the right. */
    int cancelable;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelable);
    n_visits_.store(n_visits_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const bool moved = step();
    pthread_setcancelstate(cancelable, nullptr);
    return moved;
}

/* Spins while there is work, then pauses, then gives the core away at every turn; it sleeps only while others visit, since
 * several providers move no data into an idle target. */
void ProxyThread::run()
{
    prctl(PR_SET_TIMERSLACK, 1);
    unsigned idle = 0;
    uint64_t n_seen = 0;
    while (!stop_.load(std::memory_order_acquire)) {
        const uint64_t n_visits = n_visits_.load(std::memory_order_relaxed);
        if (n_visits != n_seen) {
            n_seen = n_visits;
            std::this_thread::sleep_for(std::chrono::nanoseconds(kGiveWayNs));
        } else if (!visiting_.exchange(true, std::memory_order_acquire) && step()) {
            idle = 0;
        } else {
            detail::relax(idle++);
        }
    }
    /* What has been applied is acknowledged, which a transport may leave to one of the next two polls. */
    for (int n_left = 3; n_left > 0;) {
        if (visiting_.exchange(true, std::memory_order_acquire)) {
            std::this_thread::yield();
        } else {
            step();
            n_left--;
        }
    }
}

}  // namespace pmx
