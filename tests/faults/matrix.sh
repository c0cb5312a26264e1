# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# The fault matrix; sourced after tests/lib.sh. See cell.cc for what one cell does.
#
#   cell TRANSPORT FAULT OPERATION MOMENT   runs it on four ranks within a hard limit, and adds a row to $table
#   part TRANSPORT N                        of each fault as many cells, other operations and moments each time
#   matrix_faults TRANSPORT                 the faults that apply there
#   report                                  prints the table, and fails unless all cells are as promised
#
# TRANSPORT is one of pmx, or tcp: libfabric on the loopback; hosts: the same across four hosts (tests/lab/hosts); verbs:
# on soft-RoCE, within tests/lab/rdma-vm only.
#
# Each rank has a shell as parent, which notes its exit status: mpirun would end the other ranks by itself when one of
# them is killed, and it is told to let them be.

. "$top_srcdir/tests/lab/hosts.sh"
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
    hosts) echo 'kill exit stop cut flap loss1 loss10' ;; # the others are not of the network
    # What is of the program alone is left out; the wire has two ends, with two ranks at each, so none can be cut off.
    verbs) echo 'kill exit stop files memlock fork flap loss1 loss10' ;;
    *) echo "$everywhere" ;;
    esac
}

# The variables of a fault, a line each: setting TRANSPORT FAULT.
setting() {
    case $1 in
    softnic) softnic_setting "$2" ;;
    hosts)
        # The default period of the heartbeat: TCP needs up to a second to mend what a network lost.
        case $2 in
        flap) printf '%s\n' PMX_HEARTBEAT=2s PMX_TIMEOUT=20s ;;
        loss*) printf '%s\n' PMX_HEARTBEAT=2s PMX_TIMEOUT=20s PMX_TEST_NETWORK_FAULT=true ;; # from the start
        esac
        case $2 in cut | flap)
            echo "PMX_TEST_NETWORK_FAULT=ip -n ${hosts_prefix}1 link set net0 down"
            echo "PMX_TEST_NETWORK_MEND=ip -n ${hosts_prefix}1 link set net0 up"
            ;;
        esac
        ;;
    verbs)
        printf '%s\n' PMX_HEARTBEAT=2s PMX_TIMEOUT=20s PMX_VERBS_DEVICE=rx0,rx1 PMX_VERBS_ACK_TIMEOUT=100ms
        case $2 in
        # Soft-RoCE gives up at once where a link is down, which a device of silicon does not.
        flap) printf '%s\n' 'PMX_TEST_NETWORK_FAULT=tc qdisc replace dev va root netem loss 100%' \
            'PMX_TEST_NETWORK_MEND=tc qdisc del dev va root' PMX_VERBS_ACK_TIMEOUT=1s ;;
        loss*) echo "PMX_TEST_NETWORK_FAULT=tc qdisc replace dev va root netem loss ${2#loss}%" ;;
        esac
        ;;
    esac
    if [ "$2" = stop ]; then
        printf '%s\n' "PMX_TEST_FAULT_MS=${stop_ms:-1200}" "PMX_TIMEOUT=$((${stop_ms:-1200} * 4))ms"
    fi
}
softnic_setting() {
    echo "PMX_SOFTNIC_SWITCH=$scratch/switch"
    case $1 in
    cut | flap) echo PMX_SOFTNIC_FAULTS=cut=1:200 ;;
    full) printf '%s\n' PMX_SOFTNIC_FAULTS=cut=1:200 PMX_QUEUE_DEPTH=64 PMX_QUEUES=1 ;;
    error) echo PMX_SOFTNIC_FAULTS=dead=1:0 ;;
    loss1) echo PMX_SOFTNIC_FAULTS=loss=100:2000 ;;
    loss10) echo PMX_SOFTNIC_FAULTS=loss=10:2000 ;;
    storm) echo PMX_SOFTNIC_FAULTS=again=2:50 ;;
    esac
}

# shellcheck disable=SC2016 # for the shell of the rank
cell_parent='rank=$OMPI_COMM_WORLD_RANK
"$@" >"$dir/out.$rank" 2>"$dir/said.$rank"
echo $? >"$dir/status.$rank"'
# mpirun ends by SIGTERM what it does not reach any more: a rank there ends by itself, or not at all.
# shellcheck disable=SC2016
host_parent='trap "" TERM; '$cell_parent
all_ended() { [ "$(find "$scratch" -name 'status.?' -size +0 | wc -l)" -eq 4 ]; }

# run_cell TRANSPORT FAULT OPERATION MOMENT: 124 or 137 when it did not end
run_cell() {
    local options=(-n 4 -k -t "$PMX_TEST_LIMIT_S") job tries
    if [ "$1" != hosts ]; then
        ranks 4 --enable-recovery -x dir bash -c "$cell_parent" bash "$program" "${@:2}"
        return
    fi
    case $2 in loss*) options+=(-l "${2#loss}") ;; esac
    OMPI_MCA_odls_base_sigkill_timeout=60 hosts "${options[@]}" -- bash -c "$host_parent" bash "$program" "${@:2}" &
    job=$!
    # mpirun does not hear of the end of a rank that is cut off.
    for ((tries = 0; tries < PMX_TEST_LIMIT_S * 10; tries++)); do
        if all_ended || ! kill -0 $job 2>/dev/null; then break; fi
        sleep 0.1
    done
    kill -TERM "$(tail -n 1 "$scratch/.ranks")" 2>/dev/null
    wait $job
    all_ended || return 124
}

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
    hosts_prefix=pmx$$c$n_cells # the hosts of the one before may not be gone yet
    if [ "$transport" = verbs ]; then tc qdisc del dev va root 2>/dev/null; fi
    if [ "$fault" = shm ]; then
        "${own_dev_shm[@]}" true 2>/dev/null || {
            printf '%-8s %-8s %-11s %-13s %-7s %s\n' "$@" "skip" "no mount of its own here" >>"$table"
            return
        }
        path=$scratch/bin:$PATH
    fi
    (
        case $transport in
        tcp | hosts) export PMX_TRANSPORT=ofi PMX_OFI_PROVIDER='tcp;ofi_rxm' ;;
        *) export PMX_TRANSPORT=$transport ;;
        esac
        export PMX_HEAP_SIZE=16m PMX_TIMEOUT=4s PMX_HEARTBEAT=200ms dir=$scratch
        while IFS= read -r each; do [ -z "$each" ] || export "${each?}"; done < <(setting "$transport" "$fault")
        export PMX_TEST_LIMIT_S=60
        case $transport in hosts) PMX_TEST_LIMIT_S=120 ;; verbs) PMX_TEST_LIMIT_S=240 ;; esac
        PATH=$path
        run_cell "$@"
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

# One after the other down both lists, which have no common divisor.
n_parts=0
part() {
    local fault i of_operations of_moments
    read -ra of_operations <<<"$operations"
    read -ra of_moments <<<"$moments"
    for fault in $(matrix_faults "$1"); do
        for ((i = 0; i < $2; i++)); do
            cell "$1" "$fault" "${of_operations[n_parts % ${#of_operations[@]}]}" \
                "${of_moments[n_parts % ${#of_moments[@]}]}"
            n_parts=$((n_parts + 1))
        done
    done
}

report() {
    printf '%d cells, %d as promised\n' "$n_cells" $((n_cells - n_bad))
    [ "$n_bad" -eq 0 ] || { cat "$scratch/bad"; fail "$n_bad cells"; }
}
