#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Prints a page of section 3 with the Fortran part of its SYNOPSIS as api/calls.def has it:
#   fortran.sh AWK SOURCE_DIR PAGE
awk=$1 source=$2 page=$3
names=$(sed -n '/^\.SH NAME/{n;s/ \\-.*//;s/,//g;p;}' "$page")
part=$("$awk" -f "$source/api/calls.awk" -f "$source/api/fortran.awk" -f "$source/api/synopsis.awk" -v names="$names" \
    "$source/api/calls.def") || exit 1
sed '/^\.\\" begin fortran/,/^\.\\" end fortran/d' "$page" | while IFS= read -r line; do
    if [ "$line" = '.SH DESCRIPTION' ] && [ -n "$part" ]; then printf '%s\n' "$part"; fi
    printf '%s\n' "$line"
done
