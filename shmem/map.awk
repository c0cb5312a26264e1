# SPDX-License-Identifier: BSD-3-Clause
# The version script of libpmx_shmem.
END {
    if (failed) exit 1
    print "PMX_SHMEM_0.1 {\n  global:"
    for (i = 1; i <= n_calls; i++) print "    shmem_" name[i] ";\n    pshmem_" name[i] ";"
    print "  local:\n    *;\n};"
}
