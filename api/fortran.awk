# SPDX-License-Identifier: BSD-3-Clause
# What the Fortran modules and the pages have in common; behind calls.awk.
#
#   dummies(i)         the dummy arguments of call i with commas between, ierror last where it has one
#   declared(i, j)     the declaration of parameter j, without "::" and name; "" when Fortran leaves it out
#   ends_with_ierror(i)
#   wrapped(text, indent)   a Fortran line, continued where it is longer than 100 columns

function ends_with_ierror(i) { return result[i] == "err" }

function declared(i, j,    p, type) {
    p = pass[kind[i, j]]
    type = fortran[kind[i, j]]
    if (p == "value") return type ", intent(in)"
    if (p == "handle") return "type(" type "), intent(in)"
    if (p == "handle_out") return "type(" type "), intent(out)"
    return p == "text_bytes" ? "" : type
}

function dummies(i,    j, text) {
    for (j = 1; j <= n_params[i]; j++)
        if (pass[kind[i, j]] != "text_bytes") text = text (text == "" ? "" : ", ") param[i, j]
    if (ends_with_ierror(i)) text = text (text == "" ? "" : ", ") "ierror"
    return text
}

function wrapped(text, indent,    lines, at) {
    while (length(indent text) > 100) {
        for (at = 100 - length(indent); at > 1 && substr(text, at, 2) != ", "; at--) continue
        if (at <= 1) break
        lines = lines indent substr(text, 1, at) " &\n"
        text = "    " substr(text, at + 2)
    }
    return lines indent text
}
