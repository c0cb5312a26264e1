#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The Mixture-of-Experts layer as a kernel, by pmx_moe --device gpu: checked against the oracle on small shapes by 1 to 8
# ranks, over CUDA IPC and over the software NIC, which reorders; then timed alone on shapes of models, and by several
# ranks beside computing and communicating alone. Lines of JSON in OUT_DIR/moe.jsonl.
#
#   bench/gpu/moe.sh [--no-check] [--no-times] [--no-ranks] [--quick] BUNDLE [OUT_DIR]
#
# BUNDLE is what bundle.sh has made; OUT_DIR is $OUT by default; --quick: some of each. Exit status: 0, 1 something failed
# or a result is wrong.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

check=yes times=yes several=yes quick=no dirs=()
for arg; do
    case $arg in
    --no-check) check=no ;;
    --no-times) times=no ;;
    --no-ranks) several=no ;;
    --quick) quick=yes ;;
    -*) sed -n '3,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
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
    if ranks "$n" "$bundle/bin/pmx_moe" --device gpu --json --check "$@" >"$scratch/lines" 2>"$scratch/err"; then
        n_good=$((n_good + 1))
    else
        echo "$n ranks, $*: status $?:" >&2
        grep '^pmx' "$scratch/err" | head -n 5 >&2
        grep '"ok":false' "$scratch/lines" >&2
        n_failed=$((n_failed + 1))
    fi
    cat "$scratch/lines" >>"$out/moe.jsonl"
}
modes=('deferred grouped' 'ordered grouped' 'stall-rank coupled' 'stall-all coupled')
if [ $quick = yes ]; then modes=('deferred grouped' 'stall-all coupled'); fi
in_mode() { # MODE N_RANKS OPTION...
    moe "${@:2}" --transport softnic --order "${1% *}" --signals "${1#* }"
}

describe_machine
if [ $check = yes ]; then
    declare -A tokens=([1]='300' [2]='0,300' [4]='0,1,33,300' [8]='0,1,33,300,7,64,257,2')
    counts='1 2 4 8'
    if [ $quick = yes ]; then counts='1 4'; fi
    for n in $counts; do
        for shape in "--shape 256,128,16,4 --tokens ${tokens[$n]} --graph" \
            '--preset gpt-oss-20b --widths 2880,2880,8 --tokens 50 --samples 4' \
            '--shape 64,48,8,1 --tokens 40 --activation geglu-tanh' \
            "--shape 256,128,16,4 --tokens ${tokens[$n]} --activation gelu" \
            '--preset qwen3-next-80b-a3b --widths 272,80,32 --tokens 65 --graph' \
            '--preset llama4-scout --widths 1040,144,16 --tokens 60 --activation relu' \
            '--shape 272,80,32,8 --tokens 257 --routing zipf:1.5 --samples 64' \
            '--shape 272,80,8,4 --tokens 257 --routing zipf:1.5 --expert-map 7,6,5,-1,4,3,2,1,0,0,0,5,-1,3,2,1 --samples 64' \
            '--shape 272,80,32,8 --tokens 257 --routing zipf:1.5 --capacity 37' \
            '--shape 64,48,8,3 --tokens 100 --routing zipf:1 --capacity 9 --drop latest --expert-map 0,1,2,3,4,5,6,7,0,1,2,0,3,1,-1,6' \
            '--shape 1040,80,16,3 --tokens 60 --weight-on-input'; do
            # shellcheck disable=SC2086  # options
            moe "$n" $shape
            [ "$n" -gt 1 ] || continue
            for mode in "${modes[@]}"; do
                # shellcheck disable=SC2086
                in_mode "$mode" "$n" $shape
            done
        done
    done
    echo "checked: $n_good runs good, $n_failed failed"
fi
if [ $times = yes ]; then
    alone=(--samples 2 --warmup 3)
    few='64 8192' all='64 512 2048 8192 32768'
    if [ $quick = no ]; then few=$all; fi
    for n in $few; do moe 1 --shape qwen3-30b-a3b --tokens "$n" --iters 40 "${alone[@]}"; done
    moe 1 --shape qwen3-30b-a3b --tokens 8192 --iters 40 "${alone[@]}" --graph
    if [ $quick = no ]; then
        moe 1 --preset gpt-oss-120b --tokens 8192 --iters 20 "${alone[@]}"
        moe 1 --shape 7168,2048,32,8 --tokens 8192 --iters 20 "${alone[@]}"
        moe 1 --shape qwen3-235b-a22b --tokens 8192 --iters 20 "${alone[@]}"
    fi
fi
if [ $several = yes ]; then
    counts='2 4 8' profiles='slingshot11 cx7-ndr'
    if [ $quick = yes ]; then counts=8 profiles=slingshot11; fi
    for n in $counts; do
        for profile in $profiles; do
            export PMX_SOFTNIC_PROFILE=$profile
            for mode in "${modes[@]}"; do
                in_mode "$mode" "$n" --shape qwen3-30b-a3b --tokens 1024 --iters 20 --warmup 3 --samples 1 --alone
            done
        done
    done
    if [ $quick = no ]; then # the fewer tokens, the larger the share of waiting
        export PMX_SOFTNIC_PROFILE=slingshot11
        for n_tokens in 16 64 256 1024; do
            for mode in 'stall-all coupled' 'stall-all grouped' 'ordered coupled' 'ordered grouped'; do
                in_mode "$mode" 8 --shape qwen3-30b-a3b --tokens "$n_tokens" --iters 20 --warmup 3 --samples 1
            done
        done
    fi
fi
grep -h '^{' "$out/moe.jsonl" | tail -n 40
[ $n_failed -eq 0 ]
