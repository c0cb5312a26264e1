/* SPDX-License-Identifier: BSD-3-Clause */
/* perf_options.cc: the options of pmx_perf and their help. */
#include "perf_options.h"

#include <charconv>
#include <map>

#include "command_line.h"

namespace pmx::tools {

namespace {

constexpr uint64_t kMaxBytes = 1u << 30;
constexpr uint64_t kMaxDestinations = 4096;

const std::map<std::string, PerfOp> kOps = {{"put", PerfOp::put},
                                            {"get", PerfOp::get},
                                            {"put_signal", PerfOp::put_signal},
                                            {"signal_pingpong", PerfOp::signal_pingpong},
                                            {"fan", PerfOp::fan},
                                            {"rate", PerfOp::rate}};

const std::map<std::string, PerfInitiator> kInitiators = {
    {"host", PerfInitiator::host}, {"gpu", PerfInitiator::gpu}, {"soft", PerfInitiator::soft}};

constexpr const char* kAbout =
    "pmx_perf: how long puts, gets and signals take, and what keeping their order costs.\n"
    "Start it with mpirun: mpirun -n 4 pmx_perf fan --bytes 4096 --concurrency 96 --table\n"
    "\n"
    "OP is one of:\n"
    "  put get put_signal  rank 0 to rank 1: latency of one with its completion, and a window of them\n"
    "  signal_pingpong     half a round trip of put_signal between ranks 0 and 1\n"
    "  fan                 every rank sends to all others, each transfer with its signal, and waits for the\n"
    "                      signals of the others; beside it the same puts and one quiet\n"
    "  rate                commands that one proxy thread takes when the network costs nothing; no mpirun\n";

constexpr const char* kAfter =
    "The man page pmx_perf(1) says what each column and each key of the JSON is.\n"
    "\n"
    "Exit status: 0 ok; 1 the counters are not as they must be; 2 bad input; 3 a rank, the network or the\n"
    "system failed.\n";

bool number_of(std::string_view text, uint64_t& number)
{
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

/* Says the rule when it is broken, which the conversions of CLI11 do not. */
CLI::Validator whole(uint64_t lowest, uint64_t highest)
{
    const auto complaint = [=](std::string& text) {
        uint64_t number = 0;
        if (number_of(text, number) && number >= lowest && number <= highest) return std::string();
        return fmt::format("{} must be a whole number from {} to {}", text, lowest, highest);
    };
    return CLI::Validator(complaint, fmt::format("{}..{}", lowest, highest));
}

/* "8,64,512", or "8:512" for 8 and its doubles up to 512. */
Status parse_list(const char* option, const std::string& text, uint64_t lowest, uint64_t highest,
                  std::vector<uint64_t>& list_out)
{
    std::vector<uint64_t> list;
    const size_t colon = text.find(':');
    uint64_t first = 0, last = 0;
    bool good = true;
    if (colon != std::string::npos) {
        const std::string_view view = text;
        good = number_of(view.substr(0, colon), first) && number_of(view.substr(colon + 1), last) &&
               first >= 1 && first <= last && last <= highest;
        for (uint64_t n = first; good && n <= last; n *= 2) list.push_back(n);
    } else {
        for (const std::string& part : CLI::detail::split(text, ',')) {
            uint64_t n = 0;
            good = good && number_of(part, n) && (list.empty() || n > list.back());
            list.push_back(n);
        }
    }
    for (uint64_t n : list) good = good && n >= lowest && n <= highest;
    if (!good || list.empty())
        return fail(PMX_ERR_ARGUMENT,
                    "{}: {} must be N, N0,N1,... rising, or FIRST:LAST (doubled), each from {} to {}", option,
                    text, lowest, highest);
    list_out = std::move(list);
    return {};
}

struct Texts {
    std::string op, bytes, destinations = "2,16,128,1024", initiator = "host", memory;
};

void add_options(CLI::App& app, PerfOptions& o, Texts& t)
{
    std::vector<std::string> ops,
        orders = {"auto", "stall-all", "stall-rank", "deferred", "fence", "ordered", "counted"};
    for (const auto& [name, op] : kOps) ops.push_back(name);
    app.add_option("OP", t.op, "what to measure")->required()->check(CLI::IsMember(ops));
    app.add_option(
        "--bytes", t.bytes,
        "N, N0,N1,... or FIRST:LAST, doubled: bytes of a transfer; default 4096 (fan), 8 (rate), else "
        "8:1048576");
    app.add_option(
           "--concurrency", o.concurrency,
           "transfers of each rank (fan, default 96), of a window (put, get, put_signal, default 64), of a "
           "round (rate, default 1024)")
        ->check(whole(1, 65536));
    app.add_option("--iters", o.iters, "measured repetitions; default 30 (fan), 500 (rate), else 200")
        ->check(whole(1, 1000000));
    app.add_option("--warmup", o.warmup, "repetitions before those; default 3")->check(whole(0, 1000000));
    app.add_option("--blocks", o.blocks,
                   "blocks of the fan: of one thread on the host, of 256 on a GPU; default 1, on the host "
                   "the calling thread")
        ->check(whole(1, 64));
    app.add_option("--initiator", t.initiator,
                   "who starts the transfers: host, gpu (kernels), or soft (host blocks that play kernels); "
                   "default host")
        ->check(CLI::IsMember({"host", "gpu", "soft"}));
    app.add_option("--memory", t.memory, "gpu or host: where data and signals of kernels are; default gpu")
        ->check(CLI::IsMember({"gpu", "host"}));
    app.add_option("--order", o.order, "order mode of the context, as PMX_ORDER; default that")
        ->check(CLI::IsMember(orders));
    app.add_option("--signals", o.signals, "coupled or grouped, as PMX_SIGNALS; default that")
        ->check(CLI::IsMember({"coupled", "grouped"}));
    app.add_option("--queues", o.queues, "command queues of the context; default PMX_QUEUES, for rate 4")
        ->check(whole(1, 64));
    app.add_flag("--table", o.table, "all order modes, coupled and grouped, and the single-queue baseline")
        ->excludes("--order")
        ->excludes("--signals");
    app.add_flag("--groups", o.groups,
                 "fan: with grouped signals the blocks commit those of each destination as one group");
    app.add_option("--senders", o.senders, "fan: ranks that send, from rank 0 on; default all of them")
        ->check(whole(1, 65536));
    app.add_flag("--raw", o.raw, "the same transfers posted straight on libfabric, beside those of pmx");
    app.add_option("--transport", o.transport, "PMX_TRANSPORT: auto, shm, ofi, softnic or verbs");
    app.add_option("--provider", o.provider, "PMX_OFI_PROVIDER: such as tcp;ofi_rxm");
    app.add_option("--heap", o.heap, "PMX_HEAP_SIZE; default what is needed, unless that variable is set");
    app.add_option("--destinations", t.destinations,
                   "rate: numbers of ranks to send to; default 2,16,128,1024");
    app.add_option(
           "--producers", o.producers,
           "rate: threads that queue while the engine runs, for a second row of each; 0: no such row; "
           "default 1")
        ->check(whole(0, 64));
    app.add_flag("--json", o.json, "print a line of JSON for each row, and nothing else");
}

Status finish(PerfOptions& o, const Texts& t)
{
    o.op = kOps.at(t.op);
    const bool fan = o.op == PerfOp::fan, rate = o.op == PerfOp::rate;
    if (o.concurrency == 0) o.concurrency = fan ? 96 : rate ? 1024 : 64;
    if (o.iters == 0) o.iters = fan ? 30 : rate ? 500 : 200;
    const std::string bytes = !t.bytes.empty() ? t.bytes : fan ? "4096" : rate ? "8" : "8:1048576";
    PMX_TRY(parse_list("--bytes", bytes, o.op == PerfOp::get ? 1 : 0, kMaxBytes, o.bytes));
    PMX_TRY(parse_list("--destinations", t.destinations, 1, kMaxDestinations, o.destinations));
    o.initiator = kInitiators.at(t.initiator);
    const bool kernels = o.initiator != PerfInitiator::host;
    o.gpu_memory = kernels && t.memory != "host";
    if (rate && kernels)
        return fail(PMX_ERR_ARGUMENT, "--initiator {} is not for rate, whose producers are host threads",
                    t.initiator);
    if (!kernels && !t.memory.empty())
        return fail(PMX_ERR_ARGUMENT, "--memory {} is for --initiator gpu or soft, not for host", t.memory);
    if (kernels && o.raw)
        return fail(PMX_ERR_ARGUMENT, "--raw is for --initiator host, not for {}", t.initiator);
    if (rate && o.raw) return fail(PMX_ERR_ARGUMENT, "--raw is not for rate, which uses no network");
    if (rate && o.bytes.back() > 4096)
        return fail(PMX_ERR_ARGUMENT, "--bytes: {} must be at most 4096 for rate, which moves none",
                    o.bytes.back());
    if (!fan && o.groups) return fail(PMX_ERR_ARGUMENT, "--groups is for fan, not for {}", t.op);
    if (o.senders && (!fan || kernels))
        return fail(PMX_ERR_ARGUMENT, "--senders {} is for fan by host threads only", o.senders);
    if (!fan && o.blocks != 1)
        return fail(PMX_ERR_ARGUMENT, "--blocks {} is for fan only; else it is 1", o.blocks);
    return {};
}

}  // namespace

const char* perf_op_name(PerfOp op)
{
    for (const auto& [name, each] : kOps)
        if (each == op) return name.c_str();
    return "unknown";
}

const char* perf_initiator_name(PerfInitiator initiator)
{
    for (const auto& [name, each] : kInitiators)
        if (each == initiator) return name.c_str();
    return "unknown";
}

Status parse_perf_options(int argc, char** argv, PerfOptions& options_out, std::string& text_out)
{
    CLI::App app(kAbout, "pmx_perf");
    app.footer(kAfter);
    PerfOptions options;
    options.warmup = 3;
    Texts texts;
    add_options(app, options, texts);
    PMX_TRY(parse_command_line(app, argc, argv, text_out));
    if (!text_out.empty()) return {};
    PMX_TRY(finish(options, texts));
    options_out = std::move(options);
    return {};
}

}  // namespace pmx::tools
