/* SPDX-License-Identifier: BSD-3-Clause */
/* tasks.h: what the processors of a kernel can do next. One block adds, all others take. The room is
 * made once for each layer; a call allocates nothing. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "moe/config.h"

namespace pmx::moe {

/* Rows of one source for one local expert that have arrived. Which rows make a tile follows from the
 * routing alone, never from time, so that the bits of a result do not hang on time either. */
struct Tile {
    int32_t src;
    int32_t local_expert;
    uint32_t first_row; /* in the region of src */
    uint32_t n_rows;    /* 1..tile_rows */
    uint32_t slot;      /* tile_slot of plan.h */
};

class TaskQueue {
  public:
    explicit TaskQueue(const Shape& shape);

    /* While no other thread uses the queue. n_takers: how many processors share the work. */
    void reset(unsigned n_takers);

    void add_tile(const Tile& tile, bool remote);
    void add_group(uint32_t group);

    /* Tiles of one expert, at most tile_rows rows together: its weights are then read once for all.
     * Remote tiles go first, since a peer waits for them. tiles_out: room for tile_rows tiles.
     * Returns how many, 0 when none is ready. */
    unsigned take_tiles(Tile* tiles_out);
    /* False when there was nothing to take a moment ago. */
    bool may_have_work() const;
    /* False when none is ready. */
    bool take_group(uint32_t* group_out);

  private:
    static constexpr int32_t kNone = -1;
    struct Node {
        Tile tile;
        int32_t next;
    };
    struct List {
        int32_t head = kNone;
        int32_t tail = kNone;
        uint32_t n = 0;
    };
    /* The ready tiles of one kind (remote, own), by expert. */
    struct Ready {
        std::vector<List> experts;
        uint32_t n = 0;
    };

    unsigned take_from(Ready& ready, Tile* tiles_out);

    uint32_t tile_rows_;
    unsigned n_takers_ = 1;
    std::mutex mutex_; /* of everything below but n_ready_ */
    std::vector<Node> nodes_;
    size_t n_nodes_ = 0;
    Ready remote_;
    Ready own_;
    std::vector<uint32_t> groups_;
    size_t n_groups_ = 0;
    size_t groups_taken_ = 0;
    /* Tiles and groups that are ready. Writers: under the mutex, relaxed. Readers: takers, relaxed: a
     * hint that spares idle takers the mutex, which orders everything. */
    uint32_t n_ready_ = 0;
};

}  // namespace pmx::moe
