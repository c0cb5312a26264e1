# SPDX-License-Identifier: BSD-3-Clause
# shmem_calls.h, the prototypes; with -v prefix=p pshmem.h, those of the profiling names.
function typed(type, word) { return type (type ~ /\*$/ ? "" : " ") word }

BEGIN {
    guard = prefix == "" ? "SHMEM_CALLS_H" : "PSHMEM_H"
    print "/* SPDX-License-Identifier: BSD-3-Clause */"
    if (prefix == "") print "/* shmem_calls.h: the prototypes of OpenSHMEM. Part of shmem.h. Made of shmem/calls.def. */"
    else print "/* pshmem.h: the profiling names of OpenSHMEM. A tool that has a shmem_x of its own calls pshmem_x in it. */"
    print "#include \"shmem.h\"\n\n#ifndef " guard "\n#define " guard "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
}
END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) {
        attribute = name[i] == "global_exit" ? "SHMEM_NORETURN " : ""
        print attribute typed(result[i], prefix "shmem_" name[i]) "(" params[i] ");"
    }
    print "\n#ifdef __cplusplus\n}\n#endif\n#endif /* " guard " */"
}
