#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Mixture-of-Experts layer as a kernel: checked against the oracle on small shapes by 1 to 8 ranks, over CUDA IPC and
# over the software NIC, which reorders; then timed alone on shapes of models. Lines of JSON in OUT_DIR/moe.jsonl.
#
#   bench/gpu/moe.sh [--no-check] [--no-times] BUNDLE [OUT_DIR]
#
# BUNDLE is what bundle.sh has made; OUT_DIR is $OUT by default. Exit status: 0, 1 something failed or a result is wrong.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

check=yes times=yes dirs=()
for arg; do
    case $arg in
    --no-check) check=no ;;
    --no-times) times=no ;;
    -*) sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    *) dirs+=("$arg") ;;
    esac
done
# shellcheck source=bench/gpu/job.sh
. "$here/job.sh" ${dirs[@]+"${dirs[@]}"}
start_mps
export PMX_TIMEOUT=30s
n_good=0 n_failed=0
: >"$out/moe.jsonl"

moe() { # N_RANKS OPTION...
    local n=$1
    shift
    if ranks "$n" "$bundle/bin/moe" "$@" >"$scratch/lines" 2>"$scratch/err"; then
        n_good=$((n_good + 1))
    else
        echo "$n ranks, $*, ${PMX_TRANSPORT-} ${PMX_ORDER-} ${PMX_SIGNALS-}: status $?:" >&2
        grep -v '^--' "$scratch/err" | head -n 5 >&2
        grep '"ok": false' "$scratch/lines" >&2
        n_failed=$((n_failed + 1))
    fi
    cat "$scratch/lines" >>"$out/moe.jsonl"
}

describe_machine
if [ $check = yes ]; then
    export PMX_GPU_HEAP_SIZE=256M
    for n in 1 2 4 8; do
        for shape in '--hidden 256 --intermediate 128 --experts 16 --top-k 4 --tokens 0,1,33,300' \
            '--hidden 2880 --intermediate 2880 --experts 8 --top-k 4 --tokens 50 --activation 1 --biases 1' \
            '--hidden 64 --intermediate 48 --experts 8 --top-k 1 --tokens 40 --activation 3' \
            '--hidden 272 --intermediate 80 --experts 32 --top-k 8 --tokens 257 --skew 1.5'; do
            # shellcheck disable=SC2086  # options
            moe $n $shape --iters 3
            [ $n -gt 1 ] || continue
            for mode in 'ordered grouped' 'deferred grouped' 'stall-all coupled'; do
                # shellcheck disable=SC2086
                PMX_TRANSPORT=softnic PMX_ORDER=${mode% *} PMX_SIGNALS=${mode#* } moe $n $shape --iters 3
            done
        done
    done
    echo "checked: $n_good runs good, $n_failed failed"
fi
if [ $times = yes ]; then
    export PMX_GPU_HEAP_SIZE=8G
    moe 1 --iters 40 --tokens 64,512,2048,8192
    moe 1 --iters 20 --samples 2 --tokens 32768
    moe 1 --iters 20 --samples 2 --hidden 7168 --intermediate 2048 --experts 32 --tokens 8192
    moe 1 --iters 20 --samples 2 --hidden 4096 --intermediate 1536 --tokens 8192
    moe 1 --iters 20 --samples 2 --hidden 2880 --intermediate 2880 --top-k 4 --tokens 8192 --activation 1 --biases 1
    grep -h '^{' "$out/moe.jsonl" | tail -n 8
fi
[ $n_failed -eq 0 ]
