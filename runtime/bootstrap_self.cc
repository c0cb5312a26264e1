/* SPDX-License-Identifier: BSD-3-Clause */
/* bootstrap_self.cc: a build without MPI: the job is one rank. */
#include <unistd.h>

#include "runtime/bootstrap.h"

namespace pmx {
namespace {

class SelfBootstrap final : public Bootstrap {
public:
    int rank() const override { return 0; }
    int size() const override { return 1; }
    Status allgather(std::span<const std::byte> mine, std::vector<std::vector<std::byte>>& all_out) override
    {
        all_out.assign(1, std::vector<std::byte>(mine.begin(), mine.end()));
        return {};
    }
    Status barrier(const std::function<Status()>&) override { return {}; }
    void abandon() override {}
    [[noreturn]] void abort(int exit_status) override { _exit(exit_status); }
};

}  // namespace

Status bootstrap_open(const void* comm, std::unique_ptr<Bootstrap>& bootstrap_out)
{
    if (comm != nullptr) {
        return fail(PMX_ERR_UNSUPPORTED, "pmx was built without MPI and takes no communicator");
    }
    bootstrap_out = std::make_unique<SelfBootstrap>();
    return {};
}

}  // namespace pmx
