# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the tests of the tools share, after tests/lib.sh.
#
#   moe N OPTION...            pmx_moe --json on N ranks: its line to $scratch/line, its values to $scratch/flat,
#                              what it says to $scratch/err; gives its exit status, fails unless it is one line
#   moe_ok N OPTION...         the same, and fails unless exit status and result are ok
#   value KEY                  of the last line, as JSON
#   expect KEY VALUE           fails unless value KEY is VALUE
#   flatten FILE               values of one JSON object, a line "/PATH VALUE" each; fails when FILE is not one
#   write_inputs WHAT...       see write_inputs.cc
#   refused N TEXT COMMAND...  COMMAND on N ranks must end with status 2, nothing on stdout, and one line of pmx
#                              on stderr, which has TEXT in it; what mpirun says is its own

moe=$build/tools/pmx_moe
info=$build/tools/pmx_info
for program in "$moe" "$info" "$build/tests/tools/json_flat" "$build/tests/tools/write_inputs"; do
    [ -x "$program" ] || skip "${program##*/} is not built"
done
export PMX_TEST_LIMIT_S=60

flatten() {
    timeout 20 "$build/tests/tools/json_flat" <"$1" || fail "not one JSON object: $(cat "$1")"
}
write_inputs() {
    "$build/tests/tools/write_inputs" "$@" || broken "write_inputs $*"
}

moe() {
    local n=$1 status
    shift
    last="$n ranks: $*"
    ranks "$n" "$moe" --json "$@" >"$scratch/line" 2>"$scratch/err"
    status=$?
    case $status in
    0 | 1) ;;
    *) fail "$last: status $status: $(cat "$scratch/err")" ;;
    esac
    [ "$(wc -l <"$scratch/line")" -eq 1 ] || fail "$last: not one line: $(cat "$scratch/line")"
    flatten "$scratch/line" >"$scratch/flat" || exit 1
    return "$status"
}
moe_ok() {
    moe "$@" || fail "$last: status $?: $(cat "$scratch/line" "$scratch/err")"
    expect ok true
}
value() { sed -n "s|^/$1 ||p" "$scratch/flat"; }
expect() {
    [ "$(value "$1")" = "$2" ] || fail "$last: $1 must be $2: $(cat "$scratch/line")"
}

refused() {
    local n=$1 text=$2 status
    shift 2
    ranks "$n" "$@" >"$scratch/out" 2>"$scratch/err"
    status=$?
    n_refused=$((${n_refused-0} + 1))
    [ "$status" -eq 2 ] || fail "status $status instead of 2: $*: $(cat "$scratch/err")"
    [ ! -s "$scratch/out" ] || fail "on stdout: $(cat "$scratch/out"): $*"
    [ "$(grep -c '^pmx' "$scratch/err")" -eq 1 ] || fail "not one line: $*: $(cat "$scratch/err")"
    grep '^pmx' "$scratch/err" | grep -qF -- "$text" || fail "\"$text\" is not named: $*: $(cat "$scratch/err")"
}

# until_ok LIMIT_S COMMAND...: whether the command succeeded within the limit, tried ten times a second
until_ok() {
    local begin=$SECONDS limit_s=$1
    shift
    until "$@"; do
        [ $((SECONDS - begin)) -lt "$limit_s" ] || return 1
        sleep 0.1
    done
}
# Of jobs whose ranks leave what they say in said.RANK and their exit status in status.RANK: whether pmx_moe is at its
# forwards, which say so after a second of them, and whether these ranks have ended.
in_the_middle() { grep -qs '^forwards: ' "$scratch/said.0"; }
all_ended() { # RANK...
    local rank
    for rank; do [ -s "$scratch/status.$rank" ] || return 1; done
}
