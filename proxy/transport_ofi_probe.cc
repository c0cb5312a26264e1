/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_ofi_probe.cc: which providers work here, found by doing: each is opened and puts, sets and adds
 * to itself. Also the entry ofi_open(). */
#include <pmx_atomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "transport_ofi.h"
#include "transport_ofi_impl.h"

namespace pmx {

namespace {

constexpr uint64_t kSelfTestNs = 1000000000;
constexpr size_t kScratchBytes = 8192;
/* Offsets in the scratch heap. */
constexpr uint64_t kSrc = 0, kDst = 4096, kSet = 6144, kAdd = 6152;
constexpr size_t kPutBytes = 1000;
constexpr uint64_t kSetValue = 0x0102030405060708, kAddFirst = 5, kAddValue = uint64_t(1) << 40;

/* Shared memory like that of the symmetric heap. */
class Scratch {
public:
    Scratch()
    {
        fd_ = memfd_create("pmx-probe", MFD_CLOEXEC);
        if (fd_ < 0 || ftruncate(fd_, kScratchBytes)) return;
        void* at = mmap(nullptr, kScratchBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
        if (at != MAP_FAILED) base_ = static_cast<unsigned char*>(at);
    }
    ~Scratch()
    {
        if (base_) munmap(base_, kScratchBytes);
        if (fd_ >= 0) close(fd_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    unsigned char* base() const { return base_; }
    uint64_t word(uint64_t off) const
    {
        return detail::load_acquire(reinterpret_cast<const uint64_t*>(base_ + off));
    }
    void set_word(uint64_t off, uint64_t value) const { std::memcpy(base_ + off, &value, sizeof value); }

private:
    int fd_ = -1;
    unsigned char* base_ = nullptr;
};

/* Posts ops to the only rank and waits until all have completed; one line when one did not. */
Status run_ops(Transport& transport, std::span<const Op> ops, const char* what)
{
    const std::string& provider = transport.caps().provider;
    const uint64_t deadline_ns = detail::now_ns() + kSelfTestNs;
    size_t n_posted = 0, n_done = 0;
    for (unsigned spins = 0; n_done < ops.size(); spins++) {
        if (n_posted < ops.size()) {
            const int n = transport.post(0, ops.subspan(n_posted));
            if (n < 0)
                return fail(pmx_err_t(n), "libfabric provider {}: {} to itself is refused", provider, what);
            n_posted += size_t(n);
        }
        Completion done[4];
        const int n = transport.poll(done);
        if (n < 0) return fail(pmx_err_t(n), "libfabric provider {}: its completion queue failed", provider);
        for (int i = 0; i < n; i++)
            if (done[i].err)
                return fail(done[i].err, "libfabric provider {}: {} to itself failed", provider, what);
        n_done += size_t(n);
        if (detail::now_ns() > deadline_ns)
            return fail(PMX_ERR_TIMEOUT, "libfabric provider {}: {} to itself did not complete in {} ms",
                        provider, what, kSelfTestNs / 1000000);
        detail::relax(spins);
    }
    return {};
}

/* Put, SET and ADD from the endpoint to itself, and a look at what they wrote. */
Status self_test(Transport& transport, const Scratch& scratch)
{
    const std::vector<std::byte> own = transport.address();
    PMX_TRY(transport.connect({&own, 1}));
    unsigned char* base = scratch.base();
    for (size_t i = 0; i < kPutBytes; i++) base[kSrc + i] = static_cast<unsigned char>(i * 7 + 1);
    scratch.set_word(kAdd, kAddFirst);
    const Op put{OpKind::put, 0, base + kSrc, kDst, kPutBytes, 0, 1};
    const Op set{OpKind::signal_set, 0, nullptr, kSet, 0, kSetValue, 2};
    const Op add{OpKind::signal_add, 0, nullptr, kAdd, 0, kAddValue, 3};
    PMX_TRY(run_ops(transport, {&put, 1}, "a put"));
    PMX_TRY(run_ops(transport, {&set, 1}, "a signal"));
    PMX_TRY(run_ops(transport, {&add, 1}, "an add"));
    if (std::memcmp(base + kSrc, base + kDst, kPutBytes) == 0 && scratch.word(kSet) == kSetValue &&
        scratch.word(kAdd) == kAddFirst + kAddValue)
        return {};
    return fail(PMX_ERR_TRANSPORT, "libfabric provider {}: data written to itself came out wrong",
                transport.caps().provider);
}

/* What the self-test of a provider found. */
struct Finding {
    Status status;
    bool native_add = false;
    OfiProvider provider;
};

Status try_provider(const OfiRow& row, bool native_add, Finding& finding)
{
    Scratch scratch;
    if (!scratch.base()) return fail(PMX_ERR_SYSTEM, "no memory for the probe: {}", std::strerror(errno));
    TransportConfig config;
    config.heap_base = scratch.base();
    config.heap_bytes = kScratchBytes;
    config.timeout_ns = kSelfTestNs;
    std::unique_ptr<OfiTransport> transport;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    finding.provider.caps = transport->caps();
    finding.native_add = transport->add_native();
    finding.provider.why = transport->set_by_write() ? "signals by writes" : "signals by messages";
    if (transport->set_by_write())
        finding.provider.why += transport->add_native() ? ", adds by native atomics" : ", adds by messages";
    return self_test(*transport, scratch);
}

Finding examine(const OfiRow& row)
{
    Finding finding;
    finding.provider.name = row.name;
    finding.status = try_provider(row, true, finding);
    if (!finding.status.ok() && finding.native_add) {
        const std::string why_not = finding.status.detail();
        finding.status = try_provider(row, false, finding);
        finding.provider.why += " (native: " + why_not + ")";
    }
    finding.provider.usable = finding.status.ok();
    if (!finding.status.ok()) finding.provider.why = finding.status.detail();
    return finding;
}

/* Names of all that has RDM endpoints here, by fi_getinfo. */
std::vector<std::string> offered()
{
    std::vector<std::string> names;
    Info hints(fi_allocinfo());
    if (!hints) return names;
    hints->caps = FI_MSG | FI_RMA;
    hints->mode = ~uint64_t(0);
    hints->ep_attr->type = FI_EP_RDM;
    hints->domain_attr->mr_mode = ~0 & ~(FI_MR_BASIC | FI_MR_SCALABLE);
    fi_info* list = nullptr;
    if (fi_getinfo(FI_VERSION(1, 17), nullptr, nullptr, 0, hints.get(), &list)) return names;
    Info owner(list);
    for (fi_info* info = list; info; info = info->next) {
        std::string name = info->fabric_attr->prov_name;
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
    }
    return names;
}

}  // namespace

std::vector<OfiProvider> ofi_probe(const std::string& only)
{
    ofi_set_environment();
    std::vector<std::string> names;
    if (!only.empty()) {
        names.push_back(only);
    } else {
        const std::vector<std::string> found = offered();
        auto has = [](const std::vector<std::string>& in, const std::string& name) {
            return std::find(in.begin(), in.end(), name) != in.end();
        };
        for (const OfiRow& row : ofi_table())
            if (has(found, row.name)) names.push_back(row.name);
        for (const std::string& name : found)
            if (!has(names, name)) names.push_back(name);
    }
    std::vector<OfiProvider> providers;
    for (const std::string& name : names) providers.push_back(examine(ofi_row(name)).provider);
    return providers;
}

Status ofi_open(const std::string& provider, const TransportConfig& config,
                std::unique_ptr<Transport>& transport_out)
{
    ofi_set_environment();
    if (config.size < 1 || config.rank < 0 || config.rank >= config.size)
        return fail(PMX_ERR_RANK, "rank {} of {}: a rank is in 0..size-1", config.rank, config.size);
    if (!config.heap_base || config.heap_bytes == 0)
        return fail(PMX_ERR_ARGUMENT, "libfabric provider {}: there is no heap to register", provider);
    const OfiRow row = ofi_row(provider);
    /* Only a provider whose atomics may be used has to show that they work. */
    bool native_add = row.signals == SignalPath::atomic;
    if (native_add) native_add = examine(row).native_add;
    std::unique_ptr<OfiTransport> transport;
    PMX_TRY(OfiTransport::open(row, native_add, config, transport));
    transport_out = std::move(transport);
    return {};
}

}  // namespace pmx
