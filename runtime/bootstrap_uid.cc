/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/bootstrap_uid.h"

#include <unistd.h>

#include <algorithm>

namespace pmx {

namespace {

constexpr uint64_t kMostBytes = uint64_t{1}
                                << 30; /* of one rank; keeps a broken length from becoming memory */

using Lost = std::function<Status()>;

/* A rank may end when it has done its part, before this one has seen that. */
constexpr std::chrono::seconds kGrace{2};

class UidBootstrap final : public Bootstrap {
public:
    UidBootstrap(int rank, int size, uint64_t timeout_ns) : rank_(rank), size_(size), timeout_(timeout_ns) {}
    Status connect(const Uid& uid) { return uid_join(uid, rank_, size_, deadline(), connections_); }

    int rank() const override { return rank_; }
    int size() const override { return size_; }
    Status allgather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out) override
    {
        return gather(mine, all_out, nullptr);
    }
    Status barrier(const Lost& lost) override
    {
        std::vector<std::vector<std::byte>> all;
        return gather({}, all, lost);
    }
    void abandon() override { connections_.clear(); }
    [[noreturn]] void abort(int exit_status) override { _exit(exit_status); }

private:
    Deadline deadline() const
    {
        return std::chrono::steady_clock::now() + std::chrono::nanoseconds(timeout_);
    }
    Status send(const Socket& to, std::span<const std::byte> blob, Deadline until) const
    {
        uint64_t n_bytes = blob.size();
        PMX_TRY(to.write(std::as_bytes(std::span(&n_bytes, 1)), until));
        return to.write(blob, until);
    }
    /* Until the rank begins to send. */
    static Status wait(const Socket& from, Deadline until, const Lost& lost)
    {
        Deadline given_up = until;
        for (;;) {
            const Deadline now = std::chrono::steady_clock::now();
            if (from.readable(std::min(until, now + std::chrono::milliseconds(10)))) return {};
            Status why = lost ? lost() : Status();
            if (why.ok())
                given_up = until;
            else if (given_up == until)
                given_up = now + kGrace;
            else if (now > given_up)
                return why;
            if (now >= until) return {}; /* what reads says so */
        }
    }
    Status gather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out,
                  const Lost& lost);
    Status receive(const Socket& from, std::vector<std::byte>& blob_out, Deadline until,
                   const Lost& lost) const
    {
        PMX_TRY(wait(from, until, lost));
        uint64_t n_bytes = 0;
        PMX_TRY(from.read(std::as_writable_bytes(std::span(&n_bytes, 1)), until));
        if (n_bytes > kMostBytes)
            return fail(PMX_ERR_BOOTSTRAP, "a rank gives {} bytes, allowed {}", n_bytes, kMostBytes);
        blob_out.resize(n_bytes);
        return from.read(blob_out, until);
    }

    int rank_, size_;
    uint64_t timeout_;
    std::vector<Socket> connections_; /* on rank 0 by rank, elsewhere to rank 0; none once a rank is lost */
};

/* Rank 0 takes a blob of each and gives all to all. */
Status UidBootstrap::gather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out,
                            const Lost& lost)
{
    if (connections_.empty()) return fail(PMX_ERR_BOOTSTRAP, "a rank was lost before");
    std::vector<std::vector<std::byte>> all(static_cast<size_t>(size_));
    const Deadline until = deadline();
    if (rank_ == 0) {
        all[0].assign(mine.begin(), mine.end());
        for (size_t r = 1; r < all.size(); r++) PMX_TRY(receive(connections_[r], all[r], until, lost));
        for (size_t r = 1; r < all.size(); r++)
            for (const auto& blob : all) PMX_TRY(send(connections_[r], blob, until));
    } else {
        PMX_TRY(send(connections_[0], mine, until));
        for (auto& blob : all) PMX_TRY(receive(connections_[0], blob, until, lost));
    }
    all_out = std::move(all);
    return {};
}

}  // namespace

Status bootstrap_open_uid(const Uid& uid, int rank, int size, uint64_t timeout_ns,
                          std::unique_ptr<Bootstrap>& bootstrap_out)
{
    auto bootstrap = std::make_unique<UidBootstrap>(rank, size, timeout_ns);
    PMX_TRY(bootstrap->connect(uid));
    bootstrap_out = std::move(bootstrap);
    return {};
}

}  // namespace pmx
