/* SPDX-License-Identifier: BSD-3-Clause */
/* transport_verbs_post.cc: from operations to chains of work requests, one doorbell for each chain. */
#include <endian.h>

#include <algorithm>
#include <cstring>

#include "heap_map.h"
#include "transport_verbs_impl.h"

namespace pmx {

namespace {

/* So often a work request asks for a completion, besides the last of each chain. A completion tells of all
 * before it; more of them tell earlier, which only parked signals need. */
constexpr uint64_t kSignalEvery = 16;

}  // namespace

int VerbsTransport::post(int dst_rank, std::span<const Op> ops)
{
    if (dst_rank < 0 || size_t(dst_rank) >= peers_.size()) return PMX_ERR_RANK;
    Peer& peer = peers_[size_t(dst_rank)];
    if (peer.failed) return PMX_ERR_PEER_FAILED;

    size_t n_taken = 0;
    const size_t channel = ops.empty() ? 0 : channel_of_[ops.front().stream];
    Run run;
    for (; n_taken < std::min(ops.size(), kChain); n_taken++) {
        const Op& op = ops[n_taken];
        if (channel_of_[op.stream] != channel) break;
        if (run.takes(op) && room(queues_[run.queue])) {
            extend(run, op);
            continue;
        }
        if (op.n_bytes > caps_.max_put_bytes) {
            if (n_taken == 0) return PMX_ERR_ARGUMENT;
            break;
        }
        if (must_wait(peer, op)) break;
        const Path path = path_of(peer, op);
        if (path == Path::message && peer.free_messages.empty()) break;
        const unsigned i = pick_queue(channel, dst_rank, peer);
        const size_t queue = queue_index(channel, dst_rank, i);
        const size_t n_needed = must_flush(peer, op) ? 2 : 1;
        if (room(queues_[queue]) < n_needed || chains_[i].n + n_needed > kChain) break;
        append(chains_[i], queue, peer, op, path);
        run = {};
        if (path == Path::write && op.kind == OpKind::signal_set) run = {&chains_[i], queue, op.cookie, op.dst_off + 8};
    }
    for (unsigned i = 0; i < verbs_.n_qps; i++)
        if (!ring(chains_[i], queue_index(channel, dst_rank, i)))
            break_peer(dst_rank); /* poll() tells what becomes of them */
    return int(n_taken);
}

const VerbsAddress::Part& VerbsTransport::part_of(const Peer& peer, uint64_t off)
{
    return HeapMap::is_gpu(off) ? peer.at.gpu : peer.at.host;
}

/* A signal that must stay behind what was posted before it cannot be placed by the target's card while
 * earlier ones wait for the target's processor: it goes after them, as a message. The processor does not reach a GPU. */
VerbsTransport::Path VerbsTransport::path_of(const Peer& peer, const Op& op) const
{
    if (op.kind == OpKind::put) return Path::write;
    if (op.kind == OpKind::get) return Path::read;
    if (HeapMap::is_gpu(op.dst_off)) return op.kind == OpKind::signal_set ? Path::write : Path::atomic;
    if (op.flags & kOpCounted) return Path::message;
    if ((op.flags & (kOpFence | kOpOrdered)) && peer.n_messages) return Path::message;
    if (op.kind == OpKind::signal_set) return Path::write;
    return mine_.port.native_add ? Path::atomic : Path::message;
}

/* The target's card would place this one before its processor has applied a message with a fence, or one that it must
 * stay behind. */
bool VerbsTransport::must_wait(const Peer& peer, const Op& op) const
{
    if (peer.n_messages == 0 || path_of(peer, op) == Path::message) return false;
    return peer.n_fenced_messages != 0 || (op.flags & (kOpFence | kOpOrdered));
}

/* From the card to a GPU and to host memory lead two ways, and what was sent first may arrive last, even when it is
 * complete. A read pushes before it all that was written on its way (PCI Express: a completion does not pass posted
 * writes). So a signal in one part of the heap waits for a read from the other, when that was written. */
bool VerbsTransport::must_flush(const Peer& peer, const Op& op) const
{
    return caps_.gpu && is_signal(op) && (HeapMap::is_gpu(op.dst_off) ? peer.wrote_host : peer.wrote_gpu);
}

void VerbsTransport::append_flush(Chain& chain, size_t queue, Peer& peer, const Op& op)
{
    const bool of_gpu = !HeapMap::is_gpu(op.dst_off);
    const VerbsAddress::Part& part = of_gpu ? peer.at.gpu : peer.at.host;
    ibv_send_wr& request =
        next_request(chain, queue, {0, Sort::own}, next_cell(queue), sizeof(uint64_t), queues_[queue].cell_key);
    request.opcode = IBV_WR_RDMA_READ;
    request.wr.rdma.remote_addr = part.base;
    request.wr.rdma.rkey = part.strict_key;
    (of_gpu ? peer.wrote_gpu : peer.wrote_host) = false;
    sent_.flushes++;
}

void VerbsTransport::note_write(Peer& peer, const Op& op) const
{
    if (op.kind != OpKind::get) (HeapMap::is_gpu(op.dst_off) ? peer.wrote_gpu : peer.wrote_host) = true;
}

/* Queue pairs in turn; one that is full is passed over. */
unsigned VerbsTransport::pick_queue(size_t channel, int dst_rank, Peer& peer) const
{
    for (unsigned tries = 0; tries < verbs_.n_qps; tries++) {
        const unsigned i = peer.next_queue;
        peer.next_queue = (peer.next_queue + 1) % verbs_.n_qps;
        if (room(queues_[queue_index(channel, dst_rank, i)])) return i;
    }
    return peer.next_queue;
}

/* The cell that goes with the next number of this queue. */
void* VerbsTransport::next_cell(size_t queue)
{
    return queues_[queue].cells[queues_[queue].n_posted % mine_.send_depth].bytes;
}

/* A work request with its piece of memory and its number, which next_cell() was taken for. Small pieces go
 * along with the request, so that the card need not fetch them. */
ibv_send_wr& VerbsTransport::next_request(Chain& chain, size_t queue, Posted posted, const void* from,
                                          size_t n_bytes, uint32_t local_key)
{
    Queue& to = queues_[queue];
    ibv_sge& piece = chain.pieces[chain.n];
    piece = {reinterpret_cast<uint64_t>(from), uint32_t(n_bytes), local_key};
    ibv_send_wr& request = chain.requests[chain.n];
    request = {};
    request.wr_id = id_of(queue, to.n_posted);
    request.sg_list = &piece;
    request.num_sge = 1;
    if (to.n_posted % kSignalEvery == 0) request.send_flags = IBV_SEND_SIGNALED;
    if (chain.n) chain.requests[chain.n - 1].next = &request;
    to.posted[to.n_posted % mine_.send_depth] = posted;
    to.n_posted++;
    chain.n++;
    return request;
}

void VerbsTransport::append(Chain& chain, size_t queue, Peer& peer, const Op& op, Path path)
{
    const bool flushed = must_flush(peer, op);
    if (flushed) append_flush(chain, queue, peer, op);
    if (path == Path::message)
        append_message(chain, queue, peer, op);
    else
        append_operation(chain, queue, peer, op, path);
    /* The flag holds it back until the read has ended. */
    if (flushed) chain.requests[chain.n - 1].send_flags |= IBV_SEND_FENCE;
    note_write(peer, op);
}

void VerbsTransport::append_operation(Chain& chain, size_t queue, Peer& peer, const Op& op, Path path)
{
    const bool signal = is_signal(op);
    void* const cell = next_cell(queue);
    if (signal) std::memcpy(cell, &op.value, sizeof op.value);
    const void* const from = signal ? cell : op.src;
    const size_t n_bytes = signal ? sizeof op.value : op.n_bytes;
    ibv_send_wr& request = next_request(chain, queue, {op.cookie, Sort::operation}, from, n_bytes,
                                        signal ? queues_[queue].cell_key : local(op.src).data()->lkey);
    const VerbsAddress::Part& part = part_of(peer, op.dst_off);
    const uint64_t to = part.base + (op.dst_off & (PMX_CMD_GPU_HEAP - 1));
    const uint32_t key = signal ? part.strict_key : part.data_key;
    /* The flag does not hold back writes: see caps_of(). */
    if (op.flags & kOpFence) request.send_flags |= IBV_SEND_FENCE;
    if (path == Path::atomic) {
        request.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD;
        request.wr.atomic.remote_addr = to;
        request.wr.atomic.rkey = key;
        request.wr.atomic.compare_add = op.value;
        return;
    }
    request.opcode = path == Path::read ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE;
    request.wr.rdma.remote_addr = to;
    request.wr.rdma.rkey = key;
    if (path == Path::read) return;
    if (n_bytes <= mine_.max_inline() && (signal || !mine_.gpu().holds(op.src))) {
        request.send_flags |= IBV_SEND_INLINE;
        sent_.inlines++;
    }
    if (op.kind == OpKind::put && (op.flags & kOpCounted)) {
        request.opcode = IBV_WR_RDMA_WRITE_WITH_IMM;
        request.imm_data = htobe32(VerbsImmediate::pack(op.stream, op.seq));
    }
}

/* The next word of a run: the target's card takes it with those before it. */
bool VerbsTransport::Run::takes(const Op& op) const
{
    return chain && op.kind == OpKind::signal_set && op.cookie == cookie && op.dst_off == next_off &&
           !(op.flags & (kOpFence | kOpCounted)) &&
           chain->pieces[chain->n - 1].length < sizeof(VerbsCell);
}

/* It has a number of its own, and no request: that of the first word ends with both. */
void VerbsTransport::extend(Run& run, const Op& op)
{
    Queue& to = queues_[run.queue];
    ibv_send_wr& request = run.chain->requests[run.chain->n - 1];
    ibv_sge& piece = run.chain->pieces[run.chain->n - 1];
    std::memcpy(reinterpret_cast<std::byte*>(piece.addr) + piece.length, &op.value, sizeof op.value);
    piece.length += sizeof op.value;
    if (piece.length > mine_.max_inline()) request.send_flags &= ~unsigned{IBV_SEND_INLINE};
    request.wr_id = id_of(run.queue, to.n_posted);
    to.posted[to.n_posted % mine_.send_depth] = {op.cookie, Sort::operation};
    to.n_posted++;
    run.next_off += sizeof op.value;
}

/* Posts what is in the chain, and empties it. False: the queue pair takes nothing more. */
bool VerbsTransport::ring(Chain& chain, size_t queue)
{
    if (chain.n == 0) return true;
    chain.requests[chain.n - 1].send_flags |= IBV_SEND_SIGNALED;
    sent_.chains++;
    sent_.requests += chain.n;
    chain.n = 0;
    ibv_send_wr* refused = nullptr;
    return ibv_post_send(queues_[queue].qp, chain.requests.data(), &refused) == 0;
}

}  // namespace pmx
