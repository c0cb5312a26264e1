/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport_softnic_nic.h"

#include <algorithm>

namespace pmx {

namespace {

bool later(const SoftNicEvent& a, const SoftNicEvent& b)
{
    return a.time_ns != b.time_ns ? a.time_ns > b.time_ns : a.serial > b.serial;
}

bool is_signal(const Op& op) { return op.kind == OpKind::signal_set || op.kind == OpKind::signal_add; }

constexpr double kRetryNs = 1000; /* a notice for which the target had no room */

}  // namespace

void SoftNicEvents::push(SoftNicEvent event)
{
    event.serial = serial_++;
    heap_.push_back(event);
    std::push_heap(heap_.begin(), heap_.end(), later);
}

SoftNicEvent SoftNicEvents::pop()
{
    std::pop_heap(heap_.begin(), heap_.end(), later);
    SoftNicEvent event = heap_.back();
    heap_.pop_back();
    return event;
}

TransportCaps softnic_caps(const SoftNicProfile& profile)
{
    TransportCaps caps;
    caps.name = "softnic";
    caps.provider = profile.name;
    caps.orders_set = caps.orders_add = profile.ordered;
    caps.fence = profile.fence;
    caps.counted = profile.counted;
    caps.max_put_bytes = profile.max_put_bytes;
    return caps;
}

SoftNic::SoftNic(const SoftNicConfig& config, SoftNicEvents& events, SoftNicFabric& fabric)
    : config_(config),
      caps_(softnic_caps(config.profile)),
      events_(events),
      fabric_(fabric),
      random_state_(config.seed * 0x9e3779b97f4a7c15 + static_cast<uint64_t>(config.rank) * 0xd1342543de82ef95),
      slots_(config.profile.queue_ops),
      peers_(static_cast<size_t>(config.size)),
      ready_(config.profile.queue_ops)
{
    free_.reserve(slots_.size());
    for (size_t i = slots_.size(); i-- > 0;) free_.push_back(static_cast<uint16_t>(i));
}

int SoftNic::post(int dst_rank, std::span<const Op> ops, uint64_t now_ns)
{
    if (peers_[static_cast<size_t>(dst_rank)].failed) return PMX_ERR_PEER_FAILED;
    for (const Op& op : ops)
        if (op.n_bytes > caps_.max_put_bytes && !is_signal(op)) return PMX_ERR_ARGUMENT;
    if (in_storm()) return 0;
    int n = 0;
    for (const Op& op : ops) {
        if (!has_room(op, now_ns)) break;
        take(op, dst_rank, now_ns);
        n++;
    }
    return n;
}

/* When there is no room for the bytes, an event will tell when there is. */
bool SoftNic::has_room(const Op& op, uint64_t now_ns)
{
    if (free_.empty()) return false;
    double waiting_ns = free_ns_ - static_cast<double>(now_ns);
    double window_ns = static_cast<double>(config_.profile.window_bytes) * config_.profile.ns_per_byte;
    double own_ns = op.kind == OpKind::put ? static_cast<double>(op.n_bytes) * config_.profile.ns_per_byte : 0;
    if (waiting_ns <= 0 || own_ns == 0 || waiting_ns + own_ns <= window_ns) return true;
    if (!room_asked_)
        events_.push({.time_ns = static_cast<uint64_t>(free_ns_ - std::max(0.0, window_ns - own_ns)) + 1, .serial = 0,
                      .nic = static_cast<uint32_t>(config_.rank), .generation = 0, .slot = 0,
                      .kind = SoftNicEvent::Kind::room, .piece = 0});
    room_asked_ = true;
    return false;
}

/* Into a slot, and on its way unless a fence holds it back. */
void SoftNic::take(const Op& op, int dst_rank, uint64_t now_ns)
{
    Peer& peer = peers_[static_cast<size_t>(dst_rank)];
    if (!peer.used) n_used_peers_++;
    peer.used = true;
    uint16_t i = free_.back();
    free_.pop_back();
    Slot& slot = slots_[i];
    slot.op = op;
    slot.dst_rank = dst_rank;
    slot.fences_before = peer.fences_posted;
    slot.next = kNone;
    slot.prev = peer.tail;
    slot.state = State::held;
    slot.fate = draw_fate(dst_rank, peer);
    slot.n_pieces = 1;
    if (op.kind == OpKind::put)
        slot.n_pieces = static_cast<uint8_t>(std::clamp<uint64_t>(op.n_bytes / config_.piece_bytes, 1, kMaxPieces));
    slot.n_arrived = slot.waiting = 0;
    slot.parked = false;
    slot.err = PMX_SUCCESS;
    peer.n_posted++;
    (peer.tail == kNone ? peer.head : slots_[peer.tail].next) = i;
    peer.tail = i;
    bool fence = op.flags & kOpFence;
    if (fence) peer.fences_posted++;
    if (peer.held == kNone && !(fence && peer.n_open != 0))
        inject(i, now_ns);
    else if (peer.held == kNone)
        peer.held = i;
}

void SoftNic::inject(uint16_t i, uint64_t now_ns)
{
    Slot& slot = slots_[i];
    const SoftNicProfile& profile = config_.profile;
    slot.state = State::flying;
    peers_[static_cast<size_t>(slot.dst_rank)].n_open++;
    double t = std::max(static_cast<double>(now_ns), free_ns_) + profile.gap_ns;
    if (slot.fate == Fate::lands) {
        for (unsigned piece = 0; piece < slot.n_pieces; piece++) {
            uint64_t n_bytes = piece_begin(slot, piece + 1) - piece_begin(slot, piece);
            if (slot.op.kind != OpKind::get) t += static_cast<double>(n_bytes) * profile.ns_per_byte;
            push_event(SoftNicEvent::Kind::arrive, t + crossing(), i, piece);
        }
    } else if (slot.fate != Fate::silent) {
        slot.err = PMX_ERR_PEER_FAILED;
        push_event(SoftNicEvent::Kind::complete, t + profile.lost_ns, i, 0);
    }
    free_ns_ = t;
}

/* What a fence has held back, when all before it is complete: up to the next fence. */
void SoftNic::let_go(int dst_rank, uint64_t now_ns)
{
    Peer& peer = peers_[static_cast<size_t>(dst_rank)];
    while (peer.held != kNone && (peer.n_open == 0 || !(slots_[peer.held].op.flags & kOpFence))) {
        uint16_t i = peer.held;
        peer.held = slots_[i].next;
        inject(i, now_ns);
    }
}

void SoftNic::on_event(const SoftNicEvent& event)
{
    if (event.kind == SoftNicEvent::Kind::room) {
        room_asked_ = false;
        fabric_.ready(config_.rank, event.time_ns);
        return;
    }
    const Slot& slot = slots_[event.slot];
    if (slot.generation != event.generation) return;
    switch (event.kind) {
    case SoftNicEvent::Kind::arrive: arrive(event); break;
    case SoftNicEvent::Kind::deliver: deliver(event); break;
    case SoftNicEvent::Kind::retry:
        if (slot.state == State::flying && land_pieces(event.slot, event.time_ns))
            release(slot.dst_rank, event.time_ns);
        break;
    case SoftNicEvent::Kind::complete:
        if (slot.err == PMX_SUCCESS)
            complete(event.slot, event.time_ns);
        else
            break_peer(slot.dst_rank, event.time_ns);
        break;
    case SoftNicEvent::Kind::room:
    case SoftNicEvent::Kind::user: break;
    }
}

/* At the target's port; a get goes on with the way back. */
void SoftNic::arrive(const SoftNicEvent& event)
{
    const Slot& slot = slots_[event.slot];
    if (is_cut(slot.dst_rank)) {
        double again_ns = static_cast<double>(event.time_ns) + 1e3 * config_.faults.cut_us;
        push_event(SoftNicEvent::Kind::arrive, again_ns, event.slot, event.piece);
        return;
    }
    uint64_t n_bytes = piece_begin(slot, event.piece + 1u) - piece_begin(slot, event.piece);
    double busy_ns = static_cast<double>(n_bytes) * config_.profile.ns_per_byte;
    if (slot.op.kind == OpKind::get) {
        double back_ns = static_cast<double>(event.time_ns) + busy_ns + crossing();
        push_event(SoftNicEvent::Kind::deliver, back_ns, event.slot, event.piece);
        return;
    }
    uint64_t passed_ns = fabric_.pass_port(slot.dst_rank, event.time_ns, busy_ns);
    if (passed_ns <= event.time_ns)
        deliver(event);
    else
        push_event(SoftNicEvent::Kind::deliver, static_cast<double>(passed_ns), event.slot, event.piece);
}

void SoftNic::deliver(const SoftNicEvent& event)
{
    Slot& slot = slots_[event.slot];
    slot.waiting |= static_cast<uint8_t>(1u << event.piece);
    slot.n_arrived++;
    if (land_pieces(event.slot, event.time_ns)) release(slot.dst_rank, event.time_ns);
}

bool SoftNic::may_land(const Slot& slot, uint16_t i) const
{
    const Peer& peer = peers_[static_cast<size_t>(slot.dst_rank)];
    if (peer.head == i) return true;
    if (!config_.reorder || (slot.op.flags & kOpFence) || ((slot.op.flags & kOpOrdered) && is_signal(slot.op)))
        return false;
    return slot.fences_before == peer.fences_landed;
}

/* Lands what has arrived of an operation, if that is allowed now. Returns whether it has landed as a whole. */
bool SoftNic::land_pieces(uint16_t i, uint64_t now_ns)
{
    Slot& slot = slots_[i];
    Peer& peer = peers_[static_cast<size_t>(slot.dst_rank)];
    if (!may_land(slot, i)) {
        if (!slot.parked) peer.n_parked++;
        slot.parked = true;
        return false;
    }
    for (unsigned piece = 0; slot.waiting != 0; piece++) {
        unsigned bit = 1u << piece;
        if (!(slot.waiting & bit)) continue;
        slot.waiting &= static_cast<uint8_t>(~bit);
        if (slot.op.kind != OpKind::put) continue;
        if (one_of(config_.faults.miss_one_of)) continue;
        uint64_t begin = piece_begin(slot, piece), end = piece_begin(slot, piece + 1);
        const char* from = static_cast<const char*>(slot.op.src) + begin;
        fabric_.copy_in(slot.dst_rank, slot.op.dst_off + begin, from, end - begin);
        if (!one_of(config_.faults.corrupt_one_of)) continue;
        uint64_t at = random() % (end - begin);
        const char wrong = static_cast<char>(from[at] ^ 1 << random() % 8);
        fabric_.copy_in(slot.dst_rank, slot.op.dst_off + begin + at, &wrong, 1);
    }
    if (slot.n_arrived != slot.n_pieces) return false;
    if (slot.op.flags & kOpCounted) {
        SoftNicNotice notice = {slot.op.seq, slot.op.dst_off, slot.op.value, slot.generation << 16 | i,
                                slot.op.stream, slot.op.kind};
        if (!fabric_.notify(slot.dst_rank, config_.rank, notice, now_ns)) {
            push_event(SoftNicEvent::Kind::retry, static_cast<double>(now_ns) + kRetryNs, i, 0);
            return false;
        }
    }
    land(i, now_ns);
    return true;
}

void SoftNic::land(uint16_t i, uint64_t now_ns)
{
    Slot& slot = slots_[i];
    Peer& peer = peers_[static_cast<size_t>(slot.dst_rank)];
    unlink(i);
    if (slot.parked) peer.n_parked--;
    slot.state = State::landed;
    if (slot.op.flags & kOpFence) peer.fences_landed++;
    bool counted = slot.op.flags & kOpCounted;
    double back_ns = static_cast<double>(now_ns) + config_.profile.completion_ns;
    if (slot.op.kind == OpKind::get) {
        fabric_.copy_out(slot.dst_rank, slot.op.dst_off, const_cast<void*>(slot.op.src), slot.op.n_bytes);
    } else if (is_signal(slot.op) && counted) {
        return; /* the target applies it, and tells */
    } else {
        if (is_signal(slot.op)) fabric_.signal(slot.dst_rank, slot.op);
        back_ns += crossing();
    }
    if (one_of(config_.faults.late_one_of)) back_ns += 1e3 * config_.faults.late_us;
    push_event(SoftNicEvent::Kind::complete, back_ns, i, 0);
}

void SoftNic::acknowledge(uint32_t id, uint64_t now_ns)
{
    uint16_t i = static_cast<uint16_t>(id);
    Slot& slot = slots_[i];
    if ((slot.generation << 16 | i) != id || slot.state != State::landed) return;
    double back_ns = static_cast<double>(now_ns) + config_.profile.completion_ns + crossing();
    if (one_of(config_.faults.late_one_of)) back_ns += 1e3 * config_.faults.late_us;
    push_event(SoftNicEvent::Kind::complete, back_ns, i, 0);
}

/* What had to wait for what has landed now. */
void SoftNic::release(int dst_rank, uint64_t now_ns)
{
    Peer& peer = peers_[static_cast<size_t>(dst_rank)];
    if (peer.n_parked == 0) return;
    for (uint16_t i = peer.head, next; i != kNone; i = next) {
        next = slots_[i].next;
        if (slots_[i].parked) land_pieces(i, now_ns);
    }
}

void SoftNic::complete(uint16_t i, uint64_t now_ns)
{
    Slot& slot = slots_[i];
    Peer& peer = peers_[static_cast<size_t>(slot.dst_rank)];
    slot.state = State::complete;
    slot.generation++; /* what else was to happen to it comes to nothing */
    peer.n_open--;
    ready_[(ready_begin_ + n_ready_++) % ready_.size()] = i;
    if (peer.held != kNone) let_go(slot.dst_rank, now_ns);
    fabric_.ready(config_.rank, now_ns);
}

/* The way to a rank is gone: nothing more lands there, and all that was taken completes with an error. */
void SoftNic::break_peer(int dst_rank, uint64_t now_ns)
{
    Peer& peer = peers_[static_cast<size_t>(dst_rank)];
    if (peer.failed) return;
    peer.failed = true;
    peer.held = kNone;
    peer.n_parked = 0;
    for (size_t n = 0; n < slots_.size(); n++) {
        uint16_t i = static_cast<uint16_t>(n);
        Slot& slot = slots_[i];
        if (slot.state == State::free || slot.state == State::complete || slot.dst_rank != dst_rank) continue;
        if (slot.state == State::held || slot.state == State::flying) unlink(i);
        if (slot.state == State::held) peer.n_open++;
        slot.err = PMX_ERR_PEER_FAILED;
        complete(i, now_ns);
    }
}

void SoftNic::fail_peer(int dst_rank, uint64_t now_ns) { break_peer(dst_rank, now_ns); }

int SoftNic::reap(std::span<Completion> out)
{
    size_t n = std::min(out.size(), n_ready_);
    for (size_t k = 0; k < n; k++) {
        uint16_t i = ready_[ready_begin_];
        ready_begin_ = (ready_begin_ + 1) % ready_.size();
        Slot& slot = slots_[i];
        out[k] = {slot.op.cookie, slot.err};
        slot.state = State::free;
        free_.push_back(i);
    }
    n_ready_ -= n;
    return static_cast<int>(n);
}

void SoftNic::unlink(uint16_t i)
{
    Slot& slot = slots_[i];
    Peer& peer = peers_[static_cast<size_t>(slot.dst_rank)];
    (slot.prev == kNone ? peer.head : slots_[slot.prev].next) = slot.next;
    (slot.next == kNone ? peer.tail : slots_[slot.next].prev) = slot.prev;
}

void SoftNic::push_event(SoftNicEvent::Kind kind, double time_ns, uint16_t i, unsigned piece)
{
    events_.push({.time_ns = static_cast<uint64_t>(time_ns), .serial = 0, .nic = static_cast<uint32_t>(config_.rank),
                  .generation = slots_[i].generation, .slot = i, .kind = kind, .piece = static_cast<uint8_t>(piece)});
}

/* Where a piece of an operation begins: multiples of 8 bytes, so that words stay whole. */
uint64_t SoftNic::piece_begin(const Slot& slot, unsigned piece) const
{
    return piece == slot.n_pieces ? slot.op.n_bytes : slot.op.n_bytes / slot.n_pieces * piece & ~uint64_t{7};
}

}  // namespace pmx
