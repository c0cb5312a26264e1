#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# nvcc.sh NVCC OPTION...: runs nvcc; options of the C++ compiler, such as the -fPIC of libtool, are handed on to it.
nvcc=$1
shift
options=()
for option; do
    case $option in
    -f* | -W[!l]* | -m[!adx]* | -pthread | -pipe | -g[0-9]*) options+=("-Xcompiler=$option") ;;
    *) options+=("$option") ;;
    esac
done
exec "$nvcc" "${options[@]}"
