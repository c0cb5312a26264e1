#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# bench/latency/latency.sh [-b BUILD] [-o FILE] [-n RUNS]
#
# Latency between two ranks of this machine, by shared memory and by TCP on the loopback interface: put_signal, a put until
# it is complete, and barrier, beside the same with MPI (Open MPI) and the put of ucx_perftest (Debian: ucx-utils), in turn,
# RUNS (7) times. A row that cannot be had here is left out, with a line that says so.
#
# FILE (bench/results/latency.jsonl) gets a line of JSON for each measurement. The table goes to stdout; latency.jq makes it
# of FILE: medians over the runs, and how many times as fast pmx is.

set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$PWD out=$here/../results/latency.jsonl runs=7
while getopts b:o:n: option; do
    case $option in
    b) build=$(cd "$OPTARG" && pwd) || exit 2 ;;
    o) out=$OPTARG ;;
    n) runs=$OPTARG ;;
    *) exit 2 ;;
    esac
done
for program in jq mpirun "$build/bench/latency/pmx"; do
    command -v "$program" >/dev/null || { echo "SKIP: there is no $program"; exit 77; }
done
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

mark() { sed -n "s/^{/{\"fabric\":\"$fabric\",\"run\":$run,/p" >>"$scratch/all"; }
say() { echo "bench: $*" >&2; }

# job PROGRAM ARGUMENT-OF-MPIRUN...
job() {
    local program=$build/bench/latency/$1 status
    shift
    [ -x "$program" ] || { say "no $program"; return; }
    timeout 120 mpirun -n 2 --allow-run-as-root --oversubscribe --bind-to none --mca mpi_yield_when_idle 0 --mca pml ob1 \
        --mca btl_vader_single_copy_mechanism none "$@" "$program" </dev/null 2>"$scratch/err" | mark
    status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || { say "$program, $fabric: status $status"; cat "$scratch/err" >&2; }
}

# ucx N_BYTES: put_lat, which is half a round trip, without a signal of its own
ucx() {
    local server value='' k
    timeout 60 ucx_perftest -p "$port" >/dev/null 2>&1 </dev/null &
    server=$!
    for ((k = 0; k < 20 && ${#value} == 0; k++)); do # until the other one listens
        sleep 0.2
        value=$(timeout 60 ucx_perftest -p "$port" -t ucp_put_lat -s "$1" -n 10000 -w 500 localhost 2>/dev/null </dev/null |
            awk '$1 == "Final:" { print $3 }')
    done
    kill "$server" 2>/dev/null
    wait "$server" 2>/dev/null
    port=$((port + 1))
    [ -n "$value" ] || { say "ucx_perftest, $fabric, $1 bytes: nothing"; return; }
    printf '{"with":"ucx","what":"put_signal","n_bytes":%d,"p50_us":%s}\n' "$1" "$value" | mark
}

port=$((20000 + $$ % 10000))
command -v ucx_perftest >/dev/null || say "no ucx_perftest (Debian: ucx-utils)"
export FI_TCP_IFACE=lo PMX_HEAP_SIZE=4m
for ((run = 1; run <= runs; run++)); do
    for fabric in shm tcp; do
        case $fabric in
        shm)
            export PMX_TRANSPORT=shm UCX_TLS=self,posix
            job pmx --mca btl self,vader
            job mpi --mca btl self,vader
            ;;
        tcp)
            export PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' UCX_TLS=self,tcp UCX_NET_DEVICES=lo
            job pmx --mca btl self,vader
            job mpi --mca btl self,tcp --mca btl_tcp_if_include lo --mca osc ^sm
            ;;
        esac
        ! command -v ucx_perftest >/dev/null || for n_bytes in 8 4096; do ucx $n_bytes; done
        unset UCX_NET_DEVICES PMX_OFI_PROVIDER
    done
done
[ -s "$scratch/all" ] || { say "nothing was measured"; exit 1; }
mkdir -p "$(dirname "$out")" && cp "$scratch/all" "$out" && jq -rs -f "$here/latency.jq" "$out"
