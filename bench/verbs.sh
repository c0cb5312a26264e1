#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/verbs.sh [-b BUILD] [-d "US..."] [-o FILE] [-i ITERS] [-n RANKS]
#
# What order costs over verbs, on soft-RoCE in the virtual machine of tests/lab/rdma-vm: pmx_perf in all order modes,
# on one queue pair to each rank and on four, with each of these delays on the wire (0 50 500 us each way).
#
#   fan         rank 0 sends 16 tiles of 1 KiB to each of RANKS-1 (8) others, which only wait: it has a processor of its
#               own, as a host in a cluster has, and the others share the second one
#   fan, all    each of RANKS sends to each of the others at once, on both processors
#   put_signal  rank 0 to rank 1, windows of 64
#   perftest    ib_write_lat and ib_write_bw beside them, without pmx
#
# FILE (bench/results/verbs.jsonl) gets a line of JSON for each row: that of pmx_perf with delay_us and qps in front.
# The tables go to stdout; verbs.jq makes them of FILE.

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$PWD delays='0 50 500' out=$here/results/verbs.jsonl iters=5 ranks=9
while getopts b:d:o:i:n: option; do
    case $option in
    b) build=$(cd "$OPTARG" && pwd) || exit 2 ;;
    d) delays=$OPTARG ;;
    o) out=$OPTARG ;;
    i) iters=$OPTARG ;;
    n) ranks=$OPTARG ;;
    *) exit 2 ;;
    esac
done

# ---- In the guest: lines on stdout ----

mark() { sed -n "s/^{/{\"delay_us\":$delay_us,\"qps\":$qps,/p"; }
# perf PLACE RANKS ARGUMENT...: PLACE is apart (rank 0 on processor 1, the others on 0) or free
perf() {
    local place=$1 n=$2 start=()
    shift 2
    # shellcheck disable=SC2016 # for the shell of each rank
    [ "$place" = free ] || start=(bash -c 'exec taskset -c $((OMPI_COMM_WORLD_LOCAL_RANK == 0)) "$@"' "$place")
    PMX_VERBS_QPS=$qps timeout 400 mpirun -n "$n" --allow-run-as-root --oversubscribe --bind-to none \
        --mca mpi_yield_when_idle 1 --mca pml ob1 --mca btl self,vader --mca btl_vader_single_copy_mechanism none \
        ${start[@]+"${start[@]}"} "$build/tools/pmx_perf" "$@" --transport verbs --table --json --warmup 0 </dev/null 2>"$log" | mark
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || { echo "bench: $*: status $status" >&2; cat "$log" >&2; }
}
# raw PROGRAM FIELD NAME OPTION...: FIELD of its last line
raw() {
    local program=$1 field=$2 name=$3 server value='' k
    shift 3
    command -v "$program" >/dev/null || { echo "bench: no $program (Debian: perftest)" >&2; return; }
    taskset -c 0 timeout 60 "$program" -d rx0 -x 1 -F "$@" >/dev/null 2>&1 </dev/null &
    server=$!
    for ((k = 0; k < 10 && ${#value} == 0; k++)); do # until the other one listens
        sleep 1
        value=$(taskset -c 1 timeout 60 "$program" -d rx1 -x 1 -F "$@" 10.89.0.1 2>/dev/null </dev/null |
            awk -v field="$field" '/^ *[0-9]/ { value = $field } END { print value }')
    done
    kill $server 2>/dev/null
    wait $server
    [ -n "$value" ] || { echo "bench: $program gave nothing" >&2; return; }
    printf '{"delay_us":%d,"tool":"%s","what":"%s","value":%s}\n' "$delay_us" "$program" "$name" "$value"
}
if [ "${BENCH_DELAY_US-}" ]; then
    delay_us=$BENCH_DELAY_US
    log=$(mktemp)
    export PMX_VERBS_DEVICE=rx0,rx1 PMX_VERBS_ACK_TIMEOUT=1s OPENBLAS_NUM_THREADS=1
    raw ib_write_lat 5 '8 bytes, median (us)' -s 8 -n 200
    raw ib_write_lat 5 '1 KiB, median (us)' -s 1024 -n 200
    raw ib_write_bw 4 '1 KiB (MB/s)' -s 1024 -n 500
    for qps in 1 4; do
        fan=(fan --groups --bytes 1024 --concurrency $((16 * (ranks - 1))) --iters "$iters")
        perf apart "$ranks" "${fan[@]}" --senders 1
        perf free "$ranks" "${fan[@]}"
        perf free 2 put_signal --bytes 1024 --concurrency 64 --iters $((2 * iters))
    done
    exit 0
fi

# ---- On this machine ----

for program in jq tee; do
    command -v "$program" >/dev/null || { echo "SKIP: there is no $program"; exit 77; }
done
[ -x "$build/tools/pmx_perf" ] || { echo "SKIP: $build/tools/pmx_perf is not built"; exit 77; }
mkdir -p "$(dirname "$out")" || exit 1
: >"$out.new"
for delay_us in $delays; do
    # Before all else that runs here: the emulated processors do not share theirs.
    nice -n -19 "$here/../tests/lab/rdma-vm" -d "${delay_us}us" -t 900 -w "$build" -- env BENCH_DELAY_US="$delay_us" \
        bash "$here/verbs.sh" -b "$build" -i "$iters" -n "$ranks" >"$out.part"
    status=$?
    sed -n '/^{/p' "$out.part" >>"$out.new"
    sed '/^{/d' "$out.part"
    rm -f "$out.part"
    [ $status -eq 0 ] || exit $status
done
mv "$out.new" "$out"
jq -rs -f "$here/verbs.jq" "$out"
