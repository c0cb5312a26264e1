#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds and runs everything that needs a GPU, with nvcc and g++ alone: no MPI, no libfabric, no libtool. The last line
# is "N passed, N failed, N skipped"; exit status 0, 1 when something failed, 77 when nothing could be run.
#
#   tests/gpu/run.sh [--no-sanitizer] [--no-rate] [DIR]      DIR: where to build, kept; else a temporary one
#
# Environment: NVCC, CXX, NVCC_GENCODE (the GPU that is here), FMT_CFLAGS (where fmt's headers are: -isystem /place).
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 99

sanitizer=yes rate=yes dir=
for arg in "$@"; do
    case $arg in
    --no-sanitizer) sanitizer=no ;;
    --no-rate) rate=no ;;
    -*)
        sed -n '3,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 2
        ;;
    *) dir=$arg ;;
    esac
done
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
cxx=${CXX:-g++}
gencode=${NVCC_GENCODE:--arch=native}
n_passed=0 n_failed=0 n_skipped=0
passed() { echo "ok $1"; n_passed=$((n_passed + 1)); }
failed() { echo "FAIL $1"; n_failed=$((n_failed + 1)); }
skipped() { echo "SKIP $1"; n_skipped=$((n_skipped + 1)); }
finish() {
    echo "$n_passed passed, $n_failed failed, $n_skipped skipped"
    [ $n_failed -eq 0 ] || exit 1
    [ $n_passed -gt 0 ] || exit 77
    exit 0
}

command -v "$nvcc" >/dev/null || { skipped "everything: there is no nvcc"; finish; }
cuda=$(dirname "$(dirname "$(readlink -f "$(command -v "$nvcc")")")")
if [ -z "$dir" ]; then
    dir=$(mktemp -d) || exit 99
    trap 'rm -rf "$dir"' EXIT
fi
mkdir -p "$dir" || exit 99

# shellcheck disable=SC2206  # lists of words
flags=(-std=c++20 -O2 -DFMT_HEADER_ONLY -I. -Iinclude -Iproxy -Itests/gpu "-I$cuda/include" ${FMT_CFLAGS-})
# shellcheck disable=SC2206
gpu_flags=($gencode -Xcompiler '-Wall,-Wextra' -lineinfo)
host_sources=(proxy/command_queue proxy/engine proxy/engine_failure proxy/engine_order proxy/engine_post
    proxy/engine_report proxy/heartbeat proxy/order proxy/peer_state
    runtime/gpu_memory tests/gpu/machine_gpu tests/gpu/world)

build() { # OBJECT COMMAND...: in the background; a failure leaves OBJECT.bad
    local object=$1
    shift
    { "$@" -o "$object" >"$object.log" 2>&1 || touch "$object.bad"; } &
}
rm -f "$dir"/*.bad
objects=()
for name in "${host_sources[@]}"; do
    objects+=("$dir/${name//\//_}.o")
    build "$dir/${name//\//_}.o" "$cxx" "${flags[@]}" -Wall -Wextra -pthread -c "$name.cc"
done
build "$dir/cases.o" "$nvcc" "${flags[@]}" "${gpu_flags[@]}" -c tests/gpu/device.cu
build "$dir/rate.o" "$nvcc" "${flags[@]}" "${gpu_flags[@]}" -c tests/gpu/rate.cu
wait
for bad in "$dir"/*.bad; do
    [ -e "$bad" ] || continue
    cat "${bad%.bad}.log"
    failed "the build of ${bad%.bad}"
done
[ $n_failed -eq 0 ] || finish
link() { # PROGRAM OBJECT
    "$cxx" "$2" "${objects[@]}" -o "$1" "-L$cuda/lib64" -lcudart_static -lpthread -ldl -lrt
}
link "$dir/device_gpu" "$dir/cases.o" || { failed "the link"; finish; }
link "$dir/rate" "$dir/rate.o" || { failed "the link"; finish; }

# The cases, each counted.
timeout -k 5 300 "$dir/device_gpu" >"$dir/cases.log" 2>&1
status=$?
cat "$dir/cases.log"
if [ $status -eq 77 ]; then
    skipped "everything: there is no GPU"
    finish
fi
n_passed=$((n_passed + $(grep -c '^ok ' "$dir/cases.log")))
n_failed=$((n_failed + $(grep -c '^FAIL ' "$dir/cases.log")))
grep -q '^[0-9]* passed, [0-9]* failed$' "$dir/cases.log" || failed "device_gpu ended early with status $status"

# The same in small under the tools that find bad accesses, races in shared memory, and barriers that do not meet.
compute_sanitizer=$(command -v compute-sanitizer || echo "$cuda/bin/compute-sanitizer")
for tool in memcheck racecheck synccheck; do
    if [ $sanitizer = no ]; then
        skipped "$tool: not asked for"
    elif [ ! -x "$compute_sanitizer" ]; then
        skipped "$tool: there is no compute-sanitizer"
    elif timeout -k 5 200 "$compute_sanitizer" --tool "$tool" --error-exitcode 9 "$dir/device_gpu" --small \
        >"$dir/$tool.log" 2>&1; then
        passed "$tool: $(grep -E 'ERROR SUMMARY|RACECHECK SUMMARY' "$dir/$tool.log")"
    else
        tail -n 40 "$dir/$tool.log"
        failed "$tool"
    fi
done

if [ $rate = no ]; then
    skipped "rate: not asked for"
elif timeout -k 5 120 "$dir/rate"; then
    passed rate
else
    failed rate
fi
finish
