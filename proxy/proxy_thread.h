/* SPDX-License-Identifier: BSD-3-Clause */
/* proxy_thread.h: the thread that runs an engine. */
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

  private:
    void run();

    Engine& engine_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace pmx
