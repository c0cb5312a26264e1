# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Soaks; sourced after tests/lib.sh.
#
#   soak N_OPERATIONS SEED NAME=VALUE...   one job of four ranks, with faults that come and go; adds to $n_operations

program=$build/tests/soak/soak_ranks
[ -x "$program" ] || skip "soak_ranks is not built"
export PMX_HEAP_SIZE=16m PMX_QUEUE_DEPTH=64 PMX_SOFTNIC_SWITCH=$scratch/switch
export PMX_SOFTNIC_FAULTS=again=100:40,late=300:400,loss=1000:300
n_operations=0

soak() {
    local n=$1 seed=$2
    shift 2
    printf 0 >"$scratch/switch"
    (
        export "${@?}"
        ranks 4 "$program" "$n" "$seed"
    ) >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/out" "$scratch/err"
        fail "$n operations from seed $seed with $*"
    }
    n_operations=$((n_operations + $(sed -n 's/^\([0-9]*\) operations in .*, none lost$/\1/p' "$scratch/out")))
}
