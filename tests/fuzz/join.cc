/* SPDX-License-Identifier: BSD-3-Clause */
/* The handshake of ranks without MPI: an input is what somebody without the key sends to rank 0, who admits
 * the right rank all the same, and what somebody answers to a rank that wants to join, who does not believe
 * it. */
#include <span>
#include <thread>

#include "expect.h"
#include "runtime/uid.h"

using namespace pmx;

static Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds(20); }

static void hostile_guest(std::span<const std::byte> bytes)
{
    Uid uid;
    std::vector<Socket> host, guest;
    EXPECT(uid_create("127.0.0.1", uid).ok());
    Status admitted, joined;
    std::thread rank0([&] { admitted = uid_join(uid, 0, 2, soon(), host); });
    {
        /* Its number shows that the host is there: a rank 1 of the same process would take the listener else. */
        Socket hostile;
        uint64_t host_number;
        EXPECT(Socket::connect(uid.address, uid.port, soon(), hostile).ok());
        EXPECT(hostile.read(std::as_writable_bytes(std::span(&host_number, 1)), soon()).ok());
        (void)hostile.write(bytes, soon());
        joined = uid_join(uid, 1, 2, soon(), guest);
    }
    rank0.join();
    EXPECT(admitted.ok() && joined.ok() && host[1].is_open());
}

static void hostile_host(std::span<const std::byte> bytes)
{
    Uid uid;
    uid.address = "127.0.0.1";
    Socket listener;
    EXPECT(Socket::listen(uid.address, listener, uid.port).ok());
    std::thread rank1([&] {
        std::vector<Socket> connections;
        EXPECT(!uid_join(uid, 1, 2, soon(), connections).ok());
    });
    EXPECT(listener.readable(soon()));
    {
        Socket guest = listener.accept();
        if (guest.is_open()) (void)guest.write(bytes, soon());
        std::byte hello[32];
        (void)guest.read(hello, std::chrono::steady_clock::now());
    }
    rank1.join();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t n_bytes)
{
    std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), n_bytes);
    hostile_guest(bytes);
    hostile_host(bytes);
    return 0;
}
