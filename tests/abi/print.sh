#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Prints what programs have compiled in: constants, and size and offsets of structs, of pmx.h and pmx_moe.h; without the
# sizes of the layer's structs, which may grow.
#   print.sh AWK CC SOURCE_DIR FOLDER HEADERS-OF-LIBPMX     files are made in FOLDER
awk=$1 cc=$2 source=$3 folder=$4 headers=$5
module() { # NAME HEADER OPTION...
    name=$1 header=$2
    shift 2
    "$awk" -f "$source/api/calls.awk" -f "$source/api/fortran.awk" -f "$source/api/fortran_types.awk" \
        -f "$source/api/fortran_module.awk" -v include="$source/include" -v template="$source/api/$name.f90.in" "$@" \
        "$source/api/calls.def" >"$folder/$name.f90" &&
        "$awk" -f "$source/tests/fortran/layout.awk" -v to=c -v include="$header" "$folder/$name.f90" >"$folder/$name.c" &&
        $cc -I"$folder" -I"$source/include" "$folder/$name.c" -o "$folder/$name" && "$folder/$name"
}
printf '#include <pmx.h>\n#include <pmx_gpu.h>\n#include <pmx_job.h>\n' >"$folder/both.h"
module pmx both.h -v header="$headers" || exit 1
module pmx_moe pmx_moe.h -v header=pmx_moe.h -v uses=pmx.h >"$folder/moe" || exit 1
grep -v '^pmx_moe_[a-z]*_t ' "$folder/moe"
