#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Builds put_signal of NVSHMEM. Nothing else of pmx needs NVSHMEM.
#
#   bench/nvshmem/build.sh [--with-nvshmem=DIR] PROGRAM
#
# DIR has include/ and lib/; by default that of the Python package nvidia-nvshmem-cu13. The program finds the library
# there by LD_LIBRARY_PATH. Environment: NVCC, NVCC_GENCODE (default sm_90), MPI_CFLAGS, MPI_LIBS (default: of mpicxx).
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dir='' program=''
for arg in "$@"; do
    case $arg in
    --with-nvshmem=*) dir=${arg#*=} ;;
    *) program=$arg ;;
    esac
done
[ -n "$program" ] || { sed -n '3,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
[ -n "$dir" ] || dir=$(python3 -c 'import nvidia.nvshmem as n; print(list(n.__path__)[0])')
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
libs=("$dir"/lib/libnvshmem_host.so*)

# shellcheck disable=SC2206  # lists of words
flags=(-std=c++17 -O2 -rdc=true ${NVCC_GENCODE:--gencode arch=compute_90,code=sm_90} -Iinclude "-I$dir/include"
    ${MPI_CFLAGS-$(mpicxx --showme:compile | sed 's/-pthread//g')})
# shellcheck disable=SC2206
mpi_libs=(${MPI_LIBS-$(mpicxx --showme:libdirs | sed 's/[^ ]*/-L&/g') -lmpi})
"$nvcc" "${flags[@]}" bench/nvshmem/put_signal.cu -o "$program" \
    "-L$dir/lib" "-l:$(basename "${libs[0]}")" -lnvshmem_device "${mpi_libs[@]}"
