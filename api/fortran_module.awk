# SPDX-License-Identifier: BSD-3-Clause
# A Fortran module: its template with the lines @handles@, @constants@, @types@, @operators@, @interfaces@,
# @equality@ and @procedures@ replaced.
# Behind calls.awk, fortran.awk and fortran_types.awk; -v template=FILE -v include=FOLDER, and
# -v uses=HEADERS of the module that it uses.

# What C takes for parameter j, as its declaration in the interface.
function c_declared(i, j,    p, type) {
    p = pass[kind[i, j]]
    type = fortran[kind[i, j]]
    if (p == "value") return type ", value"
    if (p == "buffer") return "type(c_ptr), value"
    if (p == "handle") return "integer(c_intptr_t), value"
    if (p == "handle_out") return "integer(c_intptr_t), intent(out)"
    if (p == "text") return "character(kind=c_char), dimension(*), intent(in)"
    if (p == "text_out") return "type(c_ptr), intent(out)"
    if (p == "text_buffer") return "character(kind=c_char), dimension(*), intent(out)"
    if (p == "text_bytes") return "integer(c_size_t), value"
    if (p == "struct_out") sub(/intent\(out\)/, "intent(inout)", type)
    return type
}

# What the procedure gives to C for parameter j.
function c_actual(i, j,    p, x) {
    p = pass[kind[i, j]]
    x = param[i, j]
    if (p == "buffer") return "c_loc(" x ")"
    if (p == "handle" || p == "handle_out") return x "%handle"
    if (p == "text") return "trim(" x ")//c_null_char"
    if (p == "text_out" || p == "text_buffer" || p == "struct_in") return x "_c"
    if (p == "text_bytes") return "size(" param[i, j - 1] "_c, kind=c_size_t)"
    return x
}

function c_result(i) { return pass[result[i]] == "text_out" ? "type(c_ptr)" : "integer(c_int)" }

function print_interface(i,    j, text, what) {
    for (j = 1; j <= n_params[i]; j++) text = text (j > 1 ? ", " : "") param[i, j]
    what = result[i] == "nothing" ? "subroutine" : "function"
    print wrapped(what " c_" name[i] "(" text ") &", "    ")
    print "        bind(C, name=\"" name[i] "\")" (what == "function" ? " result(result_c)" : "")
    print "      import"
    for (j = 1; j <= n_params[i]; j++) print "      " c_declared(i, j) " :: " param[i, j]
    if (what == "function") print "      " c_result(i) " :: result_c"
    print "    end " what
}

function print_locals(i,    j, p, x) {
    for (j = 1; j <= n_params[i]; j++) {
        p = pass[kind[i, j]]
        x = param[i, j]
        if (p == "text_out") print "    type(c_ptr) :: " x "_c"
        if (p == "text_buffer") print "    character(kind=c_char) :: " x "_c(len(" x ") + 1)"
        if (p == "struct_in") {
            match(fortran[kind[i, j]], /type\([a-z_]*\)/)
            print "    " substr(fortran[kind[i, j]], RSTART, RLENGTH) ", allocatable :: " x "_c"
        }
    }
}

function print_before(i,    j, p, x) {
    for (j = 1; j <= n_params[i]; j++) {
        p = pass[kind[i, j]]
        x = param[i, j]
        if (p == "buffer") {
            print "    if (.not. is_contiguous(" x ")) then"
            print "      call pmx_fortran_settle(pmx_fortran_not_contiguous(\"" name[i] "\", \"" x "\"), ierror)\n      return\n    end if"
        }
        if (p == "struct_out") print "    " x "%size_bytes = c_sizeof(" x ")"
        if (p == "struct_in") {
            print "    " (fortran[kind[i, j]] ~ /optional/ ? "if (present(" x ")) " : "") x "_c = " x
            print "    if (allocated(" x "_c)) " x "_c%size_bytes = c_sizeof(" x "_c)"
        }
    }
}

function print_after(i,    j, p, x) {
    for (j = 1; j <= n_params[i]; j++) {
        p = pass[kind[i, j]]
        x = param[i, j]
        if (p == "text_out" || p == "text_buffer") print "    if (result_c == 0) " x " = pmx_text(" x "_c)"
    }
}

function print_procedure(i,    j, text, what, tail) {
    what = result[i] == "err" || result[i] == "nothing" ? "subroutine" : "function"
    if (what == "function") tail = " result(result_f)"
    print wrapped(what " " name[i] "(" dummies(i) ")" tail, "  ")
    for (j = 1; j <= n_params[i]; j++)
        if (declared(i, j) != "")
            print "    " declared(i, j) (pass[kind[i, j]] == "buffer" ? ", target" : "") " :: " param[i, j]
    if (ends_with_ierror(i)) print "    integer(c_int), intent(out), optional :: ierror\n    integer(c_int) :: result_c"
    if (what == "function") print "    " fortran[result[i]] " :: result_f"
    print_locals(i)
    print_before(i)
    for (j = 1; j <= n_params[i]; j++) text = text (j > 1 ? ", " : "") c_actual(i, j)
    text = "c_" name[i] "(" text ")"
    if (ends_with_ierror(i)) {
        print wrapped("result_c = " text, "    ")
        print_after(i)
        print "    call pmx_fortran_settle(result_c, ierror)"
    } else if (pass[result[i]] == "text_out") print wrapped("result_f = pmx_text(" text ")", "    ")
    else print wrapped((what == "function" ? "result_f = " : "call ") text, "    ")
    print "  end " what "\n"
}

END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) call_constant[toupper(name[i])] = 1
    n_headers = split(uses, headers, " ")
    for (i = 1; i <= n_headers; i++) read_header(include "/" headers[i])
    forget_header()
    n_headers = split(header, headers, " ")
    for (i = 1; i <= n_headers; i++) read_header(include "/" headers[i])
    while ((getline line < template) > 0) {
        if (line ~ /@constants@/) print_constants()
        else if (line ~ /@handles@/) print_handles()
        else if (line ~ /@types@/) print_types()
        else if (line ~ /@operators@/) print_handle_operators()
        else if (line ~ /@equality@/) print_handle_procedures()
        else if (line ~ /@interfaces@/) { for (i = 1; i <= n_calls; i++) if (has_fortran(i)) print_interface(i) }
        else if (line ~ /@procedures@/) { for (i = 1; i <= n_calls; i++) if (has_fortran(i)) print_procedure(i) }
        else print line
    }
    if (failed) exit 1
}
