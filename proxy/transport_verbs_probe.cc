/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_probe.cc: which devices work here, found by doing, and the entry verbs_open(). */
#include <array>
#include <cerrno>
#include <cstring>

#include "self_test.h"
#include "transport_verbs.h"
#include "transport_verbs_impl.h"

namespace pmx {

namespace {

/* The device as rank 0 of one, connected to itself. */
Status open_alone(const VerbsConfig& verbs, const std::string& device, const SelfTestHeap& heap,
                  std::unique_ptr<VerbsTransport>& alone_out)
{
    alone_out.reset();
    const TransportConfig config = {0, 1, heap.base(), SelfTestHeap::kBytes, kSelfTestNs};
    PMX_TRY(VerbsTransport::open(verbs, device, config, alone_out));
    const std::array<std::vector<std::byte>, 1> addresses = {alone_out->address()};
    return alone_out->connect(addresses);
}

/* Tries each kind of operation, then what the device promises to keep in order. */
Status self_test(const VerbsConfig& verbs, VerbsDevice& device)
{
    const auto named = [&](const Status& status) {
        return fail(status.code(), "verbs device {}: self-test: {}", device.name, status.detail());
    };
    const SelfTestHeap heap;
    if (!heap.base())
        return fail(PMX_ERR_SYSTEM, "no memory for the self-test of verbs device {}: {}", device.name,
                    std::strerror(errno));
    std::unique_ptr<VerbsTransport> alone;
    PMX_TRY(open_alone(verbs, device.name, heap, alone));
    device.caps = alone->caps();
    device.why = alone->describe();
    if (const Status done = self_test_operations({*alone, 0, heap, {}}); !done.ok()) return named(done);
    for (const SelfTestPromise& promise : self_test_promises()) {
        if (!(device.caps.*promise.cap)) continue;
        const Status kept = self_test_promise({*alone, 0, heap, {}}, promise);
        if (kept.ok()) continue;
        device.caps.*promise.cap = false;
        device.why += fmt::format("; not {}: {}", promise.name, kept.detail());
        /* The old one may have operations under way. */
        if (const Status again = open_alone(verbs, device.name, heap, alone); !again.ok()) return named(again);
    }
    return {};
}

Status examine(const VerbsConfig& verbs, const std::string& name, VerbsDevice& device_out)
{
    VerbsDevice device;
    device.name = name;
    const Status tested = self_test(verbs, device);
    device.usable = tested.ok();
    if (!tested.ok()) device.why = tested.detail();
    device_out = std::move(device);
    return tested;
}

/* Where "auto" looks, and why there. Without candidates what libibverbs lists; why_out: when that is nothing. */
std::vector<VerbsCandidate> candidates(const VerbsConfig& verbs, std::string& why_out)
{
    if (!verbs.candidates.empty()) return verbs.candidates;
    std::vector<VerbsCandidate> found;
    for (const std::string& name : verbs_device_names(why_out)) found.push_back({name, ""});
    return found;
}

void add_place(const VerbsCandidate& candidate, VerbsDevice& device)
{
    if (!candidate.why.empty()) device.why = candidate.why + "; " + device.why;
}

/* The device that config names for this rank, or the first candidate that works. */
Status choose(const VerbsConfig& verbs, int rank, VerbsDevice& device_out)
{
    const std::string asked = verbs_device_of(verbs, rank);
    if (asked != "auto") return examine(verbs, asked, device_out);
    std::string why;
    for (const VerbsCandidate& candidate : candidates(verbs, why)) {
        if (examine(verbs, candidate.name, device_out).ok()) {
            add_place(candidate, device_out);
            return {};
        }
        why += (why.empty() ? "" : "; ") + device_out.why;
    }
    return fail(PMX_ERR_UNSUPPORTED, "PMX_TRANSPORT=verbs: no device works here: {}", why);
}

}  // namespace

std::vector<VerbsDevice> verbs_probe(const VerbsConfig& config)
{
    std::vector<VerbsDevice> devices;
    std::string why;
    bool taken = config.device != "auto";
    for (const VerbsCandidate& candidate : candidates(config, why)) {
        VerbsDevice& device = devices.emplace_back();
        (void)examine(config, candidate.name, device);
        add_place(candidate, device);
        if (device.usable && !taken) device.why = "taken by default: " + device.why;
        taken |= device.usable;
    }
    if (devices.empty()) devices.push_back({"", {}, false, why});
    return devices;
}

Status verbs_open(const VerbsConfig& verbs, const TransportConfig& config,
                  std::unique_ptr<Transport>& transport_out)
{
    if (config.size < 1 || config.rank < 0 || config.rank >= config.size)
        return fail(PMX_ERR_RANK, "rank {} of {}: a rank is in 0..size-1", config.rank, config.size);
    if (!config.heap_base || config.heap_bytes == 0)
        return fail(PMX_ERR_ARGUMENT, "verbs: there is no heap to register");
    VerbsDevice device;
    PMX_TRY(choose(verbs, config.rank, device));
    std::unique_ptr<VerbsTransport> transport;
    PMX_TRY(VerbsTransport::open(verbs, device.name, config, transport));
    TransportCaps kept = device.caps;
    kept.gpu = true; /* the self-test has no memory of a GPU to try */
    transport->withhold(kept);
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
