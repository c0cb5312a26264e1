# SPDX-License-Identifier: BSD-3-Clause
# Reads shmem/calls.def, for the programs beside it:   awk -f calls.awk -f PROGRAM.awk calls.def
#
#   n_calls                     calls, those on a context included
#   name[i] result[i] params[i] of call i: without shmem_, and the parameters as in C
#   args[i]                     the names of its parameters, with ", " before each; those of the context left out
#   family[i] argument[i]       the function behind it, and the template argument of that ("" without one)
#   on_ctx[i]                   1 where it is the form on a context
#   n_rows  row_set[r] row_ctx[r] row_name[r] row_params[r] row_generic[r]   the rows; in_set[SET, t], type_name[t], type_like[t] (1 to n_types)
#   fail(text)                  ends the program with status 1

function fail(text) { print "shmem/calls.def: " text > "/dev/stderr"; failed = 1; exit 1 }

function arguments(list,    n, part, j, text) {
    if (list == "void") return ""
    n = split(list, part, /, */)
    for (j = 1; j <= n; j++) { sub(/.*[ *]/, "", part[j]); text = text ", " part[j] }
    return text
}

function add(row_result, row, list, type, c_type, has_ctx,    form) {
    for (form = 0; form <= has_ctx; form++) {
        n_calls++
        on_ctx[n_calls] = form
        family[n_calls] = row
        sub(/TYPENAME_|SIZE/, "", family[n_calls])
        argument[n_calls] = row ~ /SIZE/ ? "Bytes<" c_type ">" : c_type
        name[n_calls] = (form ? "ctx_" : "") row
        sub(/TYPENAME|SIZE/, type, name[n_calls])
        if (name[n_calls] in seen) fail("two calls " name[n_calls])
        seen[name[n_calls]] = 1
        result[n_calls] = row_result
        params[n_calls] = list
        sub(/^TYPE$/, c_type, result[n_calls])
        gsub(/TYPE /, c_type " ", params[n_calls])
        args[n_calls] = arguments(list)
        if (form) params[n_calls] = "shmem_ctx_t ctx" (list == "void" ? "" : ", " params[n_calls])
    }
}

function add_row(row,    field, n, t, i, part) {
    if (!match(row, /^call +[a-z-]+ +(ctx|typed|-) +/)) fail("not a call: " row)
    split(row, field, / +/)
    row = substr(row, RLENGTH + 1)
    i = index(row, "(")
    if (!i || row !~ /\)$/) fail("no parameters: " row)
    row_set[++n_rows] = field[2]
    row_ctx[n_rows] = field[3] == "ctx"
    row_generic[n_rows] = row ~ /TYPENAME/ && field[3] != "typed"
    row_params[n_rows] = substr(row, i + 1, length(row) - i - 1)
    row = substr(row, 1, i - 1)
    match(row, /.*[ *]/)
    part = substr(row, 1, RLENGTH)
    sub(/ $/, "", part)
    row_name[n_rows] = substr(row, RLENGTH + 1)
    if (field[2] == "-") { add(part, row_name[n_rows], row_params[n_rows], "", "", row_ctx[n_rows]); return }
    n = n_calls
    for (t = 1; t <= n_types; t++)
        if ((field[2], t) in in_set) add(part, row_name[n_rows], row_params[n_rows], type_name[t], type_c[t], row_ctx[n_rows])
    if (n == n_calls) fail("no type is in set " field[2])
}

FNR == 1 { n_types = 0 }
/^#/ || /^$/ { next }
/^type / {
    type_name[++n_types] = $2
    n_sets = split($3, sets, ",")
    for (j = 1; j <= n_sets; j++) {
        if (sub(/^like-/, "", sets[j])) type_like[n_types] = sets[j]
        else in_set[sets[j], n_types] = 1
    }
    sub(/^type +[^ ]+ +[^ ]+ +/, "")
    type_c[n_types] = $0
    next
}
/^call / { gsub(/ +/, " "); add_row($0); next }
{ fail("neither type nor call: " $0) }
