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
