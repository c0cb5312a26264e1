# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What the .test scripts share; they source it first:   . "$top_srcdir/tests/lib.sh"
#
#   ranks N COMMAND...   runs COMMAND as N ranks of one job on this machine, within PMX_TEST_LIMIT_S seconds
#                        (124 or 137 when it took longer); PMX_X=y before it reaches all ranks
#   skip REASON          this machine or build cannot run the test (77)
#   broken REASON        the test could not be set up (99)
#   fail TEXT            the promise is not kept (1)
#   need PROGRAM...      skips unless each is there
#   $scratch             an empty directory in the build tree, removed at the end
#   $build, $source      top of the build tree and of the source tree, absolute
#
# Tests that source this file run one after the other, also under make -j: their ranks share the cores.
# A test that passes else fails when a process of one of its jobs outlives the job, or when memory with a name is left
# in /dev/shm by a process that has ended: PID:UID:NUMBER, as libfabric's shm names it. A test that kills ranks of that
# provider sets memory_stays=1; then it is removed.
# No PMX_ variable of the caller gets through, but those that begin with PMX_TEST_.

set -u
build=${abs_top_builddir:?run the tests with make check}
# shellcheck disable=SC2034  # for the scripts
source=$(cd "${top_srcdir:?run the tests with make check}" && pwd) || exit 99

skip() { printf 'SKIP: %s\n' "$*"; exit 77; }
broken() { printf 'BROKEN: %s\n' "$*"; exit 99; }
fail() { printf 'FAIL: %s\n' "$*"; exit 1; }
need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || skip "there is no $program"
    done
}

for name in $(compgen -e); do
    case $name in
    PMX_TEST_*) ;;
    PMX_* | FI_* | OMPI_MCA_* | OMPI_COMM_* | PMIX_*) unset "$name" ;;
    esac
done
export OPENBLAS_NUM_THREADS=1 LC_ALL=C

# Fabrics of one machine: an interface that may come and go is not used.
export FI_TCP_IFACE=lo FI_SOCKETS_IFACE=lo

# What Open MPI keeps is told apart by what called it, which only the slow way to walk the stack finds.
export ASAN_OPTIONS=fast_unwind_on_malloc=0
export LSAN_OPTIONS=suppressions=$source/tests/sanitize/leaks.supp:print_suppressions=0

mkdir -p "$build/tests" # empty in a fresh VPATH build
scratch=$(mktemp -d "$build/tests/scratch.XXXXXX") || broken "cannot write into $build/tests"
: >"$scratch/.ranks"

# session SID: the processes of a session. Each job has one of its own: mpirun gives ranks process groups of their own, and
# does not end them when it is itself killed at the wrong moment.
session() {
    local stat fields
    for stat in /proc/[0-9]*/stat; do
        # What stands behind the name of the program: state, parent, group, session.
        { IFS= read -r fields <"$stat"; } 2>/dev/null || continue
        read -ra fields <<<"${fields##*) }"
        if [ "${fields[3]}" = "$1" ] && [ "${fields[0]}" != Z ]; then stat=${stat#/proc/} && echo "${stat%/stat}"; fi
    done
}
# end_session SID: mpirun has two seconds to end its ranks; what is there then is killed.
end_session() {
    local i left
    kill -TERM "$1" 2>/dev/null
    for ((i = 0; i < 20; i++)); do
        [ -n "$(session "$1")" ] || return 0
        sleep 0.1
    done
    for ((i = 0; i < 20; i++)); do
        left=$(session "$1")
        [ -n "$left" ] || return 0
        # shellcheck disable=SC2086 # a list
        kill -KILL $left 2>/dev/null
        sleep 0.1
    done
}
# The memory in /dev/shm whose process has ended.
left_memory() {
    local file pid
    for file in /dev/shm/[0-9]*:[0-9]*:[0-9]*; do
        pid=${file#/dev/shm/}
        [ -O "$file" ] && [ ! -e "/proc/${pid%%:*}" ] && echo "$file"
    done | sort
}
clean_up() {
    local status=$? pid file left=
    while read -r pid; do
        end_session "$pid"
    done <"$scratch/.ranks"
    while read -r file; do
        rm -f "$file"
        [ -n "${memory_stays-}" ] || left+=" $file"
    done < <(left_memory | comm -13 "$scratch/.memory" -)
    [ -z "$left" ] || printf 'left by a process that has ended:%s\n' "$left"
    [ ! -e "$scratch/.outlived" ] || left+=" processes"
    rm -rf "$scratch"
    if [ -n "$left" ] && [ "$status" -eq 0 ]; then
        echo 'FAIL: the test leaves something behind'
        exit 1
    fi
}
# Only this one: bash runs it at once when a signal ends the script, while a trap for the signal would wait
# for the command in the foreground.
trap clean_up EXIT

exec 9>"$build/tests/.one-at-a-time" || broken "cannot write into $build/tests"
flock -w 1800 9 || broken "another test holds $build/tests/.one-at-a-time for half an hour"

left_memory >"$scratch/.memory"

ranks() {
    local n=$1 limit_s=${PMX_TEST_LIMIT_S:-120} job pid status left i
    shift
    if [ "$n" -eq 1 ] && ! command -v mpirun >/dev/null; then
        job=()
    else
        need mpirun
        job=(mpirun -n "$n" --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca pml ob1
            --mca btl 'self,vader' --mca btl_vader_single_copy_mechanism none)
        if [ "$(id -u)" -eq 0 ]; then job+=(--allow-run-as-root); fi
    fi
    setsid timeout -k 5 "$limit_s" "${job[@]}" "$@" </dev/null 9>&- &
    pid=$!
    echo "$pid" >>"$scratch/.ranks"
    wait "$pid"
    status=$?
    for ((i = 0; i < 30; i++)); do # they may be about to end
        left=$(session "$pid")
        [ -n "$left" ] || break
        sleep 0.1
    done
    if [ -n "$left" ]; then
        case $status in 124 | 137) ;; *) : >"$scratch/.outlived" ;; esac
        echo "processes outlived their job: $(ps -o pid=,args= -p "${left//$'\n'/,}" 2>/dev/null)" >&2
        end_session "$pid"
    fi
    sed -i "/^$pid\$/d" "$scratch/.ranks" 2>/dev/null
    case $status in
    124 | 137) echo "the job did not end within $limit_s s: $*" >&2 ;;
    esac
    return "$status"
}
