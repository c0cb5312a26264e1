/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_device.cc: the choice of device, port and GID, with the reason when there is none. */
#include "transport_verbs_device.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace pmx {

namespace {

/* The list of libibverbs, freed at the end. */
class DeviceList {
public:
    DeviceList() : list_(ibv_get_device_list(&n_)), error_(list_ ? 0 : errno) {}
    ~DeviceList()
    {
        if (list_) ibv_free_device_list(list_);
    }
    DeviceList(const DeviceList&) = delete;
    DeviceList& operator=(const DeviceList&) = delete;

    int size() const { return list_ ? n_ : 0; }
    int error() const { return error_; }
    ibv_device* operator[](int i) const { return list_[i]; }
    ibv_device* find(const std::string& name) const
    {
        for (int i = 0; i < size(); i++)
            if (name == ibv_get_device_name(list_[i])) return list_[i];
        return nullptr;
    }

private:
    int n_ = 0;
    ibv_device** list_;
    int error_;
};

std::string none_because(int error)
{
    if (error == ENOSYS) return "the kernel has no verbs (module ib_uverbs)";
    if (error) return fmt::format("libibverbs lists no devices: {}", std::strerror(error));
    return "libibverbs finds no device";
}

bool is_empty(const union ibv_gid& gid)
{
    return std::all_of(std::begin(gid.raw), std::end(gid.raw), [](uint8_t byte) { return byte == 0; });
}

bool is_ipv4(const union ibv_gid& gid)
{
    static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return std::memcmp(gid.raw, kMapped, sizeof kMapped) == 0;
}

/* An address of RoCE v2 is that of the network interface; one of IPv4 reaches through routers, one of
 * link-local IPv6 does not, so it comes last. */
int rank_of_gid(const ibv_gid_entry& entry)
{
    if (entry.gid_type != IBV_GID_TYPE_ROCE_V2 || is_empty(entry.gid)) return 0;
    if (is_ipv4(entry.gid)) return 3;
    return entry.gid.raw[0] == 0xfe && entry.gid.raw[1] == 0x80 ? 1 : 2;
}

Status choose_roce_gid(VerbsPort& port)
{
    std::vector<ibv_gid_entry> entries(static_cast<size_t>(std::max(1, port.device.phys_port_cnt * 256)));
    const ssize_t n = ibv_query_gid_table(port.context.get(), entries.data(), entries.size(), 0);
    if (n < 0)
        return fail(PMX_ERR_TRANSPORT, "verbs device {}: ibv_query_gid_table: {}", port.name,
                    std::strerror(int(-n)));
    int best = 0;
    for (ssize_t i = 0; i < n; i++) {
        const ibv_gid_entry& entry = entries[size_t(i)];
        if (entry.port_num != port.number || rank_of_gid(entry) <= best) continue;
        best = rank_of_gid(entry);
        port.gid_index = int(entry.gid_index);
        port.gid = entry.gid;
    }
    if (best) return {};
    return fail(
        PMX_ERR_UNSUPPORTED,
        "verbs device {}: port {} has no GID of RoCE v2 among its {}: give its network interface an address, "
        "or name one with PMX_VERBS_GID",
        port.name, port.number, n);
}

Status choose_gid(const std::string& asked, VerbsPort& port)
{
    if (asked == "auto" && port.ethernet) return choose_roce_gid(port);
    if (asked != "auto") {
        const char* end = asked.data() + asked.size();
        const auto [stop, err] = std::from_chars(asked.data(), end, port.gid_index);
        if (err != std::errc() || stop != end || port.gid_index < 0 ||
            port.gid_index >= port.port.gid_tbl_len)
            return fail(PMX_ERR_PARAM,
                        "PMX_VERBS_GID={}: must be auto or an index in 0..{}, the table of {} port {}", asked,
                        port.port.gid_tbl_len - 1, port.name, port.number);
    }
    if (ibv_query_gid(port.context.get(), uint8_t(port.number), port.gid_index, &port.gid) ||
        is_empty(port.gid))
        return fail(PMX_ERR_UNSUPPORTED, "verbs device {}: port {} has no GID {}", port.name, port.number,
                    port.gid_index);
    return {};
}

Status choose_port(const VerbsConfig& config, VerbsPort& port)
{
    if (config.port < 1 || config.port > port.device.phys_port_cnt)
        return fail(PMX_ERR_UNSUPPORTED,
                    "verbs device {}: there is no port {}, it has 1..{} (PMX_VERBS_PORT)", port.name,
                    config.port, port.device.phys_port_cnt);
    port.number = config.port;
    if (const int err = ibv_query_port(port.context.get(), uint8_t(port.number), &port.port))
        return fail(PMX_ERR_TRANSPORT, "verbs device {}: ibv_query_port {}: {}", port.name, port.number,
                    std::strerror(err));
    if (port.port.state != IBV_PORT_ACTIVE)
        return fail(PMX_ERR_UNSUPPORTED, "verbs device {}: port {} is not active but {}", port.name,
                    port.number, ibv_port_state_str(port.port.state));
    port.ethernet = port.port.link_layer == IBV_LINK_LAYER_ETHERNET;
    return {};
}

Status choose_add(VerbsAdd add, VerbsPort& port)
{
    const ibv_atomic_cap cap = port.device.atomic_cap;
    if (add == VerbsAdd::atomic && cap == IBV_ATOMIC_NONE)
        return fail(PMX_ERR_UNSUPPORTED, "verbs device {}: PMX_VERBS_ADD=atomic: it has no atomics",
                    port.name);
    port.native_add = add == VerbsAdd::atomic || (add == VerbsAdd::automatic && cap == IBV_ATOMIC_GLOB);
    return {};
}

}  // namespace

