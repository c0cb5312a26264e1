# SPDX-License-Identifier: BSD-3-Clause
# The version script of a library: one stanza for each version, with the calls that came with it and their profiling
# names. -v prefix=NAME: what the names of the versions begin with.

function stanza(version, before,    i) {
    print prefix version " {\n  global:"
    for (i = 1; i <= n_calls; i++)
        if (since[i] == version) print "    " name[i] ";\n    p" name[i] ";"
    if (before == "") print "  local:\n    *;"
    print "}" (before == "" ? "" : " " prefix before) ";"
}

END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) {
        if (since[i] in seen) continue
        seen[since[i]] = 1
        for (j = ++n_versions; j > 1 && version[j - 1] > since[i]; j--) version[j] = version[j - 1]
        version[j] = since[i]
    }
    for (j = 1; j <= n_versions; j++) stanza(version[j], version[j - 1])
}
