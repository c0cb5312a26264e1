# SPDX-License-Identifier: BSD-3-Clause
# The entry points: pshmem_x does what x of namespace pmx::shmem does, and shmem_x is a weak name of it.
function typed(type, word) { return type (type ~ /\*$/ ? "" : " ") word }

BEGIN {
    print "/* SPDX-License-Identifier: BSD-3-Clause */"
    print "#pragma GCC visibility push(default)\n#include \"pshmem.h\"\n#pragma GCC visibility pop"
    print "#include \"shmem/api.h\"\n\nusing namespace pmx::shmem;"
}
END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) {
        ctx = on_ctx[i] ? "ctx" : "SHMEM_CTX_DEFAULT"
        inner = "api::" family[i] (argument[i] == "" ? "" : "<" argument[i] ">") \
            "(Call{\"shmem_" name[i] "\", " ctx "}" args[i] ")"
        print "\nextern \"C\" " typed(result[i], "pshmem_" name[i]) "(" params[i] ")\n{\n    " (result[i] == "void" ? "" : "return ") inner ";\n}"
        print "#pragma weak shmem_" name[i] " = pshmem_" name[i]
    }
}