std::string VerbsPort::describe() const
{
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(AF_INET6, gid.raw, text, sizeof text);
    const char* atomics = device.atomic_cap == IBV_ATOMIC_GLOB  ? "atomic to the CPU too"
                          : device.atomic_cap == IBV_ATOMIC_HCA ? "not atomic to the CPU"
                                                                : "none";
    return fmt::format("port {}, {}, GID {} ({}), adds by {} (its atomics: {})", number,
                       ethernet ? "RoCE v2" : "InfiniBand", gid_index, text,
                       native_add ? "atomics" : "messages", atomics);
}

std::vector<std::string> verbs_device_names(std::string& why_out)
{
    const DeviceList list;
    std::vector<std::string> names;
    for (int i = 0; i < list.size(); i++) names.push_back(ibv_get_device_name(list[i]));
    if (names.empty()) why_out = none_because(list.error());
    return names;
}

std::string verbs_device_of(const VerbsConfig& config, int rank)
{
    std::vector<std::string> names;
    for (size_t begin = 0; begin <= config.device.size();) {
        const size_t end = std::min(config.device.find(',', begin), config.device.size());
        names.push_back(config.device.substr(begin, end - begin));
        begin = end + 1;
    }
    return names[size_t(rank) % names.size()];
}

Status verbs_open_port(const std::string& device, const VerbsConfig& config, VerbsPort& port_out)
{
    const DeviceList list;
    ibv_device* const found = list.find(device);
    if (!found) {
        std::string names;
        for (int i = 0; i < list.size(); i++)
            names += (i ? ", " : "") + std::string(ibv_get_device_name(list[i]));
        return fail(PMX_ERR_UNSUPPORTED, "PMX_VERBS_DEVICE={}: there is no verbs device \"{}\": {}",
                    config.device, device,
                    names.empty() ? none_because(list.error()) : "this machine has " + names);
    }
    /* A card of iWARP completes a write when TCP has it, and puts no data along with one. */
    if (found->transport_type != IBV_TRANSPORT_IB)
        return fail(PMX_ERR_UNSUPPORTED,
                    "verbs device {}: neither InfiniBand nor RoCE, so its completions do not say "
                    "that data have arrived",
                    device);
    VerbsPort port;
    port.name = device;
    port.context.reset(ibv_open_device(found));
    if (!port.context)
        return fail(PMX_ERR_UNSUPPORTED, "verbs device {}: cannot be opened: {}", device,
                    std::strerror(errno));
    if (const int err = ibv_query_device(port.context.get(), &port.device))
        return fail(PMX_ERR_TRANSPORT, "verbs device {}: ibv_query_device: {}", device, std::strerror(err));
    PMX_TRY(choose_port(config, port));
    PMX_TRY(choose_gid(config.gid, port));
    PMX_TRY(choose_add(config.add, port));
    port_out = std::move(port);
    return {};
}

uint8_t verbs_ack_timeout(uint64_t ns)
{
    uint8_t code = 1; /* 0 would be: wait forever */
    while (code < 31 && (uint64_t{4096} << code) < ns) code++;
    return code;
}

uint8_t verbs_rnr_timer(uint64_t ns)
{
    /* InfiniBand Architecture Specification, volume 1, table 45; code 0 is the longest. */
    static constexpr uint32_t kTenMicroseconds[] = {
        1,   2,   3,   4,    6,    8,    12,   16,   24,   32,   48,    64,    96,    128,   192,  256,
        384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 24576, 32768, 49152};
    for (size_t i = 0; i < std::size(kTenMicroseconds); i++)
        if (kTenMicroseconds[i] * uint64_t{10'000} >= ns) return uint8_t(i + 1);
    return 0;
}

}  // namespace pmx
