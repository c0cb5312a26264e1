/* SPDX-License-Identifier: BSD-3-Clause */
/* switch -n HOSTS -p PREFIX [-d US] [-r MBIT] [-l PERCENT] [-t SECONDS]: an Ethernet switch in user space, since not
 * every kernel has netem. Makes the interface net0 in the network namespaces PREFIX0, PREFIX1, ... and passes frames
 * between them: -d later, each port sending -r Mbit/s at most, and losing -l percent. Prints "ready" when all are
 * there; ends on SIGTERM or after -t seconds. Exit: 2 wrong use, 3 where the system has no TAP. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace {

/* In front of each frame is a header in which the kernel says which checksums and cuts are left to do; it goes along
 * unread, so a frame may have up to 64 KiB. */
constexpr size_t kHeaderBytes = 10, kFrameBytes = 65536 + 64, kMacBytes = 6, kQueue = 4096;
constexpr uint64_t kSpinNs = 60'000; /* a frame that is due so soon is not slept for */

volatile sig_atomic_t stopped = 0;

uint64_t now_ns()
{
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return uint64_t(t.tv_sec) * 1'000'000'000 + uint64_t(t.tv_nsec);
}

struct Frame {
    uint64_t due_ns;
    size_t n_bytes;
    std::array<uint8_t, kFrameBytes> bytes;
};
using FramePtr = std::unique_ptr<Frame>;

struct Port {
    int fd = -1;
    bool known = false; /* a frame has told its address */
    std::array<uint8_t, kMacBytes> mac{};
    uint64_t busy_until_ns = 0;
    std::deque<FramePtr> queue; /* to this host, in the order of due_ns */
};

struct Link {
    uint64_t delay_ns = 0;
    double ns_per_byte = 0;
    double loss = 0; /* 0..1 */
};

int open_tap(const std::string& space, int home)
{
    const std::string path = "/run/netns/" + space;
    const int there = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET)) {
        std::perror(path.c_str());
        std::exit(2);
    }
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ifreq request{};
    std::strcpy(request.ifr_name, "net0");
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
        std::perror("/dev/net/tun");
        std::exit(3);
    }
    if (ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)) std::perror("TUNSETOFFLOAD");
    close(there);
    if (setns(home, CLONE_NEWNET)) std::perror("setns");
    return fd;
}

class Switch {
public:
    Switch(std::vector<Port> ports, const Link& link) : ports_(std::move(ports)), link_(link) {}

    void run()
    {
        while (!stopped) {
            uint64_t next_ns = UINT64_MAX;
            bool moved = deliver(next_ns);
            for (size_t from = 0; from < ports_.size(); from++) moved |= take(from);
            if (!moved) sleep_until(next_ns);
        }
    }

private:
    bool deliver(uint64_t& next_ns)
    {
        bool moved = false;
        const uint64_t now = now_ns();
        for (Port& port : ports_) {
            for (; !port.queue.empty() && port.queue.front()->due_ns <= now; moved = true) {
                /* An interface that is down takes nothing: the frame is lost, as on a cut cable. */
                const Frame& frame = *port.queue.front();
                [[maybe_unused]] const ssize_t n = write(port.fd, frame.bytes.data(), frame.n_bytes);
                free_.push_back(std::move(port.queue.front()));
                port.queue.pop_front();
            }
            if (!port.queue.empty()) next_ns = std::min(next_ns, port.queue.front()->due_ns);
        }
        return moved;
    }

    /* Up to some frames from one host: the others have their turn, too. */
    bool take(size_t from)
    {
        for (int i = 0; i < 16; i++) {
            FramePtr frame = fresh();
            const ssize_t n = read(ports_[from].fd, frame->bytes.data(), kFrameBytes);
            if (n <= ssize_t(kHeaderBytes + 2 * kMacBytes)) {
                free_.push_back(std::move(frame));
                return i > 0;
            }
            frame->n_bytes = size_t(n);
            pass_on(from, std::move(frame));
        }
        return true;
    }

