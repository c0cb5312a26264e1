/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/socket.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

namespace pmx {

namespace {

using std::chrono::milliseconds;

Status failed(const char* call, const std::string& address)
{
    return fail(PMX_ERR_BOOTSTRAP, "{} {}: {}", call, address, std::strerror(errno));
}

Status parse(const std::string& address, uint16_t port, sockaddr_in& out)
{
    out = {};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    if (inet_pton(AF_INET, address.c_str(), &out.sin_addr) == 1) return {};
    return fail(PMX_ERR_ARGUMENT, "'{}' is not an IPv4 address in numbers", address);
}

/* Whether events came before the deadline. */
bool wait_for(int fd, short events, Deadline deadline)
{
    for (;;) {
        auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd one = {fd, events, 0};
        int n = poll(&one, 1, static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1000)));
        if (n > 0) return true;
        if (std::chrono::steady_clock::now() >= deadline) return false;
    }
}

}  // namespace

Socket::~Socket()
{
    if (fd_ >= 0) close(fd_);
}

Socket& Socket::operator=(Socket&& other) noexcept
{
    std::swap(fd_, other.fd_);
    return *this;
}

Status Socket::listen(const std::string& address, Socket& socket_out, uint16_t& port_out)
{
    sockaddr_in name;
    PMX_TRY(parse(address, 0, name));
    Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) return failed("socket", address);
    socklen_t n_bytes = sizeof name;
    if (bind(socket.fd_, reinterpret_cast<sockaddr*>(&name), n_bytes) != 0) return failed("bind", address);
    if (::listen(socket.fd_, SOMAXCONN) != 0) return failed("listen", address);
    if (getsockname(socket.fd_, reinterpret_cast<sockaddr*>(&name), &n_bytes) != 0)
        return failed("getsockname", address);
    port_out = ntohs(name.sin_port);
    socket_out = std::move(socket);
    return {};
}

Status Socket::connect(const std::string& address, uint16_t port, Deadline deadline, Socket& socket_out)
{
    sockaddr_in name;
    PMX_TRY(parse(address, port, name));
    for (int last = 0;;) {
        Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket.is_open()) return failed("socket", address);
        if (::connect(socket.fd_, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 &&
            errno != EINPROGRESS)
            last = errno;
        else if (wait_for(socket.fd_, POLLOUT, deadline)) {
            socklen_t n_bytes = sizeof last;
            getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &last, &n_bytes);
            if (last == 0) {
                int on = 1;
                setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                socket_out = std::move(socket);
                return {};
            }
        }
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(PMX_ERR_TIMEOUT, "no connection to {}:{}: {}", address, port,
                        last ? std::strerror(last) : "no answer");
        std::this_thread::sleep_for(milliseconds(10)); /* nobody may listen there yet */
    }
}

Socket Socket::accept() const
{
    Socket socket(accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    int on = 1;
    if (socket.is_open()) setsockopt(socket.fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return socket;
}

bool Socket::readable(Deadline deadline) const { return wait_for(fd_, POLLIN, deadline); }

long Socket::read_some(std::span<std::byte> bytes) const
{
    ssize_t n = recv(fd_, bytes.data(), bytes.size(), 0);
    if (n > 0 || bytes.empty()) return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

Status Socket::read(std::span<std::byte> bytes, Deadline deadline) const
{
    for (size_t done = 0; done < bytes.size();) {
        if (!wait_for(fd_, POLLIN, deadline))
            return fail(PMX_ERR_TIMEOUT, "a rank sent {} of {} bytes in time", done, bytes.size());
        long n = read_some(bytes.subspan(done));
        if (n < 0) return fail(PMX_ERR_BOOTSTRAP, "a rank has closed its connection");
        done += static_cast<size_t>(n);
    }
    return {};
}

Status Socket::write(std::span<const std::byte> bytes, Deadline deadline) const
{
    for (size_t done = 0; done < bytes.size();) {
        if (!wait_for(fd_, POLLOUT, deadline))
            return fail(PMX_ERR_TIMEOUT, "a rank took {} of {} bytes in time", done, bytes.size());
        ssize_t n = send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail(PMX_ERR_BOOTSTRAP, "a rank has closed its connection");
        if (n > 0) done += static_cast<size_t>(n);
    }
    return {};
}

std::string own_address()
{
    std::string found = "127.0.0.1";
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) return found;
    for (ifaddrs* each = all; each; each = each->ifa_next) {
        if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET) continue;
        if (!(each->ifa_flags & IFF_UP) || (each->ifa_flags & IFF_LOOPBACK)) continue;
        char text[INET_ADDRSTRLEN];
        const auto* name = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
        if (!inet_ntop(AF_INET, &name->sin_addr, text, sizeof text)) continue;
        found = text;
        break;
    }
    freeifaddrs(all);
    return found;
}

}  // namespace pmx
