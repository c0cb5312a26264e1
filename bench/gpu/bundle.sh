#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Collects what a machine with a GPU, CUDA's driver and an MPI needs to run the GPU tests and benchmarks: programs in
# bin/, libraries in lib/ (those of MPI are left out), and these scripts; less than 64 MiB in all. There, in BUNDLE:
# bench/gpu/run.sh . OUT_DIR
#
#   bench/gpu/bundle.sh [--with-nvshmem=DIR] BUILD_DIR BUNDLE
#
# BUILD_DIR: make has been there, and make bench/gpu/put_signal bench/gpu/rate tests/gpu/ranks_gpu tests/gpu/device_gpu;
# what is not built is left out.
# DIR: builds the program of NVSHMEM, too, which else run.sh builds on that machine.
set -eu
source=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

nvshmem='' dirs=()
for arg in "$@"; do
    case $arg in
    --with-nvshmem=*) nvshmem=${arg#*=} ;;
    *) dirs+=("$arg") ;;
    esac
done
[ ${#dirs[@]} -eq 2 ] || { sed -n '3,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
build=${dirs[0]}
rm -rf "${dirs[1]}"
mkdir -p "${dirs[1]}/bin" "${dirs[1]}/lib"
bundle=$(cd "${dirs[1]}" && pwd)

# What libtool links lies in .libs when it uses a shared library that is not installed.
for program in bench/gpu/put_signal bench/gpu/rate tests/gpu/ranks_gpu tests/gpu/device_gpu tools/pmx_moe tools/pmx_perf tools/pmx_info; do
    built=$build/$(dirname $program)/.libs/$(basename $program)
    [ -e "$built" ] || built=$build/$program
    [ -e "$built" ] || { echo "$program is not built, and left out" >&2; continue; }
    cp "$built" "$bundle/bin/"
done
[ -z "$nvshmem" ] || "$source/bench/nvshmem/build.sh" --with-nvshmem="$nvshmem" "$bundle/bin/nvshmem_put_signal"
cp -L "$build"/.libs/libpmx.so.? "$build"/.libs/libpmx_moe.so.? "$bundle/lib/"
(cd "$source" && cp --parents bench/gpu/* bench/nvshmem/* include/* "$bundle/")

mpi='libmpi|libopen-|liboshmem|libpmix|libevent|libucm|libucp|libucs|libuct|libmunge|libz\.|libltdl'
system='linux-vdso|ld-linux|libc\.|libm\.|libdl\.|librt\.|libpthread|libstdc\+\+|libgcc_s|libpmx|libcuda|libnvshmem'
LD_LIBRARY_PATH=$bundle/lib ldd "$bundle"/bin/* "$bundle"/lib/*.so* | awk '/=> \// { print $1, $3 }' | sort -u |
    grep -vE "^($mpi|$system)" | while read -r name path; do cp -L "$path" "$bundle/lib/$name"; done
strip --strip-unneeded "$bundle"/bin/* "$bundle"/lib/*

n_kib=$(du -sk "$bundle" | cut -f1)
echo "$bundle: $n_kib KiB, $(find "$bundle" -type f | wc -l) files"
[ "$n_kib" -lt 65536 ] || { echo "more than 64 MiB" >&2; exit 1; }
