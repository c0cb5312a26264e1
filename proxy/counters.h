/* SPDX-License-Identifier: BSD-3-Clause */
/* counters.h: what one context sent through the proxy. */
#pragma once

#include "pmx.h"
#include "pmx_atomic.h"

namespace pmx {

/* Writer: the proxy thread alone, relaxed. Readers: any thread, relaxed; each word is exact once the
 * operations it counts are complete (quiet). */
class Counters {
  public:
    void add(uint64_t pmx_counters_t::*field, uint64_t n = 1)
    {
        detail::store_relaxed(&(words_.*field), words_.*field + n);
    }

    /* words_out->size_bytes is left as it is. */
    void read(pmx_counters_t& words_out) const
    {
        for (auto field : kFields) words_out.*field = 0;
        add_to(words_out);
    }

    /* The same, added to what is there. */
    void add_to(pmx_counters_t& sum) const
    {
        for (auto field : kFields) sum.*field += detail::load_relaxed(&(words_.*field)) - base_.*field;
    }

    /* Reader's side: the proxy's words only ever grow. */
    void reset()
    {
        for (auto field : kFields) base_.*field = detail::load_relaxed(&(words_.*field));
    }

  private:
    static constexpr uint64_t pmx_counters_t::*kFields[] = {
        &pmx_counters_t::puts,         &pmx_counters_t::put_bytes,
        &pmx_counters_t::gets,         &pmx_counters_t::get_bytes,
        &pmx_counters_t::signals,      &pmx_counters_t::order_points_requested,
        &pmx_counters_t::order_points, &pmx_counters_t::stalls,
        &pmx_counters_t::stalled_ns,   &pmx_counters_t::doorbells,
        &pmx_counters_t::completions,  &pmx_counters_t::retries,
        &pmx_counters_t::errors};
    pmx_counters_t words_{};
    pmx_counters_t base_{};
};

}  // namespace pmx
