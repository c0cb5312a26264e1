/* SPDX-License-Identifier: BSD-3-Clause */
/* What the engine is at, as text for people. */
#include <chrono>
#include <new>

#include "engine.h"
#include "order.h"

namespace pmx {

namespace {

constexpr std::chrono::seconds kAnswerLimit{2};

const char* op_text(pmx_cmd_op_t op)
{
    switch (op) {
        case PMX_CMD_PUT:
            return "put";
        case PMX_CMD_GET:
            return "get";
        case PMX_CMD_FENCE:
            return "fence";
        default:
            return "signal";
    }
}

double seconds(uint64_t ns) { return static_cast<double>(ns) / 1e9; }

std::string describe_oldest(const Node& node)
{
    std::string text = op_text(pmx_command_op(&node.command));
    if (uint64_t n_bytes = pmx_command_bytes(&node.command); text == "put" || text == "get")
        text += fmt::format(" of {} bytes", n_bytes);
    return text + fmt::format(" {} rank {}, {}", text[0] == 'g' ? "from" : "to",
                              pmx_command_dst(&node.command),
                              node.state == Node::State::posted ? "posted" : "not posted yet");
}

}  // namespace

/* Cheaper than to note a time for each command, and as exact as the time between two of these. */
void Engine::mark_oldest(uint64_t now_ns)
{
    marks_.resize(queues_.size());
    for (size_t id = 0; id < queues_.size(); id++) {
        Mark& mark = marks_[id];
        if (!queues_[id] || queues_[id]->idle())
            mark = {};
        else if (mark.since_ns == 0 || mark.ticket != queues_[id]->first_open_ticket())
            mark = {queues_[id]->first_open_ticket(), now_ns};
    }
}

void Engine::describe(std::string& text_out)
{
    uint64_t now = clock_.now_ns();
    text_out += fmt::format("proxy: {} operations under way", outstanding_);
    if (stalled_)
        text_out += fmt::format(", stalled for rank {} since {:.1f} s", stalled_->dst_rank,
                                seconds(now - stall_begin_ns_));
    text_out += "\n";
    for (int rank = 0; rank < config_.size; rank++) {
        PeerState state = heartbeat_.states().state(rank);
        if (faults_.failed(rank))
            text_out += fmt::format("rank {}: failed: {}\n", rank, peer_fault_text(faults_.fault(rank)));
        else if (state == PeerState::suspect)
            text_out += fmt::format("rank {}: suspect, silent for {:.1f} s\n", rank,
                                    seconds(heartbeat_.states().silent_ns(rank)));
    }
    for (EngineContext* context : contexts_)
        for (auto& queue : context->queues) {
            if (queue->idle()) continue;
            text_out +=
                fmt::format("queue {} ({}): {} taken, {} complete", queue->id(), order_name(context->order),
                            queue->end_ticket(), queue->first_open_ticket());
            const Node* oldest = queue->find(queue->first_open_ticket());
            const Mark mark = queue->id() < marks_.size() ? marks_[queue->id()] : Mark{};
            bool known = mark.since_ns != 0 && mark.ticket == queue->first_open_ticket();
            if (oldest) text_out += "; oldest: " + describe_oldest(*oldest);
            text_out +=
                fmt::format(", not complete for {:.1f} s\n", known ? seconds(now - mark.since_ns) : 0.0);
        }
}

bool Engine::report(std::string& text_out)
{
    std::lock_guard one(report_mutex_);
    std::unique_lock lock(mutex_);
    reporting_ = &text_out;
    request_.store(true, std::memory_order_release);
    bool answered = served_.wait_for(lock, kAnswerLimit, [&] { return reporting_ == nullptr; });
    reporting_ = nullptr;
    return answered;
}

void Engine::serve_report()
{
    if (!reporting_) return;
    try {
        describe(*reporting_);
    } catch (const std::bad_alloc&) {
        reporting_->clear();
    }
    reporting_ = nullptr;
}

}  // namespace pmx
