# SPDX-License-Identifier: BSD-3-Clause
# pmx_profile.h: the prototypes of the profiling names.
BEGIN {
    print "/* SPDX-License-Identifier: BSD-3-Clause */"
    print "/* pmx_profile.h: the profiling names. ppmx_x is pmx_x of the library for a tool that puts its own pmx_x before it,"
    print " * in the program or in a preloaded library. Declares the calls of the headers of pmx included before it. */"
    print "#include \"pmx.h\"\n"
    print "#ifdef __cplusplus\nextern \"C\" {\n#endif"
}
END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) {
        if (header_of[i] != last) {
            if (last != "") print "#endif"
            last = header_of[i]
            guard = toupper(last)
            sub(/\./, "_", guard)
            print "\n#ifdef " guard
        }
        print "PMX_API " prototype(i, "p")
    }
    print "#endif\n\n#ifdef __cplusplus\n}\n#endif"
}
