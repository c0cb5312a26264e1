# SPDX-License-Identifier: BSD-3-Clause
# The Fortran part of SYNOPSIS of a page for the calls named with -v names; nothing when Fortran has none of them. Behind
# calls.awk and fortran.awk.

# Parameters that are declared alike share a line.
function print_declarations(i,    j, k, text, line) {
    for (j = 1; j <= n_params[i]; j++) {
        text = declared(i, j)
        if (text == "" || (i, j) in done) continue
        line = text " :: " param[i, j]
        for (k = j + 1; k <= n_params[i]; k++)
            if (declared(i, k) == text) {
                line = line ", " param[i, k]
                done[i, k] = 1
            }
        print ".B \"    " line "\""
    }
}

function print_call(i,    what, n, lines, k) {
    what = ends_with_ierror(i) || result[i] == "nothing" ? "subroutine" : "function"
    n = split(wrapped(what " " name[i] "(" dummies(i) ")" \
        (what == "function" ? " result(" (pass[result[i]] == "text_out" ? "text" : "code") ")" : ""), ""), lines, "\n")
    print ".PP"
    for (k = 1; k <= n; k++) print ".B \"" lines[k] "\""
    print_declarations(i)
    if (what == "function") print ".B \"    " fortran[result[i]] " :: " (pass[result[i]] == "text_out" ? "text" : "code") "\""
    if (ends_with_ierror(i)) with_ierror = 1
}

END {
    if (failed) exit 1
    n_names = split(names, wanted, " ")
    for (w = 1; w <= n_names; w++)
        for (i = 1; i <= n_calls; i++) {
            if (name[i] != wanted[w] || !has_fortran(i)) continue
            if (!n_printed++) {
                print ".\\\" begin fortran: made by make update-man\n.SS Fortran\n.nf"
                print ".B use " (header_of[i] == "pmx_moe.h" ? "pmx_moe" : "pmx")
            }
            print_call(i)
        }
    if (with_ierror) print ".PP\n.B \"    integer(c_int), intent(out), optional :: ierror\""
    if (n_printed) print ".fi\n.\\\" end fortran"
}
