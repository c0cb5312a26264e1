# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# job.sh BUNDLE [OUT_DIR]: sourced by run.sh and perf.sh: programs of a bundle under mpirun, several ranks on the GPU by
# MPS. Gives $bundle, $out, $scratch, LD_LIBRARY_PATH, ranks, start_mps and describe_machine, and clears up at the end.
bundle=$(cd "${1:?a bundle must be named}" && pwd) || exit 2
out=${2:-${OUT:?a folder for the results must be named}}
mkdir -p "$out" || exit 2
scratch=$(mktemp -d /tmp/pmx-XXXXXX) || exit 1
trap 'stop_mps; rm -rf "$scratch"' EXIT

# What the machine has itself is its own: its MPI must not meet other versions of what it uses.
mkdir "$scratch/lib"
for library in "$bundle"/lib/*.so*; do
    ldconfig -p | grep -qF "$(basename "$library") " || ln -s "$library" "$scratch/lib/"
done
export LD_LIBRARY_PATH=$scratch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# ranks N COMMAND...: at most two minutes
ranks() {
    local n=$1
    shift
    timeout -k 5 120 "${MPIRUN:-mpirun}" --allow-run-as-root --oversubscribe --bind-to none --mca pml ob1 \
        --mca btl self,vader --mca btl_vader_single_copy_mechanism none -n "$n" "$@"
}

start_mps() {
    export CUDA_MPS_PIPE_DIRECTORY=$scratch/mps CUDA_MPS_LOG_DIRECTORY=$scratch/mps-log
    mkdir "$CUDA_MPS_PIPE_DIRECTORY" "$CUDA_MPS_LOG_DIRECTORY"
    nvidia-cuda-mps-control -d || { echo "MPS does not start" >&2; exit 1; }
    mps=yes
}
stop_mps() {
    [ "${mps-no}" = yes ] || return 0
    echo quit | timeout -k 5 20 nvidia-cuda-mps-control >/dev/null 2>&1
}

describe_machine() {
    nvidia-smi --query-gpu=name,driver_version,clocks.sm,clocks.mem --format=csv,noheader
    echo "$(nproc) cores, Linux $(uname -r), $(date -u +%F)"
}
