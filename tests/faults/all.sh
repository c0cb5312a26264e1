# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# make check-faults: all cells of the fault matrix, or those of the transports, faults, operations and moments that are
# named in PMX_TEST_TRANSPORTS, _FAULTS, _OPERATIONS and _MOMENTS. The table is left in faults.txt.
. "${top_srcdir:?run by make check-faults}/tests/lib.sh" || exit 99
. "$top_srcdir/tests/faults/matrix.sh"
stop_ms=${PMX_TEST_STOP_MS:-5000}
all='softnic tcp shm'
if (hosts_work) >"$scratch/hosts"; then all+=' hosts'; else cat "$scratch/hosts"; fi
for transport in ${PMX_TEST_TRANSPORTS:-$all}; do
    for fault in ${PMX_TEST_FAULTS:-$(matrix_faults "$transport")}; do
        for operation in ${PMX_TEST_OPERATIONS:-$operations}; do
            for moment in ${PMX_TEST_MOMENTS:-$moments}; do
                cell "$transport" "$fault" "$operation" "$moment"
            done
        done
    done
done
cp "$table" "$build/faults.txt"
report
