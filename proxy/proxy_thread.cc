/* SPDX-License-Identifier: BSD-3-Clause */
#include "proxy_thread.h"

#include <pthread.h>
#include <signal.h>

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

/* Spins while there is work, then pauses, then gives the core away at every turn; it never sleeps, since
 * several providers move no data into an idle target. */
void ProxyThread::run()
{
    unsigned idle = 0;
    while (!stop_.load(std::memory_order_acquire)) {
        if (engine_.step())
            idle = 0;
        else
            detail::relax(idle++);
    }
}

}  // namespace pmx
