# SPDX-License-Identifier: BSD-3-Clause
# Reads api/calls.def, for the programs beside it:   awk -f calls.awk -f PROGRAM.awk [-v header=NAME] calls.def
#
#   n_calls                        those of the header (or headers, with blanks between), all without one
#   name[i] header_of[i] since[i] result[i]   of call i, 1 to n_calls; result is a kind
#   n_params[i]  param[i, j]  kind[i, j]      its parameters, j from 1
#   unit[k] c_type[k] pass[k] fortran[k]      of kind k
#   errors[i]                      the codes that it may return, with PMX_ERR_, a blank before each
#   fail(text)                     ends the program with status 1
#   prototype(i, prefix)           in C, with prefix before the name
#   has_fortran(i)                 whether the call is in a Fortran module

function fail(text) { print "calls.def: " text > "/dev/stderr"; failed = 1; exit 1 }

# The arguments of a row into out[1..]; commas within quotes do not count. Quotes are taken off.
function arguments(row, out,    n, rest, text) {
    sub(/^PMX_[A-Z]+\( */, "", row)
    sub(/\) *$/, "", row)
    for (n = 0; row != "";) {
        if (match(row, /^"[^"]*"/)) text = substr(row, 2, RLENGTH - 2)
        else { match(row, /^[^,]*/); text = substr(row, 1, RLENGTH); sub(/ +$/, "", text) }
        row = substr(row, RLENGTH + 1)
        sub(/^ *,? */, "", row)
        out[++n] = text
    }
    return n
}

function add_kind(row,    field) {
    if (arguments(row, field) != 6) fail("a kind has 6 columns: " row)
    if (field[1] in c_type) fail("two kinds " field[1])
    unit[field[1]] = field[3]
    c_type[field[1]] = field[4]
    pass[field[1]] = field[5]
    fortran[field[1]] = field[6]
}

function add_errors(row,    field) {
    if (arguments(row, field) != 2) fail("a set of errors has 2 columns: " row)
    error_set[field[1]] = field[2]
}

# The codes that a column names, each once, in the order of the column.
function codes(column,    n, i, word, code, m, k, text) {
    n = split(column, word, " ")
    for (i = 1; i <= n; i++) {
        if (word[i] !~ /^[A-Z_]+$/ && !(word[i] in error_set)) fail("no set of errors " word[i])
        m = split(word[i] in error_set ? error_set[word[i]] : word[i], code, " ")
        for (k = 1; k <= m; k++)
            if (index(text " ", " PMX_ERR_" code[k] " ") == 0) text = text " PMX_ERR_" code[k]
    }
    return text
}

function add_call(row,    field, n, j, word) {
    n = arguments(row, field)
    if (n < 5) fail("a call has header, since, result, name and errors: " row)
    if (header != "" && index(" " header " ", " " field[1] " ") == 0) return
    n_calls++
    header_of[n_calls] = field[1]
    since[n_calls] = field[2]
    result[n_calls] = field[3]
    name[n_calls] = field[4]
    errors[n_calls] = codes(field[5])
    n_params[n_calls] = n - 5
    if (!(field[3] in c_type)) fail(field[4] ": no kind " field[3])
    for (j = 1; j <= n - 5; j++) {
        if (split(field[j + 5], word, " ") != 2 || !(word[1] in c_type)) fail(field[4] ": no kind in: " field[j + 5])
        kind[n_calls, j] = word[1]
        param[n_calls, j] = word[2]
    }
}

function typed(type, word) { return type (type ~ /\*$/ ? "" : " ") word }

function prototype(i, prefix,    text, j) {
    for (j = 1; j <= n_params[i]; j++) text = text (j > 1 ? ", " : "") typed(c_type[kind[i, j]], param[i, j])
    return typed(c_type[result[i]], prefix name[i]) "(" (text == "" ? "void" : text) ");"
}

function has_fortran(i,    j) {
    if (pass[result[i]] == "none") return 0
    for (j = 1; j <= n_params[i]; j++)
        if (pass[kind[i, j]] == "none") return 0
    return 1
}

FILENAME !~ /calls\.def$/ { next }
/^\/\*/, /\*\/$/ { next }
/^$/ { next }
{
    sub(/^ +/, "")
    row = row (row == "" ? "" : " ") $0
    if (row !~ /\)$/) next
    if (row ~ /^PMX_KIND\(/) add_kind(row)
    else if (row ~ /^PMX_ERRORS\(/) add_errors(row)
    else if (row ~ /^PMX_CALL\(/) add_call(row)
    else fail("neither PMX_KIND, PMX_ERRORS nor PMX_CALL: " row)
    row = ""
}
END { if (!failed && row != "") fail("a row does not end: " row) }
