# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# For tests that need verbs devices; sourced first, before tests/lib.sh:
#
#   . "$top_srcdir/tests/lab/in_vm.sh" [OPTION...]   options of rdma-vm
#
# Runs the test that sources it again, inside tests/lab/rdma-vm, and ends with its status. Inside, it goes on.

if [ -z "${PMX_TEST_IN_VM-}" ]; then
    cd "${abs_top_builddir:?run the tests with make check}" || exit 99
    # One at a time with the other tests, which the lock of tests/lib.sh does inside of one machine only.
    mkdir -p tests
    exec 9>tests/.one-at-a-time || exit 99
    flock -w 1800 9 || exit 99
    "$top_srcdir/tests/lab/rdma-vm" "$@" -- env abs_top_builddir="$PWD" top_srcdir="$top_srcdir" \
        PMX_TEST_LONG="${PMX_TEST_LONG:-1}" bash "$(cd "$(dirname "$0")" && pwd)/${0##*/}"
    exit
fi
: "${PMX_TEST_LONG:=1}"

# over_the_wire COMMAND...: its status; ends the test when fewer than PMX_TEST_PACKETS (1000) packets crossed the wire
# meanwhile, or when any of RoCE was for the loopback, where the lab drops them.
over_the_wire() {
    local wire status stray
    wire=$(cat /sys/class/net/va/statistics/tx_packets)
    "$@"
    status=$?
    wire=$(($(cat /sys/class/net/va/statistics/tx_packets) - wire))
    stray=$(stray_packets)
    echo "$wire packets from va to vb, $stray by the loopback"
    [ "$stray" -eq 0 ] || fail "$stray packets of RoCE went by the loopback: $*"
    [ "$wire" -ge "${PMX_TEST_PACKETS:-1000}" ] || fail "only $wire packets crossed the wire: $*"
    return $status
}
stray_packets() { tc -s filter show dev lo egress | awk '/Sent/ { n += $4 } END { print n + 0 }'; }
