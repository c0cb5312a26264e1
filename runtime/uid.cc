/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/uid.h"

#include <poll.h>
#include <sys/random.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <mutex>

namespace pmx {

namespace {

constexpr std::chrono::seconds kHandshakeLimit{5};
constexpr size_t kMostGuests = 64;

struct Hello {
    char magic[8];
    uint32_t rank, size;
    uint64_t number; /* of the guest */
    uint64_t code;   /* of the number of the host and what stands before */
};
constexpr char kMagic[8] = {'p', 'm', 'x', 'j', 'o', 'i', 'n', '1'};
struct Welcome {
    uint32_t agreed; /* 0: rank or size do not fit */
    uint32_t zero;
    uint64_t code;
};

template <typename T>
std::span<std::byte> bytes_of(T& value)
{
    return std::as_writable_bytes(std::span(&value, 1));
}

uint64_t hello_code(const SipKey& key, uint64_t host_number, const Hello& hello)
{
    std::byte message[sizeof host_number + offsetof(Hello, code)];
    std::memcpy(message, &host_number, sizeof host_number);
    std::memcpy(message + sizeof host_number, &hello, offsetof(Hello, code));
    return siphash(key, message);
}
uint64_t welcome_code(const SipKey& key, uint64_t host_number, uint64_t guest_number, uint32_t agreed)
{
    uint64_t message[3] = {guest_number, host_number, agreed};
    return siphash(key, std::as_bytes(std::span(message)));
}

Status draw(void* out, size_t n_bytes)
{
    if (getrandom(out, n_bytes, 0) == static_cast<ssize_t>(n_bytes)) return {};
    return fail(PMX_ERR_SYSTEM, "getrandom gave less than {} bytes", n_bytes);
}

/* What this process listens to. */
struct Listener {
    Uid uid;
    Socket socket;
};
std::mutex mutex;
std::vector<Listener> listeners;

bool take_listener(const Uid& uid, Socket& socket_out)
{
    std::lock_guard lock(mutex);
    auto it = std::find_if(listeners.begin(), listeners.end(), [&](const Listener& each) {
        return each.uid.port == uid.port && each.uid.key.low == uid.key.low &&
               each.uid.key.high == uid.key.high;
    });
    if (it == listeners.end()) return false;
    socket_out = std::move(it->socket);
    listeners.erase(it);
    return true;
}

/* A connection that has not said yet who it is. */
struct Guest {
    Socket socket;
    uint64_t host_number = 0;
    Deadline deadline;
    Hello hello{};
    size_t n_read = 0;
};

class Host {
public:
    Host(const Uid& uid, int size, Socket listener, std::vector<Socket>& connections)
        : uid_(uid), size_(size), listener_(std::move(listener)), connections_(connections)
    {
    }

    Status admit_all(Deadline deadline)
    {
        connections_.resize(static_cast<size_t>(size_));
        while (n_admitted_ < size_ - 1) {
            if (std::chrono::steady_clock::now() >= deadline)
                return fail(PMX_ERR_TIMEOUT, "{} of {} ranks came in time", n_admitted_ + 1, size_);
            std::vector<pollfd> fds = {{listener_.fd(), POLLIN, 0}};
            for (const Guest& guest : guests_) fds.push_back({guest.socket.fd(), POLLIN, 0});
            poll(fds.data(), fds.size(), 100);
            for (size_t i = guests_.size(); i-- > 0;)
                if (!(fds[i + 1].revents ? serve(guests_[i])
                                         : std::chrono::steady_clock::now() < guests_[i].deadline))
                    guests_.erase(guests_.begin() + static_cast<long>(i));
            PMX_TRY(failure_);
            while (guests_.size() < kMostGuests && greet()) {
            }
        }
        return {};
    }

private:
    bool greet()
    {
        Guest guest;
        guest.socket = listener_.accept();
        if (!guest.socket.is_open()) return false;
        guest.deadline = std::chrono::steady_clock::now() + kHandshakeLimit;
        if (draw(&guest.host_number, sizeof guest.host_number).ok() &&
            guest.socket.write(bytes_of(guest.host_number), std::chrono::steady_clock::now()).ok())
            guests_.push_back(std::move(guest));
        return true;
    }

