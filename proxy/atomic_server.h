/* SPDX-License-Identifier: BSD-3-Clause */
/* atomic_server.h: atomic operations that other ranks ask for, because they cannot reach the word themselves. A request is
 * a put into a cell of this rank and a signal behind it, the answer the same the other way, so they work over every
 * transport. The proxy thread applies each request once, when its number is new. */
#pragma once

#include <vector>

#include "atomic_word.h"
#include "engine.h"
#include "pmx_device.h"

namespace pmx {

struct AtomicRequest {
    uint64_t word_off; /* in the heap of host memory of the target */
    WordOperation operation;
};
struct AtomicAnswer {
    uint64_t before;
};

/* The memory of both sides, at the same heap offset on all ranks. A rank has kLanes requests under way at most, each in a
 * lane of its own, whose numbers grow. Every cell has a writer of its own: one put, then its signal. */
class AtomicArea {
  public:
    static constexpr unsigned kLanes = 8;
    struct alignas(64) RequestCell {
        AtomicRequest request;
        uint64_t number; /* the signal */
    };
    struct alignas(64) AnswerCell {
        AtomicAnswer answer;
        uint64_t number; /* the signal */
    };

    AtomicArea(char* base, int size) : base_(base), size_(static_cast<size_t>(size)) {}
    static size_t n_bytes(int size)
    {
        return 64 + kLanes * (static_cast<size_t>(size) + 1) * (sizeof(RequestCell) + sizeof(AnswerCell));
    }

    /* How many requests have been sent to this rank, in all. Writers: signals of other ranks. Reader: the proxy, acquire. It
     * may be ahead of the cells. */
    uint64_t* bell() const { return reinterpret_cast<uint64_t*>(base_); }
    RequestCell* from(int rank) const { return reinterpret_cast<RequestCell*>(base_ + 64) + cell(rank); }
    /* What is put into the cells of others is written here first. */
    RequestCell* requests() const { return from(static_cast<int>(size_)); }
    AnswerCell* answers_to(int rank) const { return reinterpret_cast<AnswerCell*>(from(0) + cell(size_ + 1)) + cell(rank); }
    AnswerCell* answers() const { return answers_to(static_cast<int>(size_)); }

  private:
    template <typename Rank>
    static size_t cell(Rank rank)
    {
        return static_cast<size_t>(rank) * kLanes;
    }

    char* base_;
    size_t size_;
};

class AtomicServer final : public ProxyWork {
  public:
    /* heap_bytes: of the part in which words may lie. */
    AtomicServer(AtomicArea area, char* heap_base, uint64_t heap_bytes, int size);
    /* Before the proxy thread knows of it: the context that carries the answers, which nobody else uses. */
    void answer_through(const pmx_device_ctx_t& ctx) { ctx_ = &ctx; }

    bool step() override;

  private:
    bool has_room() const;
    void serve(int rank, unsigned lane, uint64_t number);

    const AtomicArea area_;
    char* const heap_base_;
    const uint64_t heap_bytes_;
    const int size_;
    const pmx_device_ctx_t* ctx_ = nullptr;
    uint64_t n_served_ = 0;
    std::vector<uint64_t> served_; /* by rank and lane, the number of the last one */
};

}  // namespace pmx
