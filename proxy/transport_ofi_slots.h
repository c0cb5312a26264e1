/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_slots.h: what libfabric holds a pointer to while it works: operations, receives, acks.
 * All are allocated before use and registered where local buffers must be. */
#pragma once

#include <rdma/fabric.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "transport_ofi_endpoint.h"

namespace pmx {

/* A signal that travels as a message. The target answers with id when it has applied it. One that is not
 * counted ends before seq. ack: an answer that rides along, to a message of the rank that receives this one; or kOfiNoAck. */
struct OfiSignalMessage {
    uint32_t kind; /* kOfiSet, kOfiAdd */
    uint32_t src_rank;
    uint64_t id;
    uint64_t ack;
    uint64_t dst_off;
    uint64_t value;
    uint64_t seq; /* Op::seq in stream */
    uint32_t stream;
    uint32_t reserved;
};

/* A small put that travels as a message, with the signal behind it or without. n_bytes of data follow the head. */
struct OfiPutMessage {
    uint32_t kind; /* kOfiPut, kOfiPutSet, kOfiPutAdd */
    uint32_t src_rank;
    uint64_t id;
    uint64_t ack; /* as that of OfiSignalMessage */
    uint64_t dst_off; /* of the signal, as value */
    uint64_t value;
    uint64_t put_off;
    uint64_t n_bytes; /* 1..kOfiPutBytes */
};
inline constexpr size_t kOfiPutBytes = 4096;

inline constexpr size_t kOfiAckIds = 14;
inline constexpr uint64_t kOfiNoAck = UINT64_MAX; /* no slot has this id */

/* Signals applied at the sender of this message; the first n_ids ids travel. */
struct OfiAckMessage {
    uint32_t kind; /* kOfiAck */
    uint32_t n_ids;
    uint64_t ids[kOfiAckIds];
};

inline constexpr uint32_t kOfiSet = 0x50584f31, kOfiAdd = 0x50584f32, kOfiAck = 0x50584f33,
                          kOfiPut = 0x50584f34, kOfiPutSet = 0x50584f35, kOfiPutAdd = 0x50584f36;

enum class OfiSlotKind : uint8_t { op, recv, ack };

/* Common head. libfabric may use the first bytes while it owns the slot (FI_CONTEXT, FI_CONTEXT2), and
 * op_context of a completion points here. */
struct OfiSlot {
    fi_context2 fabric;
    OfiSlotKind kind;
    uint64_t id; /* index in its pool; an operation counts its uses in the upper half */
    void* desc;  /* for the local buffers in this slot; nullptr where none is needed */
};

/* One operation. It is free again when it was reported to the caller and the provider has let go of it:
 * a message is reported when its ack comes, which may be before or after the end of its send. */
struct OfiOpSlot : OfiSlot {
    bool busy;
    bool in_provider; /* the provider may still read the buffer or write the context */
    bool is_message;
    bool is_fenced; /* posted with kOpFence */
    bool has_put;   /* a message with data */
    bool is_pair;   /* a put and its signal: both cookies are reported */
    bool done;      /* the result is known: in the done list, or reported */
    bool reported;
    pmx_err_t err;
    int dst_rank;
    uint64_t cookie;
    uint64_t signal_cookie; /* is_pair */
    OfiOpSlot* next_done;
    union {
        uint64_t value; /* source of a SET by write or a native ADD */
        OfiSignalMessage message;
        struct {
            OfiPutMessage head;
            std::byte data[64]; /* of a put this small */
        } put;
    };
};

struct OfiRecvSlot : OfiSlot {
    bool posted;
    union {
        uint32_t kind_received;
        OfiSignalMessage signal;
        OfiAckMessage ack;
        struct {
            OfiPutMessage head;
            std::byte data[kOfiPutBytes];
        } put;
    };
};

struct OfiAckSlot : OfiSlot {
    OfiAckMessage message;
};

/* Slots of one kind, in blocks that never move. take() and give() allocate nothing. */
template <typename Slot>
class OfiPool {
    static_assert(std::is_trivially_destructible_v<Slot>);

public:
    /* Adds n slots, registered with the endpoint under key where it wants local registrations. */
    Status grow(OfiEndpoint& endpoint, OfiSlotKind kind, size_t n, uint64_t key)
    {
        auto block = std::make_unique<Slot[]>(n); /* zeroed */
        void* desc = nullptr;
        if (endpoint.needs_local_mr()) {
            fid_mr* region = nullptr;
            const uint64_t access = FI_SEND | FI_RECV | FI_WRITE | FI_READ;
            PMX_TRY(endpoint.register_memory(block.get(), n * sizeof(Slot), access, key, &region));
            desc = fi_mr_desc(region);
        }
        free_.reserve(n_total_ + n);
        for (size_t i = n; i-- > 0;) {
            block[i].kind = kind;
            block[i].id = n_total_ + i;
            block[i].desc = desc;
            free_.push_back(&block[i]);
        }
        n_total_ += n;
        blocks_.push_back({std::move(block), n});
        return {};
    }

    Slot* take()
    {
        if (free_.empty()) return nullptr;
        Slot* slot = free_.back();
        free_.pop_back();
        return slot;
    }
    void give(Slot* slot) { free_.push_back(slot); }
    size_t n_free() const { return free_.size(); }

    /* Calls visit(slot) for every slot, free or not. */
    template <typename Visit>
    void for_each(Visit visit)
    {
        for (Block& block : blocks_)
            for (size_t i = 0; i < block.n; i++) visit(block.slots[i]);
    }

    /* The slot with this index, or nullptr. */
    Slot* at(size_t index)
    {
        for (Block& block : blocks_) {
            if (index < block.n) return &block.slots[index];
            index -= block.n;
        }
        return nullptr;
    }

private:
    struct Block {
        std::unique_ptr<Slot[]> slots;
        size_t n;
    };
    std::vector<Block> blocks_;
    std::vector<Slot*> free_;
    size_t n_total_ = 0;
};

}  // namespace pmx
