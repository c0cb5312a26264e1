# SPDX-License-Identifier: BSD-3-Clause
# shmem_generic.h: the C11 generics. A call that also exists on a context has that one in front, so the number of arguments
# says which is meant.

# Begins a macro that chooses one of the calls shmem_ CALL_PREFIX TYPENAME..., by the first pointer to TYPE among its
# arguments. first: the arguments before those of the row.
function selection(macro, call_prefix, r, first,    list, n, part, j, t, chosen, text, suffix, word) {
    n = split(row_params[r], part, /, */)
    for (j = 1; j <= n; j++) {
        word = part[j]
        sub(/.*[ *]/, "", word)
        if (chosen == "" && part[j] ~ /TYPE *\*/) chosen = word
        list = list (j > 1 ? ", " : "") word
    }
    if (chosen == "") fail(row_name[r] ": nothing says the type")
    suffix = row_name[r]
    sub(/TYPENAME/, "", suffix)
    text = "#define " macro "(" first list ") \\\n    _Generic(*(" chosen ")"
    for (t = 1; t <= n_types; t++)
        if (((row_set[r], t) in in_set) && !((row_set[r], type_like[t]) in named))
            text = text ", \\\n        " type_c[t] ": shmem_" call_prefix type_name[t] suffix
    print text ") \\"
}

# The arguments in parentheses.
function call_of(r, first,    list) {
    list = substr(arguments(row_params[r]), 3)
    gsub(/, /, "), (", list)
    return "(" (first == "" ? "" : "(ctx), ") "(" list "))"
}

function generic(r,    word, n, j, slots, text) {
    word = row_name[r]
    sub(/TYPENAME_/, "", word)
    n = split(row_params[r], text, /, */)
    if (!row_ctx[r]) {
        selection("shmem_" word, "", r, "")
        print "    " call_of(r, "") "\n"
        return
    }
    selection("SHMEM_GENERIC_" word, "", r, "")
    print "    " call_of(r, "")
    selection("SHMEM_GENERIC_CTX_" word, "ctx_", r, "ctx, ")
    print "    " call_of(r, "ctx")
    print "#define shmem_" word "(...) \\\n    SHMEM_GENERIC_PICK_" n "(__VA_ARGS__, SHMEM_GENERIC_CTX_" word \
        ", SHMEM_GENERIC_" word ", 0)(__VA_ARGS__)\n"
    if (n > most) most = n
    used[n] = 1
}

BEGIN {
    print "/* SPDX-License-Identifier: BSD-3-Clause */"
    print "/* shmem_generic.h: the C11 generics of OpenSHMEM. Part of shmem.h. Made of shmem/calls.def. */"
    print "#include \"shmem.h\"\n\n#ifndef SHMEM_GENERIC_H\n#define SHMEM_GENERIC_H"
    print "#if !defined(__cplusplus) && __STDC_VERSION__ >= 201112L\n"
}
END {
    if (failed) exit 1
    for (pair in in_set) { split(pair, part, SUBSEP); named[part[1], type_name[part[2]]] = 1 }
    for (r = 1; r <= n_rows; r++)
        if (row_generic[r]) generic(r)
    for (n = 1; n <= most; n++) {
        if (!(n in used)) continue
        slots = ""
        for (j = 0; j <= n; j++) slots = slots "a" j ", "
        print "#define SHMEM_GENERIC_PICK_" n "(" slots "name, ...) name"
    }
    print "\n#endif\n#endif /* SHMEM_GENERIC_H */"
}
