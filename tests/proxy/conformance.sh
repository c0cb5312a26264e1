# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the conformance_*.test scripts share: one set of promises, the program conformance, over one transport.
#
#   conform N OPTION...   runs it as N ranks; PMX_X=y before it reaches all ranks
#   find_out N OPTION...  a mode that orders nothing must be found out, with one of a few seeds: when all ranks share
#                         a busy core, a rank may look so late that all has come

. "$top_srcdir/tests/lib.sh"
conformance=$build/tests/proxy/conformance
[ -x "$conformance" ] || skip "conformance is not built"
export PMX_HEAP_SIZE=256m

conform() {
    local n=$1
    shift
    ranks "$n" "$conformance" "$@" >"$scratch/out" 2>"$scratch/err" || {
        cat "$scratch/out" "$scratch/err"
        fail "$n ranks: a promise is broken, or a call failed"
    }
    cat "$scratch/out"
    grep -q 'kept$' "$scratch/out" || fail "$n ranks: no mode ran"
}

# usable PROVIDER: skips unless it works here
usable() {
    [ -x "$build/tools/pmx_info" ] || return 0
    "$build/tools/pmx_info" --transports | grep -qF "$1" || skip "libfabric has no provider $1 here"
}

find_out() {
    local n=$1 seed
    shift
    for seed in 1 2 3 4 5 6 7 8; do
        PMX_SOFTNIC_SEED=$seed ranks "$n" "$conformance" none "$@" >"$scratch/out" 2>"$scratch/err"
        [ $? -eq 1 ] && grep -q 'was seen before its data' "$scratch/err" && return
    done
    cat "$scratch/out" "$scratch/err"
    fail "a mode that orders nothing passed"
}