    /* Whether the guest stays one. */
    bool serve(Guest& guest)
    {
        long n = guest.socket.read_some(bytes_of(guest.hello).subspan(guest.n_read));
        if (n < 0) return false;
        guest.n_read += static_cast<size_t>(n);
        if (guest.n_read < sizeof guest.hello) return true;
        const Hello& hello = guest.hello;
        if (std::memcmp(hello.magic, kMagic, sizeof kMagic) != 0 ||
            hello.code != hello_code(uid_.key, guest.host_number, hello))
            return false;
        bool fits = hello.size == static_cast<uint32_t>(size_) && hello.rank > 0 && hello.rank < hello.size &&
                    !connections_[hello.rank].is_open();
        Welcome welcome = {fits, 0, welcome_code(uid_.key, guest.host_number, hello.number, fits)};
        if (!guest.socket.write(bytes_of(welcome), guest.deadline).ok()) return false;
        if (!fits) {
            failure_ = fail(PMX_ERR_MISMATCH,
                            "init_uid: a rank says that it is rank {} of {}, which does not fit or is there "
                            "already; the job has {}",
                            hello.rank, hello.size, size_);
            return false;
        }
        connections_[hello.rank] = std::move(guest.socket);
        n_admitted_++;
        return false;
    }

    const Uid& uid_;
    const int size_;
    Socket listener_;
    std::vector<Socket>& connections_;
    std::vector<Guest> guests_;
    int n_admitted_ = 0;
    Status failure_;
};

Status visit(const Uid& uid, int rank, int size, Deadline deadline, Socket& socket_out)
{
    Socket socket;
    PMX_TRY(Socket::connect(uid.address, uid.port, deadline, socket));
    uint64_t host_number = 0;
    PMX_TRY(socket.read(bytes_of(host_number), deadline));
    Hello hello{};
    std::memcpy(hello.magic, kMagic, sizeof kMagic);
    hello.rank = static_cast<uint32_t>(rank);
    hello.size = static_cast<uint32_t>(size);
    PMX_TRY(draw(&hello.number, sizeof hello.number));
    hello.code = hello_code(uid.key, host_number, hello);
    PMX_TRY(socket.write(bytes_of(hello), deadline));
    Welcome welcome{};
    PMX_TRY(socket.read(bytes_of(welcome), deadline));
    if (welcome.code != welcome_code(uid.key, host_number, hello.number, welcome.agreed))
        return fail(PMX_ERR_BOOTSTRAP, "init_uid: who listens at {}:{} is not rank 0 of this job",
                    uid.address, uid.port);
    if (!welcome.agreed)
        return fail(PMX_ERR_MISMATCH,
                    "init_uid: rank {} of {} does not fit the job of rank 0, or is there already", rank,
                    size);
    socket_out = std::move(socket);
    return {};
}

}  // namespace

std::string Uid::text() const
{
    return fmt::format("pmx1:{}:{}:{:016x}{:016x}", address, port, key.high, key.low);
}

Status Uid::parse(const std::string& text, Uid& uid_out)
{
    const Status bad =
        fail(PMX_ERR_ARGUMENT,
             "init_uid: uid of {} characters is not 'pmx1:ADDRESS:PORT:KEY', as pmx_uid_create gives it",
             text.size());
    size_t first = text.find(':'), second = text.find(':', first + 1), third = text.find(':', second + 1);
    if (text.size() > 96 || text.compare(0, 5, "pmx1:") != 0 || third == std::string::npos ||
        text.size() != third + 33)
        return bad;
    Uid uid;
    uid.address = text.substr(first + 1, second - first - 1);
    auto number = [&](size_t begin, size_t end, auto& out, int base) {
        auto [stop, error] = std::from_chars(text.data() + begin, text.data() + end, out, base);
        return error == std::errc() && stop == text.data() + end;
    };
    if (!number(second + 1, third, uid.port, 10) || !number(third + 1, third + 17, uid.key.high, 16) ||
        !number(third + 17, third + 33, uid.key.low, 16) || uid.port == 0)
        return bad;
    uid_out = uid;
    return {};
}

Status uid_create(const std::string& address, Uid& uid_out)
{
    Listener listener;
    listener.uid.address = address;
    PMX_TRY(draw(&listener.uid.key, sizeof listener.uid.key));
    PMX_TRY(Socket::listen(address, listener.socket, listener.uid.port));
    uid_out = listener.uid;
    std::lock_guard lock(mutex);
    listeners.push_back(std::move(listener));
    return {};
}

Status uid_join(const Uid& uid, int rank, int size, Deadline deadline, std::vector<Socket>& connections_out)
{
    connections_out.clear();
    Socket listener;
    bool created = take_listener(uid, listener); /* a copy from before a fork is of no use */
    if (rank != 0) {
        connections_out.resize(1);
        return visit(uid, rank, size, deadline, connections_out[0]);
    }
    if (!created)
        return fail(PMX_ERR_STATE,
                    "init_uid: rank 0 did not call pmx_uid_create for this uid, nor did who forked it");
    return Host(uid, size, std::move(listener), connections_out).admit_all(deadline);
}

}  // namespace pmx
