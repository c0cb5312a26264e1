/* SPDX-License-Identifier: BSD-3-Clause */
/* socket.h: TCP with a time limit on everything. */
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "status.h"

namespace pmx {

using Deadline = std::chrono::steady_clock::time_point;

/* Owns a descriptor, non-blocking and closed on exec. */
class Socket {
public:
    Socket() = default;
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket();
    Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
    Socket& operator=(Socket&& other) noexcept;

    int fd() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }

    /* An address of this machine in numbers, and any free port, which is written to port_out. */
    static Status listen(const std::string& address, Socket& socket_out, uint16_t& port_out);
    /* PMX_ERR_TIMEOUT: nobody took the connection before the deadline. */
    static Status connect(const std::string& address, uint16_t port, Deadline deadline, Socket& socket_out);
    /* The next connection that waits, or one that is not open. */
    Socket accept() const;

    /* All bytes or a failure. PMX_ERR_TIMEOUT: not before the deadline. PMX_ERR_BOOTSTRAP: the other side has
     * closed. */
    Status read(std::span<std::byte> bytes, Deadline deadline) const;
    Status write(std::span<const std::byte> bytes, Deadline deadline) const;
    /* Whether there is something to read, or the end, before the deadline. */
    bool readable(Deadline deadline) const;
    /* What is there now, up to bytes.size(); -1: the other side has closed. */
    long read_some(std::span<std::byte> bytes) const;

private:
    int fd_ = -1;
};

/* The first address of this machine that is not of the loopback interface; 127.0.0.1 without one. */
std::string own_address();

}  // namespace pmx
