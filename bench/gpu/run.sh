#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# put_signal between two ranks of the GPU, pmx and the floor in turn with NVSHMEM, and the rates of the command queues:
# one table, and lines of JSON in OUT_DIR. Two ranks share the GPU by a server of MPS that lives as long as this script.
#
#   bench/gpu/run.sh [--runs N] [--no-nvshmem] [--no-rate] BUNDLE [OUT_DIR]
#
# BUNDLE is what bundle.sh has made; OUT_DIR is $OUT by default. Environment: NVSHMEM_DIR (include/ and lib/; default:
# the Python package nvidia-nvshmem-cu13), MPIRUN. Exit status: 0, 1 something failed or data were wrong.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

runs=3 nvshmem=yes rate=yes dirs=()
while [ $# -gt 0 ]; do
    case $1 in
    --runs) runs=$2; shift ;;
    --no-nvshmem) nvshmem=no ;;
    --no-rate) rate=no ;;
    -*) sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    *) dirs+=("$1") ;;
    esac
    shift
done
# shellcheck source=bench/gpu/job.sh
. "$here/job.sh" ${dirs[@]+"${dirs[@]}"}
start_mps

# Each rank has half of the GPU, which is what NVSHMEM wants for several of them on one.
export CUDA_MPS_ACTIVE_THREAD_PERCENTAGE=50
n_failed=0
lines=$out/put_signal.jsonl
: >"$lines"

run_pmx() {
    ranks 2 "$bundle/bin/put_signal" >"$scratch/pmx.jsonl" 2>"$scratch/err"
    local status=$?
    grep '^{' "$scratch/pmx.jsonl" >>"$lines"
    return $status
}
# The ways to bring NVSHMEM up that some machine needs; the first that works is kept.
nvshmem_ways=('NVSHMEM_DISABLE_CUDA_VMM=0' 'NVSHMEM_DISABLE_CUDA_VMM=1'
    'NVSHMEM_DISABLE_CUDA_VMM=1 NVSHMEM_BOOTSTRAP_UID_SOCK_IFNAME=lo')
run_nvshmem() {
    local way
    for way in "${nvshmem_ways[@]}"; do
        # shellcheck disable=SC2086  # a list of words
        LD_LIBRARY_PATH=$NVSHMEM_DIR/lib:$LD_LIBRARY_PATH ranks 2 env NVSHMEM_REMOTE_TRANSPORT=none \
            NVSHMEM_DISABLE_NVLS=1 NVSHMEM_SYMMETRIC_SIZE=512M $way "$nvshmem_program" \
            >"$scratch/nvshmem.jsonl" 2>"$scratch/err" || {
            echo "NVSHMEM does not work with $way: $(tail -n 3 "$scratch/err")" >&2
            continue
        }
        nvshmem_ways=("$way")
        grep '^{' "$scratch/nvshmem.jsonl" >>"$lines"
        return 0
    done
    return 1
}
find_nvshmem() {
    NVSHMEM_DIR=${NVSHMEM_DIR:-$(python3 -c 'import nvidia.nvshmem as n; print(list(n.__path__)[0])' 2>/dev/null)}
    [ -d "$NVSHMEM_DIR/lib" ] || { echo "there is no NVSHMEM here" >&2; return 1; }
    nvshmem_program=$bundle/bin/nvshmem_put_signal
    [ -x "$nvshmem_program" ] && return 0
    nvshmem_program=$scratch/nvshmem_put_signal
    "$here/../nvshmem/build.sh" --with-nvshmem="$NVSHMEM_DIR" "$nvshmem_program" >&2
}

if [ $nvshmem = yes ] && ! find_nvshmem; then
    nvshmem=no n_failed=$((n_failed + 1))
fi
for ((i = 1; i <= runs; i++)); do
    echo "run $i of $runs" >&2
    run_pmx || { echo "put_signal failed: $(cat "$scratch/err")" >&2; n_failed=$((n_failed + 1)); }
    if [ $nvshmem = yes ] && ! run_nvshmem; then
        nvshmem=no n_failed=$((n_failed + 1))
    fi
done
unset CUDA_MPS_ACTIVE_THREAD_PERCENTAGE
describe_machine >"$out/machine.txt"
cat "$out/machine.txt"
awk -v json="$out/put_signal_medians.jsonl" -f "$here/json.awk" -f "$here/table.awk" "$lines" | tee "$out/put_signal.txt"

if [ $rate = yes ]; then
    timeout -k 5 120 "$bundle/bin/rate" >"$out/rate.jsonl" || { echo "rate failed" >&2; n_failed=$((n_failed + 1)); }
    cat "$out/rate.jsonl"
fi
[ $n_failed -eq 0 ]
