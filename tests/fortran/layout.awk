# SPDX-License-Identifier: BSD-3-Clause
# From the source of a Fortran module: a program that prints the constants, and size and offsets of the types, in Fortran
# (-v to=fortran) or in C (-v to=c). The two print the same.

function say(label, f, c) {
    if (to == "c") print "    printf(\"" label " %lld\\n\", (long long)(" c "));"
    else print "  print '(a,1x,i0)', \"" label "\", " f
}

BEGIN {
    if (to == "c") print "#include <stddef.h>\n#include <stdio.h>\n#include <" include ">\nint main(void)\n{"
    else print "program layout\n  use " module "\n  implicit none"
}
/^  type, bind\(C\) :: / { type = $4; next }
/^  end type/ { types[++n_types] = type; type = ""; next }
type != "" && / :: / {
    component = $0
    sub(/.* :: /, "", component)
    sub(/[ (].*/, "", component)
    if ($0 !~ /:: handle = 0/) components[n_types + 1] = components[n_types + 1] " " component
}
/^  integer\(c_int\), parameter :: / { constants[++n_constants] = $4 }
END {
    if (to != "c")
        for (i = 1; i <= n_types; i++) print "  type(" types[i] "), target :: x" i
    for (i = 1; i <= n_constants; i++) {
        c_name = constants[i]
        sub(/_NUMBER$/, "", c_name)
        sub(/^PMX_SIGOP_/, "PMX_SIGNAL_", c_name)
        say(constants[i], constants[i], c_name)
    }
    for (i = 1; i <= n_types; i++) {
        say(types[i], "c_sizeof(x" i ")", "sizeof(" types[i] ")")
        n = split(components[i], word, " ")
        for (j = 1; j <= n; j++)
            say(types[i] "." word[j], "loc(x" i "%" word[j] ") - loc(x" i ")", "offsetof(" types[i] ", " word[j] ")")
    }
    print to == "c" ? "    return 0;\n}" : "end program"
}
