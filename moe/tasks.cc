/* SPDX-License-Identifier: BSD-3-Clause */
#include "moe/tasks.h"

#include <algorithm>

#include "moe/combine.h"
#include "pmx_atomic.h"

namespace pmx::moe {

TaskQueue::TaskQueue(const Shape& shape)
    : tile_rows_((uint32_t)shape.tile_rows),
      nodes_((size_t)shape.n_ranks * shape.region_tiles),
      groups_(n_token_groups(shape.max_tokens))
{
    remote_.experts.resize((size_t)shape.local_experts);
    own_.experts.resize((size_t)shape.local_experts);
}

void TaskQueue::reset(unsigned n_takers)
{
    n_takers_ = std::max(1u, n_takers);
    n_nodes_ = n_groups_ = groups_taken_ = 0;
    n_ready_ = 0;
    for (Ready* ready : {&remote_, &own_}) {
        std::fill(ready->experts.begin(), ready->experts.end(), List{});
        ready->n = 0;
    }
}

void TaskQueue::add_tile(const Tile& tile, bool remote)
{
    std::lock_guard<std::mutex> lock(mutex_);
    int32_t node = (int32_t)n_nodes_++;
    nodes_[(size_t)node] = {tile, kNone};
    Ready& ready = remote ? remote_ : own_;
    List& list = ready.experts[(size_t)tile.local_expert];
    if (list.head == kNone)
        list.head = node;
    else
        nodes_[(size_t)list.tail].next = node;
    list.tail = node;
    list.n++;
    ready.n++;
    detail::store_relaxed(&n_ready_, n_ready_ + 1);
}

void TaskQueue::add_group(uint32_t group)
{
    std::lock_guard<std::mutex> lock(mutex_);
    groups_[n_groups_++] = group;
    detail::store_relaxed(&n_ready_, n_ready_ + 1);
}

/* The expert with the most ready tiles, but no more than a fair share of all, so that no processor
 * stays idle while another has many. */
unsigned TaskQueue::take_from(Ready& ready, Tile* tiles_out)
{
    if (ready.n == 0) return 0;
    auto fuller = [](const List& a, const List& b) { return a.n < b.n; };
    List& list = *std::max_element(ready.experts.begin(), ready.experts.end(), fuller);
    uint32_t share = (ready.n + n_takers_ - 1) / n_takers_;
    uint32_t n_rows = 0;
    unsigned n = 0;
    while (list.head != kNone && n < share) {
        const Node& node = nodes_[(size_t)list.head];
        if (n_rows + node.tile.n_rows > tile_rows_) break;
        n_rows += node.tile.n_rows;
        tiles_out[n++] = node.tile;
        list.head = node.next;
    }
    list.n -= n;
    ready.n -= n;
    detail::store_relaxed(&n_ready_, n_ready_ - n);
    return n;
}

bool TaskQueue::may_have_work() const { return detail::load_relaxed(&n_ready_) != 0; }

unsigned TaskQueue::take_tiles(Tile* tiles_out)
{
    std::lock_guard<std::mutex> lock(mutex_);
    unsigned n = take_from(remote_, tiles_out);
    return n ? n : take_from(own_, tiles_out);
}

bool TaskQueue::take_group(uint32_t* group_out)
{
    std::lock_guard<std::mutex> lock(mutex_);
    if (groups_taken_ == n_groups_) return false;
    *group_out = groups_[groups_taken_++];
    detail::store_relaxed(&n_ready_, n_ready_ - 1);
    return true;
}

}  // namespace pmx::moe
