# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Runs programs of tests/shmem as jobs of several PEs.
#
#   pes N PROGRAM [ARGUMENT]   the job must end with 0 and print ok
#   on_fabrics PROGRAM         jobs of 1, 2, 3 and 5 PEs, each way that they can reach each other here

export SHMEM_SYMMETRIC_SIZE=24m

pes() {
    local n=$1 program=$2
    shift 2
    ranks "$n" "$build/tests/shmem/$program" "$@" >"$scratch/out" 2>"$scratch/err" && grep -qx ok "$scratch/out" && return
    cat "$scratch/out" "$scratch/err"
    fail "$program with $n PEs, $(env | grep '^PMX_[OST]' | tr '\n' ' ')"
}

on_fabrics() {
    local n many='1 2 3 5'
    [ -x "$build/tests/shmem/$1" ] || skip "$1 is not built"
    grep -q '^#define HAVE_MPI 1' "$build/config.h" || many=1
    for n in $many; do
        PMX_TRANSPORT=auto pes "$n" "$1"
        PMX_TRANSPORT=softnic PMX_SOFTNIC_REORDER=on pes "$n" "$1"
    done
    if grep -q '^#define HAVE_LIBFABRIC 1' "$build/config.h" && [ "$many" != 1 ]; then
        PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' pes 2 "$1"
    fi
    echo "$1: shared memory, softnic, tcp"
}
