/* SPDX-License-Identifier: BSD-3-Clause */
/* faults.h: the words by which the proxy tells every wait that it must end (pmx_device_ctx_t points at
 * them). */
#pragma once

#include <cstdint>
#include <vector>

#include "pmx_atomic.h"
#include "pmx.h"

namespace pmx {

class Faults {
  public:
    explicit Faults(int size) : peer_failed_(size, 0) {}

    /* Writer: the proxy alone. */
    void fail_peer(int rank)
    {
        if (peer_failed_[rank]) return;
        detail::store_release(&peer_failed_[rank], uint32_t{1});
        detail::store_release(&n_failed_, n_failed_ + 1);
    }
    /* Any thread; the first code stays. */
    void fail_job(pmx_err_t err)
    {
        int32_t none = 0;
        __atomic_compare_exchange_n(&job_, &none, int32_t{err}, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
    bool failed(int rank) const { return detail::load_acquire(&peer_failed_[rank]) != 0; }
    bool job_failed() const { return detail::load_acquire(&job_) != 0; }

    int32_t* job_word() { return &job_; }
    const uint32_t* peer_words() const { return peer_failed_.data(); }
    const uint32_t* count_word() const { return &n_failed_; }

  private:
    /* Readers of all three: waits of any thread, acquire. None ever goes back to 0. */
    std::vector<uint32_t> peer_failed_;
    uint32_t n_failed_ = 0;
    int32_t job_ = 0;
};

}  // namespace pmx
