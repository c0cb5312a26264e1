/* SPDX-License-Identifier: BSD-3-Clause */
#include "command_queue.h"

#include <cstring>
#include <new>
#include <utility>

namespace pmx {

QueueMemory host_queue_memory(uint64_t capacity)
{
    /* The ring, then a line for each word: they have different writers. */
    constexpr size_t line = 64;
    constexpr std::align_val_t align{line};
    size_t ring_bytes = (capacity * sizeof(pmx_command_t) + line - 1) & ~(line - 1);
    void* start = ::operator new(ring_bytes + 3 * line, align);
    std::memset(start, 0, ring_bytes + 3 * line);
    QueueMemory memory;
    memory.owner = std::shared_ptr<void>(start, [](void* p) { ::operator delete(p, align); });
    memory.capacity = capacity;
    memory.entries = static_cast<pmx_command_t*>(start);
    auto word = [&](size_t i) { return reinterpret_cast<uint64_t*>(static_cast<char*>(start) + ring_bytes + i * line); };
    memory.head = word(0);
    memory.consumed = word(1);
    memory.completed = word(2);
    return memory;
}

CommandQueue::CommandQueue(uint32_t id, QueueMemory memory)
    : id_(id),
      memory_(std::move(memory)),
      capacity_(memory_.capacity),
      window_(std::make_unique<Node[]>(capacity_))
{
}

pmx_device_queue_t CommandQueue::device_view()
{
    return {memory_.entries,       memory_.head,           memory_.consumed, memory_.completed,
            memory_.consumed_seen, memory_.completed_seen, capacity_};
}

}  // namespace pmx
