/* SPDX-License-Identifier: BSD-3-Clause */
/* groups.h: the groups that host callers have begun and not committed. Any thread. */
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "pmx.h"

namespace pmx {

class Groups {
  public:
    Groups();
    ~Groups();

    pmx_group_t make(pmx_ctx_t ctx, int dst_rank);
    bool has(pmx_group_t group);
    /* nullptr: there is no such group. */
    std::unique_ptr<pmx_group> take(pmx_group_t group);

  private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<pmx_group>> groups_;
};

}  // namespace pmx
