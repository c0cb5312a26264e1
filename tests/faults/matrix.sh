# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The fault matrix; sourced after tests/lib.sh. See cell.cc for what one cell does.
#
#   cell TRANSPORT FAULT OPERATION MOMENT   runs it on four ranks within a hard limit, and adds a row to $table
#   matrix_faults TRANSPORT                 the faults that apply there
#   report                                  prints the table, and fails unless all cells are as promised
#
# Each rank has a shell as parent, which notes its exit status: mpirun would end the other ranks by itself when one of
# them is killed, and it is told to let them be.

program=$build/tests/faults/cell
[ -x "$program" ] || skip "cell is not built"
operations='put put_signal group get atomic barrier moe'
[ -n "$(compgen -G "$build/.libs/libpmx_moe.so*")" ] || operations=${operations% moe}
# shellcheck disable=SC2034 # for the scripts
moments='before_post after_post before_signal in_quiet in_finalize'
table=$scratch/table
: >"$table"
n_cells=0 n_bad=0

matrix_faults() {
    local everywhere='kill exit stop heap files memlock shm handler fork mpi'
    case $1 in
    softnic) echo "$everywhere cut error flap full loss1 loss10 storm" ;;
    *) echo "$everywhere" ;;
    esac
}

# The variables of a fault, a line each.
setting() {
    case $1 in
    cut | flap) echo PMX_SOFTNIC_FAULTS=cut=1:200 ;;
    full) printf '%s\n' PMX_SOFTNIC_FAULTS=cut=1:200 PMX_QUEUE_DEPTH=64 PMX_QUEUES=1 ;;
    error) echo PMX_SOFTNIC_FAULTS=dead=1:0 ;;
    loss1) echo PMX_SOFTNIC_FAULTS=loss=100:2000 ;;
    loss10) echo PMX_SOFTNIC_FAULTS=loss=10:2000 ;;
    storm) echo PMX_SOFTNIC_FAULTS=again=2:50 ;;
    stop) printf '%s\n' "PMX_TEST_FAULT_MS=${stop_ms:-1200}" "PMX_TIMEOUT=$((${stop_ms:-1200} * 4))ms" ;;
    esac
}

# shellcheck disable=SC2016 # for the shell of the rank
cell_parent='rank=$OMPI_COMM_WORLD_RANK
"$@" >"$dir/out.$rank" 2>"$dir/said.$rank"
echo $? >"$dir/status.$rank"'

# A small file system of its own for a fault that fills it.
own_dev_shm=(unshare --mount bash -c 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"' bash)
mkdir "$scratch/bin"
printf '#!/bin/sh\nexec %s "%s" "$@"\n' "${own_dev_shm[*]@Q}" "$(command -v mpirun)" >"$scratch/bin/mpirun"
chmod +x "$scratch/bin/mpirun"

cell() {
    local transport=$1 fault=$2 status begin=$SECONDS result rank expect path=$PATH
    local name="$transport $fault $3 $4"
    rm -f "$scratch"/{out,said,status,judged}.*
    printf 0 >"$scratch/switch"
    n_cells=$((n_cells + 1))
    if [ "$fault" = shm ]; then
        "${own_dev_shm[@]}" true 2>/dev/null || {
            printf '%-8s %-8s %-11s %-13s %-7s %s\n' "$@" "skip" "no mount of its own here" >>"$table"
            return
        }
        path=$scratch/bin:$PATH
    fi
    (
        case $transport in
        tcp) export PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' ;;
        *) export PMX_TRANSPORT=$transport ;;
        esac
        export PMX_HEAP_SIZE=16m PMX_TIMEOUT=4s PMX_HEARTBEAT=200ms dir=$scratch
        [ "$transport" != softnic ] || export PMX_SOFTNIC_SWITCH=$scratch/switch
        while IFS= read -r each; do [ -z "$each" ] || export "${each?}"; done < <(setting "$fault")
        export PMX_TEST_LIMIT_S=${cell_limit_s:-60}
        PATH=$path
        ranks 4 --enable-recovery -x dir bash -c "$cell_parent" bash "$program" "${@:2}"
    ) >"$scratch/job" 2>&1
    status=$?
    result=kept
    case $status in 124 | 137) result=HANG ;; esac
    for rank in 0 1 2 3; do
        expect=0
        if [ "$rank" = 1 ] && [ "$fault" = kill ]; then expect=137; fi
        [ "$(cat "$scratch/status.$rank" 2>/dev/null)" = "$expect" ] && continue
        # A victim that ended in order before it was killed.
        if [ "$fault$rank$4" = kill1in_finalize ] && [ "$(cat "$scratch/status.1" 2>/dev/null)" = 0 ]; then continue; fi
        [ "$result" = HANG ] || result=BROKEN
    done
    [ "$result" = kept ] || {
        n_bad=$((n_bad + 1))
        { echo "$name:" && cat "$scratch"/said.* "$scratch/job" && head "$scratch"/status.*; } >>"$scratch/bad" 2>/dev/null
    }
    printf '%-8s %-8s %-11s %-13s %-7s %2d s  %s\n' "$@" "$result" $((SECONDS - begin)) \
        "$(sed -n 's/^rank 0: [a-zA-Z]*: //p' "$scratch/said.0" 2>/dev/null | tail -n 1 | cut -c 1-150)" >>"$table"
    tail -n 1 "$table"
}

report() {
    printf '%d cells, %d as promised\n' "$n_cells" $((n_cells - n_bad))
    [ "$n_bad" -eq 0 ] || { cat "$scratch/bad"; fail "$n_bad cells"; }
}
