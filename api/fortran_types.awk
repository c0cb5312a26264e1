# SPDX-License-Identifier: BSD-3-Clause
# The constants and types of a header for its Fortran module; behind calls.awk and fortran.awk.
#
#   read_header(path)
#   forget_header()        prints nothing of what was read, but knows its types
#   print_constants(), print_types(), print_handles(), print_handle_operators(), print_handle_procedures()
#
# A constant with the name of a call, which Fortran does not tell apart, has the name of its enum in it:
# PMX_SIGNAL_SET of pmx_sigop_t is PMX_SIGOP_SET. A number that is defined has _NUMBER behind it: PMX_ABI_VERSION_NUMBER.

function read_header(path,    line, text, i, rest) {
    while ((getline line < path) > 0) {
        if (line ~ /^#define PMX_[A-Z0-9_]+ +\(?-?[0-9]+\)?($| )/ || line ~ /^#define PMX_[A-Z0-9_]+ \(\(pmx_[a-z]+_t\)/) {
            split(line, word, " ")
            add_define(word[2], word[3])
        }
        if (line !~ /^#/) text = text line " "
    }
    close(path)
    if (text == "") fail("cannot read " path)
    while (i = index(text, "/*")) {
        rest = substr(text, i + 2)
        text = substr(text, 1, i - 1) " " substr(rest, index(rest, "*/") + 2)
    }
    gsub(/[ \t]+/, " ", text)
    while (i = index(text, "typedef ")) {
        text = substr(text, i)
        i = index(text, ";")
        if (index(substr(text, 1, i), "{")) {
            i = index(text, "}")
            i += index(substr(text, i), ";") - 1
        }
        add_typedef(substr(text, 1, i))
        text = substr(text, i)
    }
}

function forget_header() {
    constants = ""
    n_handles = n_structs = 0
    delete components
}

function add_define(word, value,    type) {
    if (match(value, /pmx_[a-z]+_t/)) {
        type = substr(value, RSTART, RLENGTH)
        gsub(/.*_t\)|\)/, "", value)
        constants = constants "type(" type "), parameter :: " word " = " type "(" value ")\n"
        return
    }
    gsub(/[()]/, "", value)
    if (word in call_constant) word = word "_NUMBER"
    constants = constants "integer(c_int), parameter :: " word " = " value "\n"
}

function add_typedef(text,    body, type) {
    type = text
    sub(/ *; *$/, "", type)
    sub(/.*[ *}]/, "", type)
    body = text
    sub(/^[^{]*{ */, "", body)
    sub(/ *}.*/, "", body)
    if (text ~ /^typedef enum/) add_enum(type, body)
    else if (text ~ /^typedef struct [a-z_]+ {/) add_struct(type, body)
    else if (text ~ /^typedef struct [a-z_]+ \*/) handle_type[++n_handles] = type
}

function add_enum(type, body,    n, i, member, word, value) {
    interoperable[type] = "integer(c_int)"
    initial[type] = " = 0"
    n = split(body, member, / *, */)
    for (i = 1; i <= n; i++) {
        if (member[i] == "") continue
        if (split(member[i], word, / *= */) != 2) fail(type ": no value: " member[i])
        if (word[1] in call_constant) {
            value = toupper(type)
            sub(/_T$/, "", value)
            sub(/.*_/, value "_", word[1])
        }
        constants = constants "integer(c_int), parameter :: " word[1] " = " word[2] "\n"
    }
}

function add_struct(type, body,    n, i, field) {
    n_structs++
    struct_name[n_structs] = type
    n = split(body, field, / *; */)
    for (i = 1; i <= n; i++)
        if (field[i] != "") components[n_structs] = components[n_structs] component(type, field[i])
    interoperable[type] = "type(" type ")"
}

function component(type, text,    word, base, extent) {
    word = text
    sub(/.*[ *]/, "", word)
    base = substr(text, 1, length(text) - length(word))
    sub(/ +$/, "", base)
    if (match(word, /\[.*\]/)) {
        extent = "(" substr(word, RSTART + 1, RLENGTH - 2) ")"
        word = substr(word, 1, RSTART - 1)
    }
    if (base ~ /\*$/) base = "pointer"
    if (!(base in interoperable)) fail(type ": Fortran has no type for: " text)
    return interoperable[base] " :: " word extent initial[base] "\n"
}

BEGIN {
    split("int unsigned size_t uint64_t int64_t int32_t uint32_t uint8_t double float char pointer", c_types, " ")
    split("c_int c_int c_size_t c_int64_t c_int64_t c_int32_t c_int32_t c_int8_t", kinds, " ")
    for (i = 1; i in kinds; i++) { interoperable[c_types[i]] = "integer(" kinds[i] ")"; initial[c_types[i]] = " = 0" }
    interoperable["double"] = "real(c_double)"; initial["double"] = " = 0"
    interoperable["float"] = "real(c_float)"; initial["float"] = " = 0"
    interoperable["char"] = "character(kind=c_char)"; initial["char"] = " = c_null_char"
    interoperable["pointer"] = "type(c_ptr)"; initial["pointer"] = " = c_null_ptr"
}

function print_indented(text, indent,    n, i, line) {
    n = split(text, line, "\n")
    for (i = 1; i < n; i++) print indent line[i]
}

function print_constants() { print_indented(constants, "  ") }

function print_handles(    i) {
    for (i = 1; i <= n_handles; i++)
        print "  type, bind(C) :: " handle_type[i] "\n    integer(c_intptr_t) :: handle = 0\n  end type\n"
}

function print_types(    i) {
    for (i = 1; i <= n_structs; i++) {
        print "  type, bind(C) :: " struct_name[i]
        print_indented(components[i], "    ")
        print "  end type\n"
    }
}

function print_handle_operators(    i) {
    for (i = 1; i <= n_handles; i++) {
        print "  private :: same_" handle_type[i] ", other_" handle_type[i]
        print "  interface operator(==)\n    module procedure same_" handle_type[i] "\n  end interface"
        print "  interface operator(/=)\n    module procedure other_" handle_type[i] "\n  end interface"
    }
}

function print_handle_procedures(    i, type) {
    for (i = 1; i <= n_handles; i++) {
        type = handle_type[i]
        print "  elemental logical function same_" type "(a, b)\n    type(" type "), intent(in) :: a, b"
        print "    same_" type " = a%handle == b%handle\n  end function\n"
        print "  elemental logical function other_" type "(a, b)\n    type(" type "), intent(in) :: a, b"
        print "    other_" type " = a%handle /= b%handle\n  end function\n"
    }
}