    void pass_on(size_t from, FramePtr frame)
    {
        const uint8_t* const to_mac = frame->bytes.data() + kHeaderBytes;
        std::copy_n(to_mac + kMacBytes, kMacBytes, ports_[from].mac.begin());
        ports_[from].known = true;
        const bool to_all = to_mac[0] & 1;
        for (size_t to = 0; to < ports_.size() && !to_all; to++)
            if (ports_[to].known && std::equal(ports_[to].mac.begin(), ports_[to].mac.end(), to_mac)) {
                if (to != from) enqueue(to, std::move(frame));
                return;
            }
        for (size_t to = 0; to < ports_.size(); to++) {
            if (to == from) continue;
            FramePtr copy = fresh();
            copy->n_bytes = frame->n_bytes;
            std::copy_n(frame->bytes.begin(), frame->n_bytes, copy->bytes.begin());
            enqueue(to, std::move(copy));
        }
        free_.push_back(std::move(frame));
    }

    void enqueue(size_t to, FramePtr frame)
    {
        Port& port = ports_[to];
        if (port.queue.size() == kQueue || (link_.loss > 0 && chance_(random_) < link_.loss)) {
            free_.push_back(std::move(frame));
            return;
        }
        const uint64_t begin_ns = std::max(now_ns(), port.busy_until_ns);
        port.busy_until_ns = begin_ns + uint64_t(double(frame->n_bytes) * link_.ns_per_byte);
        frame->due_ns = port.busy_until_ns + link_.delay_ns;
        port.queue.push_back(std::move(frame));
    }

    void sleep_until(uint64_t next_ns)
    {
        timespec rest{}, *limit = nullptr;
        if (next_ns != UINT64_MAX) {
            const uint64_t now = now_ns();
            if (next_ns < now + kSpinNs) return;
            const uint64_t rest_ns = next_ns - now - kSpinNs;
            rest = {time_t(rest_ns / 1'000'000'000), long(rest_ns % 1'000'000'000)};
            limit = &rest;
        }
        std::vector<pollfd> waits;
        for (const Port& port : ports_) waits.push_back({port.fd, POLLIN, 0});
        ppoll(waits.data(), nfds_t(waits.size()), limit, nullptr);
    }

    FramePtr fresh()
    {
        if (free_.empty()) return std::make_unique<Frame>();
        FramePtr frame = std::move(free_.back());
        free_.pop_back();
        return frame;
    }

    std::vector<Port> ports_;
    Link link_;
    std::vector<FramePtr> free_;
    std::minstd_rand random_{1};
    std::uniform_real_distribution<double> chance_{0, 1};
};

}  // namespace

int main(int argc, char** argv)
{
    int n_hosts = 0;
    unsigned life_s = 3600;
    std::string prefix;
    Link link;
    for (int option; (option = getopt(argc, argv, "n:p:d:r:l:t:")) != -1;) {
        switch (option) {
            case 'n': n_hosts = std::atoi(optarg); break;
            case 'p': prefix = optarg; break;
            case 'd': link.delay_ns = uint64_t(std::atof(optarg) * 1000); break;
            case 'r': link.ns_per_byte = 8000 / std::atof(optarg); break;
            case 'l': link.loss = std::atof(optarg) / 100; break;
            case 't': life_s = unsigned(std::atoi(optarg)); break;
            default: return 2;
        }
    }
    if (n_hosts < 1 || n_hosts > 64 || prefix.empty() || optind != argc) return 2;
    const int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    struct sigaction action{};
    action.sa_handler = [](int) { stopped = 1; };
    for (int sig : {SIGTERM, SIGINT, SIGALRM}) sigaction(sig, &action, nullptr);
    alarm(life_s);
    std::vector<Port> ports(static_cast<size_t>(n_hosts));
    for (size_t i = 0; i < ports.size(); i++) ports[i].fd = open_tap(prefix + std::to_string(i), home);
    /* Ranks that spin on all cores must not hold up the wire. */
    prctl(PR_SET_TIMERSLACK, 1);
    const sched_param priority{10};
    if (sched_setscheduler(0, SCHED_FIFO, &priority)) std::perror("SCHED_FIFO");
    std::puts("ready");
    std::fflush(stdout);
    Switch(std::move(ports), link).run();
    return 0;
}
