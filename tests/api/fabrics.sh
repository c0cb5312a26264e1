# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Runs a program of tests/api as jobs of 1 to 8 ranks, each way that ranks can reach each other here.
#
#   on_fabrics PROGRAM   each job must end with 0 and print ok
#
# By tcp also with each way of progress, since it depends on the cores which one PMX_PROGRESS=auto is.

export PMX_HEAP_SIZE=32m

# job N PROGRAM
job() {
    ranks "$1" "$build/tests/api/$2" >"$scratch/out" 2>"$scratch/err" && grep -qx ok "$scratch/out" && return
    cat "$scratch/out" "$scratch/err"
    fail "$2 with $1 ranks, $(env | grep '^PMX_[OST]' | tr '\n' ' ')"
}

on_fabrics() {
    local n
    [ -x "$build/tests/api/$1" ] || skip "$1 is not built"
    for n in 1 2 3 5 8; do
        PMX_TRANSPORT=auto job "$n" "$1"
        PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' job "$n" "$1"
        PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on job "$n" "$1"
    done
    for n in proxy callers; do
        PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' PMX_PROGRESS=$n job 3 "$1"
    done
    echo "$1: shared memory, tcp, softnic"
}
