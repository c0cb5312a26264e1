# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# For tests across hosts; sourced after tests/lib.sh.
#
#   hosts_work                      skips where hosts cannot be made, with the reason
#   hosts OPTION... -- COMMAND...   as tests/lab/hosts, with a prefix of its own
#   $hosts_prefix                   of the names of the hosts
#   n_packets FILE                  of the host that sent fewest, from what hosts said on stderr
#   n_loopback FILE                 bytes by the loopback, of the host with most

hosts_prefix=pmx$$t

hosts() {
    local pid status
    abs_top_builddir=$build "$source/tests/lab/hosts" -p "$hosts_prefix" "$@" 9>&- &
    pid=$!
    echo "$pid" >>"$scratch/.ranks"
    wait "$pid"
    status=$?
    sed -i "/^$pid\$/d" "$scratch/.ranks" 2>/dev/null
    return "$status"
}
hosts_work() {
    hosts -n 2 -- true >"$scratch/out" 2>"$scratch/err" && return
    [ $? -eq 77 ] && skip "$(sed -n 's/^SKIP: //p' "$scratch/out" | tail -n 1)"
    cat "$scratch/out" "$scratch/err"
    broken "two hosts do not run a command"
}
n_packets() { sed -n 's/^hosts: .* sent \([0-9]*\) packets.*/\1/p' "$1" | sort -n | head -n 1; }
n_loopback() { sed -n 's/^hosts: .*; \([0-9]*\) bytes went by.*/\1/p' "$1" | sort -n | tail -n 1; }
