/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_softnic_profile.h"

#include <string>

namespace pmx {

namespace {

constexpr uint64_t kKi = 1024, kMi = 1024 * 1024;

/* Where the numbers come from. Rates are those of the vendors. What keeps which order is what the providers and drivers
 * do: libfabric's cxi, verbs, efa and tcp;ofi_rxm. n_paths is no measurement: it lets messages overtake. Host costs: a
 * proxy of NVSHMEM takes 0.7 to 2 us for a put and its signal (pplx-kernels, README); less is assumed for this engine,
 * near what pmx_perf(1) measures. All else that has no source below is assumed. */
const SoftNicProfile kProfiles[] = {
    {.name = "ideal",
     .source = "no machine: no limit on rates, and latencies that differ much, so that everything is reordered",
     .gap_ns = 0, .ns_per_byte = 0, .latency_ns = 500, .jitter_ns = 2000, .jitter_per_peer_ns = 0,
     .n_paths = 4, .path_ns = 500, .completion_ns = 0, .lost_ns = 100000,
     .queue_ops = 256, .window_bytes = 64 * kMi, .max_put_bytes = UINT64_MAX,
     .ordered = true, .fence = true, .counted = true,
     .command_ns = 0, .post_ns = 0, .doorbell_ns = 0, .poll_ns = 10, .reap_ns = 0, .arrival_ns = 0, .issue_ns = 0},
    /* Fitted on four published figures, the time for which stall-all with coupled signals is stalled (arXiv 2605.00686,
     * 96 transfers, NVSHMEM on 4 ranks a node): 0.96 ms at 4 KiB on 2 nodes, 6.1 ms on 8, 3.5 ms at 1 MiB on 2 nodes,
     * 9.2 ms on 8. latency_ns and jitter_per_peer_ns follow from the first two, window_bytes and max_put_bytes from the
     * others. tests/tools/sim.test holds them within 25 %. */
    {.name = "slingshot11",
     .source = "200 Gb/s, a card for each rank (Perlmutter); latency, what a further rank adds, window and longest put "
               "are fitted on four figures of arXiv 2605.00686",
     .gap_ns = 50, .ns_per_byte = 0.04, .latency_ns = 1680, .jitter_ns = 0, .jitter_per_peer_ns = 905,
     .n_paths = 4, .path_ns = 0, .completion_ns = 0, .lost_ns = 1000000,
     .queue_ops = 256, .window_bytes = 640 * kKi, .max_put_bytes = 256 * kKi,
     .ordered = true, .fence = true, .counted = true,
     .command_ns = 60, .post_ns = 150, .doorbell_ns = 100, .poll_ns = 100, .reap_ns = 50, .arrival_ns = 80,
     .issue_ns = 100},
    {.name = "cx7-ndr",
     .source = "400 Gb/s (ConnectX-7 user manual); one RC queue pair to each rank keeps order; latency assumed",
     .gap_ns = 10, .ns_per_byte = 0.02, .latency_ns = 900, .jitter_ns = 500, .jitter_per_peer_ns = 0,
     .n_paths = 2, .path_ns = 200, .completion_ns = 300, .lost_ns = 1000000,
     .queue_ops = 512, .window_bytes = 16 * kMi, .max_put_bytes = 1024 * kMi,
     .ordered = true, .fence = true, .counted = true,
     .command_ns = 60, .post_ns = 100, .doorbell_ns = 100, .poll_ns = 50, .reap_ns = 30, .arrival_ns = 60,
     .issue_ns = 100},
    {.name = "efa",
     .source = "200 Gb/s; SRD spreads packets over up to 64 paths, so there is no order and no fence, but immediates; "
               "latency assumed",
     .gap_ns = 100, .ns_per_byte = 0.04, .latency_ns = 6000, .jitter_ns = 3000, .jitter_per_peer_ns = 0,
     .n_paths = 64, .path_ns = 60, .completion_ns = 500, .lost_ns = 4000000,
     .queue_ops = 256, .window_bytes = 16 * kMi, .max_put_bytes = 1024 * kMi,
     .ordered = false, .fence = false, .counted = true,
     .command_ns = 60, .post_ns = 250, .doorbell_ns = 150, .poll_ns = 100, .reap_ns = 60, .arrival_ns = 100,
     .issue_ns = 100},
    {.name = "tcp",
     .source = "25 Gb/s Ethernet under tcp;ofi_rxm, which grants write-after-write order; latency and system calls assumed",
     .gap_ns = 1000, .ns_per_byte = 0.32, .latency_ns = 15000, .jitter_ns = 5000, .jitter_per_peer_ns = 0,
     .n_paths = 2, .path_ns = 1000, .completion_ns = 2000, .lost_ns = 200000000,
     .queue_ops = 256, .window_bytes = 4 * kMi, .max_put_bytes = 1024 * kMi,
     .ordered = true, .fence = false, .counted = true,
     .command_ns = 60, .post_ns = 2000, .doorbell_ns = 0, .poll_ns = 1000, .reap_ns = 200, .arrival_ns = 300,
     .issue_ns = 100},
};

}  // namespace

std::span<const SoftNicProfile> softnic_profiles() { return kProfiles; }

Status softnic_profile(std::string_view name, SoftNicProfile& profile_out)
{
    std::string names;
    for (const SoftNicProfile& profile : kProfiles) {
        if (name == profile.name) {
            profile_out = profile;
            return {};
        }
        names += (names.empty() ? "" : "|") + std::string(profile.name);
    }
    return fail(PMX_ERR_PARAM, "softnic profile \"{}\": must be one of {}", name.substr(0, 64), names);
}

}  // namespace pmx
