/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs.h: puts and signals over reliable queue pairs of ibverbs, InfiniBand and RoCE v2. Core
 * verbs only: nothing here belongs to one maker of cards. */
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "transport.h"

namespace pmx {

/* How an ADD gets to its word. automatic: by atomics of the NIC where these are atomic to the CPU as well
 * (IBV_ATOMIC_GLOB), else by messages. The same on all ranks. */
enum class VerbsAdd { automatic = 0, atomic = 1, message = 2 };

/* A device to try, and what is said of its place. */
struct VerbsCandidate {
    std::string name;
    std::string why;
};

struct VerbsConfig {
    std::string device =
        "auto"; /* names with commas between them: rank r takes that at r modulo their number */
    std::vector<VerbsCandidate> candidates; /* "auto": in this order; empty: all, as libibverbs lists them */
    unsigned port = 1;
    std::string gid = "auto"; /* or an index of the port's table */
    unsigned n_qps = 1;       /* queue pairs to each rank, 1..16; more than one keep no order */
    bool relaxed = false;     /* puts into a region with relaxed ordering */
    VerbsAdd add = VerbsAdd::automatic;
    uint64_t ack_timeout_ns = 70'000'000; /* for each try; rounded up to what the card can count */
    unsigned retries = 7;                 /* 0..7 */
    uint64_t rnr_delay_ns = 640'000;      /* of a sender whose target has no receive posted; rounded up */
};

struct VerbsDevice {
    std::string name;   /* "mlx5_0" */
    TransportCaps caps; /* what it kept in a self-test */
    bool usable;
    std::string why; /* why not usable, or what was chosen: port, link, GID, path of adds */
};

/* Names of the devices, in the order of libibverbs; why: when there is none. */
std::vector<std::string> verbs_device_names(std::string& why_out);

/* The devices of this machine, as they are with this configuration, whatever config.device says. Opens and
 * closes each, and makes it talk to itself; with "auto" in the order of the candidates, so that the first usable one is
 * what a rank takes. Without any: one line that is not usable and says why. */
std::vector<VerbsDevice> verbs_probe(const VerbsConfig& config);

/* The transport on the device that config names, or on the first that works, with the heap registered.
 * PMX_ERR_UNSUPPORTED: there is none. PMX_ERR_TRANSPORT: a call of verbs failed. The text says which. */
Status verbs_open(const VerbsConfig& verbs, const TransportConfig& config,
                  std::unique_ptr<Transport>& transport_out);

}  // namespace pmx
