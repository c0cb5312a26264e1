/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands as a broken kernel may leave them in a queue: an input is commands of 32 bytes, whose parity is
 * made right. The engine completes all of them within a bounded number of steps, touches nothing but the
 * heaps, and fails the job when one is none that this library queues. */
#include "../proxy/engine_rig.h"
#include "expect.h"

using namespace pmx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    constexpr uint64_t kDepth = 64;
    const pmx_order_t orders[] = {PMX_ORDER_STALL_ALL, PMX_ORDER_STALL_RANK, PMX_ORDER_DEFERRED,
                                  PMX_ORDER_ORDERED};
    if (n_bytes == 0) return 0;
    FakeNicConfig nic;
    nic.size = 3;
    nic.heap_bytes = 4096;
    nic.seed = data[0];
    nic.claims_order = nic.keeps_order = true;
    nic.refuse_percent = 20;
    nic.max_put_bytes = 1000;
    EngineRig rig(nic, orders[data[0] % 4], data[0] / 4 % 2 ? PMX_SIGNALS_GROUPED : PMX_SIGNALS_COUPLED, 1,
                  kDepth);
    pmx_device_queue_t& queue = rig.views[0];
    const size_t n = std::min<size_t>((n_bytes - 1) / sizeof(pmx_command_t), 40);
    for (uint64_t i = 0; i < n; i++) {
        pmx_command_t command;
        std::memcpy(&command, data + 1 + i * sizeof command, sizeof command);
        const uint64_t parity = pmx_command_parity(i, kDepth);
        command.word[0] = (command.word[0] & ~uint64_t{1}) | parity;
        command.word[2] = (command.word[2] & ~uint64_t{1}) | parity;
        queue.entries[i] = command;
    }
    *queue.head = n;
    EXPECT(rig.run(200000));
    EXPECT(rig.counters().errors == 0 || detail::load_acquire(rig.device.fault) != 0);
    return 0;
}
