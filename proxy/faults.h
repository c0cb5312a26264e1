/* SPDX-License-Identifier: BSD-3-Clause */
/* faults.h: the words by which the proxy tells every wait that it must end (pmx_device_ctx_t points at
 * them). */
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "peer_state.h"
#include "pmx.h"
#include "pmx_atomic.h"

namespace pmx {

class Faults {
  public:
    /* words: n_words(size) zeroed words that the waits can read, where memory of this process will not do. */
    static constexpr size_t n_words(int size) { return static_cast<size_t>(size) + 2; }
    explicit Faults(int size, std::shared_ptr<uint32_t[]> words = nullptr)
        : words_(words ? std::move(words) : std::shared_ptr<uint32_t[]>(new uint32_t[n_words(size)]()))
    {
    }

    /* Writer: the proxy alone. */
    void fail_peer(int rank, PeerFault why)
    {
        if (peers()[rank]) return;
        detail::store_release(&peers()[rank], static_cast<uint32_t>(why));
        detail::store_release(n_failed(), *n_failed() + 1);
    }
    /* Any thread; the first code stays. */
    void fail_job(pmx_err_t err)
    {
        int32_t none = 0;
        __atomic_compare_exchange_n(job_word(), &none, int32_t{err}, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
    }
    bool failed(int rank) const { return detail::load_acquire(&peers()[rank]) != 0; }
    PeerFault fault(int rank) const { return static_cast<PeerFault>(detail::load_acquire(&peers()[rank])); }
    bool job_failed() const { return detail::load_acquire(job_word()) != 0; }

    int32_t* job_word() const { return reinterpret_cast<int32_t*>(&words_[0]); }
    const uint32_t* peer_words() const { return peers(); }
    const uint32_t* count_word() const { return n_failed(); }

  private:
    uint32_t* n_failed() const { return &words_[1]; }
    uint32_t* peers() const { return &words_[2]; }

    /* The job's code, the number of failed ranks, a PeerFault for each rank. Readers: waits of any thread, acquire. None
     * ever goes back to 0. */
    std::shared_ptr<uint32_t[]> words_;
};

}  // namespace pmx
