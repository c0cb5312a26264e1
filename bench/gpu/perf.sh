#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# pmx_perf by kernels: pairs of ranks over CUDA IPC, and the fan over the software NIC in all modes, with data and signals
# in GPU and in host memory, without and with groups. Tables, and lines of JSON in OUT_DIR/perf.jsonl.
#
#   bench/gpu/perf.sh [--ranks N] [--blocks N] [--iters N] [--memory WHERE] [--initiator WHO] BUNDLE [OUT_DIR]
#
# BUNDLE is what bundle.sh has made; OUT_DIR is $OUT by default. Exit status: 0, 1 something failed.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

n_ranks=8 n_blocks=1 iters=50 initiator=gpu memories=(host gpu) dirs=()
while [ $# -gt 0 ]; do
    case $1 in
    --ranks) n_ranks=$2; shift ;;
    --blocks) n_blocks=$2; shift ;;
    --iters) iters=$2; shift ;;
    --initiator) initiator=$2; shift ;;
    --memory) memories=("$2"); shift ;;
    -*) sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    *) dirs+=("$1") ;;
    esac
    shift
done
# shellcheck source=bench/gpu/job.sh
. "$here/job.sh" ${dirs[@]+"${dirs[@]}"}
[ "$initiator" = soft ] || start_mps

n_failed=0
: >"$out/perf.jsonl"
perf() { # N_RANKS OP OPTION...
    local n=$1
    shift
    ranks "$n" "$bundle/bin/pmx_perf" "$@" --initiator "$initiator" --json >"$scratch/lines" 2>"$scratch/err" || {
        echo "$n ranks, $*: status $?: $(grep -v '^--' "$scratch/err" | head -n 5)" >&2
        n_failed=$((n_failed + 1))
    }
    tee -a "$out/perf.jsonl" <"$scratch/lines" | awk -f "$here/json.awk" -f "$here/perf.awk"
}

[ "$initiator" = soft ] || describe_machine
for op in signal_pingpong put_signal put get; do
    perf 2 "$op" --bytes 8,4096,65536,1048576
done
export PMX_SOFTNIC_PROFILE=slingshot11
for memory in "${memories[@]}"; do
    for groups in '' --groups; do
        # shellcheck disable=SC2086  # an option or none
        perf "$n_ranks" fan --transport softnic --memory "$memory" --table --iters "$iters" --blocks "$n_blocks" $groups
    done
done
[ $n_failed -eq 0 ]
