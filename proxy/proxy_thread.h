/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_thread.h: the thread that runs an engine, and gives way to threads that run it while they wait. */
#pragma once

#include <atomic>
#include <functional>
#include <thread>

#include "engine.h"

namespace pmx {

class ProxyThread {
  public:
    explicit ProxyThread(Engine& engine) : engine_(engine) {}
    ~ProxyThread() { stop(); }

    /* on_start: called first on the new thread (it binds itself to its core there). */
    Status start(std::function<void()> on_start);
    /* Returns when the thread has ended; what is not complete stays so. May be called again. */
    void stop();

    /* One visit of the engine by a thread that waits for what it brings; whether anything moved. Any thread, at any time
     * before stop(); false when another is at it. While threads make visits the proxy thread sleeps, and looks every
     * kGiveWayNs whether they still do; so it goes on within twice that after the last one. */
    bool visit() noexcept;
    static constexpr uint64_t kGiveWayNs = 50000;

  private:
    void run();
    bool step();

    Engine& engine_;
    /* The right to visit, and all that the engine has. Writers: any thread; taken by exchange, acquire, given back by a
     * store, release, so each visit sees what the ones before have done. Nobody waits for it. */
    std::atomic<bool> visiting_{false};
    /* Visits of other threads. Writer: who has the right to visit, relaxed. Reader: the proxy thread, relaxed: it asks
     * only whether the number has changed. */
    std::atomic<uint64_t> n_visits_{0};
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace pmx
