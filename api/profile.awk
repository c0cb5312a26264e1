# SPDX-License-Identifier: BSD-3-Clause
# The profiling names, as assignments for the linker: ppmx_x is where pmx_x is in the library, also when a program or a
# preloaded library has a pmx_x of its own, which calls ppmx_x.
END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) print "p" name[i] " = " name[i] ";"
}
