#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# From a bare Debian 12 to a running pmx. See usage() below.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
export LC_ALL=C
unset MAKEFLAGS MFLAGS
# Not for the programs: pmx refuses PMX_ variables that it does not know.
configure_options=${PMX_QUICKSTART_CONFIGURE-} job_options=${PMX_QUICKSTART_ARGS-}
unset PMX_QUICKSTART_CONFIGURE PMX_QUICKSTART_ARGS
source_dir=$PWD

usage() {
    cat <<'TEXT'
./quickstart.sh             sets up, builds into build/, and runs one Mixture-of-Experts layer on 4 ranks
                            over the network path: first as stall-all with coupled signals, then as pmx does
./quickstart.sh test        sets up, builds, runs make check, make installcheck, and the main job twice: as it is,
                            and with a weight flipped, which must be found
./quickstart.sh test full   the same and make distcheck
./quickstart.sh help        this text

Exit status: 0 all is well, 1 a wrong result or a failed test, 2 something could not be set up or run.
Environment:
  PMX_QUICKSTART_CONFIGURE  more options for configure, such as --enable-debug
  PMX_QUICKSTART_ARGS       more options for build/tools/pmx_moe in the main job
TEXT
}

# Package and what it is for. The only list of what pmx needs.
packages() {
    cat <<'TEXT'
autoconf            makes configure
automake            makes Makefile.in
libtool             builds the shared libraries
make                runs the build
pkg-config          finds the libraries below
g++                 the compiler, for C++20
gfortran            Fortran modules
libopenmpi-dev      MPI, which brings the ranks up
openmpi-bin         mpirun
libhwloc-dev        cores and NUMA nodes of the machine
libfabric-dev       transport ofi
libibverbs-dev      transport verbs
ibverbs-providers   drivers of verbs devices
libopenblas-dev     expert tiles on the CPU
libfmt-dev          text formatting
libcli11-dev        command lines of the tools
nlohmann-json3-dev  JSON of the tools
libcmocka-dev       unit tests
librapidcheck-dev   property tests
mandoc              test of the man pages
shellcheck          test of the scripts
TEXT
}

# For the tests that make other machines out of this one; without them these are skipped. 18 MB to download, 19 s on
# 2 busy cores. The first such test also downloads Debian's kernel, 70 MB, and unpacks it, 400 MB, in 6 s.
lab_packages() {
    cat <<'TEXT'
qemu-system-x86     a virtual machine
busybox-static      its first programs
cpio                its first file system
kmod                finds kernel modules
iproute2            network interfaces, verbs devices of software
TEXT
}

say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
stop() { # STATUS TEXT...
    local status=$1
    shift
    printf 'quickstart: %s\n' "$@" >&2
    exit "$status"
}

pid=
trap '[ -n "$pid" ] && kill -TERM "$pid" 2>/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# logged LOG COMMAND...: runs the command with its output in build/LOG, and says now and then how far it is
logged() {
    local log=build/$1 next=$((SECONDS + 15)) status
    shift
    mkdir -p build
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        if [ "$SECONDS" -ge "$next" ]; then
            next=$((SECONDS + 15))
            say "  ... $(tail -n 1 "$log" | cut -c 1-90)"
        fi
    done
    wait "$pid"
    status=$?
    pid=
    return "$status"
}

# step TEXT LOG HINT COMMAND...: a step of the set-up, that must succeed
step() {
    local text=$1 log=$2 hint=$3
    shift 3
    say "$text"
    logged "$log" "$@" && return
    printf '\n---- end of build/%s ----\n' "$log" >&2
    tail -n 40 "build/$log" >&2
    stop 2 "$text: failed." "$hint"
}

is_installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

installed=no
install_packages() {
    local package missing=() as_root=()
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian: packages are left to you; configure says what is missing"
        return
    fi
    while read -r package _; do
        is_installed "$package" || missing+=("$package")
    done < <(packages)
    if [ "${#missing[@]}" -eq 0 ]; then
        say "packages: all $(packages | wc -l) are there"
        return
    fi
    say "packages: ${#missing[@]} are missing"
    for package in "${missing[@]}"; do packages | grep "^$package " | sed 's/^/           /'; done
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop 2 \
            "packages can only be installed by root, and there is no sudo. As root, run:" \
            "apt-get install --no-install-recommends ${missing[*]}"
        as_root=(sudo)
    fi
    as_root+=(env DEBIAN_FRONTEND=noninteractive)
    step "apt-get update" apt-update.log \
        "Is the network up, and are the addresses in /etc/apt/ right?" \
        "${as_root[@]}" apt-get update
    step "apt-get install" apt-install.log \
        "Run it by hand: apt-get install --no-install-recommends ${missing[*]}" \
        "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"
    installed=yes
}

# Only by root, as the tests that need them.
install_lab_packages() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null || [ "$(id -u)" -ne 0 ]; then return; fi
    while read -r package _; do
        is_installed "$package" || missing+=("$package")
    done < <(lab_packages)
    if [ "${#missing[@]}" -eq 0 ]; then return; fi
    say "apt-get install ${missing[*]}"
    if [ $installed = no ]; then logged apt-update-lab.log apt-get update; fi
    logged apt-install-lab.log env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        "${missing[@]}" || say "  failed (build/apt-install-lab.log): tests in other machines will be skipped"
}

configure_and_make() {
    local options=$configure_options file stale=no n_jobs n_gib
    for file in configure.ac VERSION m4/pmx_with.m4 m4/pmx_fortran.m4; do
        if [ ! configure -nt "$file" ] || [ ! -e Makefile.in ]; then stale=yes; fi
    done
    if [ $stale = yes ]; then
        step "autoreconf" autoreconf.log "Its last lines, above, name the file and line." autoreconf -fi
    fi
    if [ -e build/Makefile ] && ! grep -qxF "abs_top_srcdir = $source_dir" build/Makefile; then
        say "build/ belongs to another place of the source tree: made anew"
        rm -rf build
    fi
    if [ $stale = yes ] || [ $installed = yes ] || [ ! -e build/config.status ] ||
        [ "$(cat build/quickstart-options 2>/dev/null)" != "$options" ]; then
        # shellcheck disable=SC2086  # options
        step "configure" configure.log "The error line above says what is missing; build/config.log says why." \
            env -C build ../configure $options
        printf '%s\n' "$options" >build/quickstart-options
        sed -n '/^pmx .*prefix/,$p' build/configure.log
    fi
    n_jobs=$(nproc)
    n_gib=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
    if [ "$n_jobs" -gt "${n_gib:-1}" ]; then n_jobs=${n_gib:-1}; fi
    if [ "$n_jobs" -lt 1 ]; then n_jobs=1; fi
    step "make -j$n_jobs" make.log "Its last lines, above, name the file. A changed tree: rm -rf build, try again." \
        make -C build -j"$n_jobs" "$@"
}

# ---- The main job ----

json() { sed -nE 's/.*"'"$1"'": *("([^"]*)"|([^,}]*)).*/\2\3/p' "$2"; } # KEY FILE
times() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.4g", a * b }'; }

# layer NAME OPTION...: one run; its JSON line is build/NAME.json
layer() {
    local name=$1 job status
    shift
    job=(mpirun -n 4 --oversubscribe --bind-to none --mca mpi_yield_when_idle 1
        --mca pml ob1 --mca btl 'self,vader' --mca btl_vader_single_copy_mechanism none)
    if [ "$(id -u)" -eq 0 ]; then job+=(--allow-run-as-root); fi
    job+=(build/tools/pmx_moe --shape qwen3-30b-a3b --tokens 64 --transport ofi --check --json "$@")
    # shellcheck disable=SC2206  # options
    job+=($job_options)
    say "$name: pmx_moe ${*:-as it comes}"
    logged "$name.log" env PMX_OFI_PROVIDER='tcp;ofi_rxm' OPENBLAS_NUM_THREADS=1 timeout -k 5 300 "${job[@]}"
    status=$?
    grep -h '^{.*"tool"' "build/$name.log" >"build/$name.json" && [ "$status" -le 1 ] && return
    tail -n 40 "build/$name.log" >&2
    stop 2 "the run '$name' ended with status $status; its output is in build/$name.log."
}

row() { # NAME
    local file=build/$1.json
    printf '%-12s %-11s %-9s %12s %13s %8s %12s %12s  %s\n' "$1" "$(json order "$file")" "$(json signals "$file")" \
        "$(times "$(json p50_us "$file")" 0.001)" "$(json order_points "$file")" "$(json stalls "$file")" \
        "$(times "$(json stalled_us "$file")" 0.001)" "$(times "$(json max_rel_err "$file")" 1)" "$(json ok "$file")"
}

main_job() {
    command -v mpirun >/dev/null || stop 2 "there is no mpirun: install Open MPI (Debian: openmpi-bin)."
    [ -x build/tools/pmx_moe ] || stop 2 "tools/pmx_moe was not built: the table of configure (build/configure.log) says why."
    say "one layer of Qwen3-30B-A3B (hidden 2048, intermediate 768, 128 experts, top 8), 4 ranks, 64 tokens each, tcp"
    layer baseline --order stall-all --signals coupled
    layer pmx
    printf '\n%-12s %-11s %-9s %12s %13s %8s %12s %12s  %s\n' \
        run order signals 'p50, ms' 'order points' stalls 'stalled, ms' 'rel. error' right
    row baseline
    row pmx
    printf '\n'
    if [ "$(json ok build/baseline.json)" != true ] || [ "$(json ok build/pmx.json)" != true ]; then
        stop 1 "wrong result: in bf16 the relative error must be under 1e-2, and a dispatch must have the order points" \
            "of the formula in README. The whole reports are build/baseline.json and build/pmx.json."
    fi
    say "both outputs agree with the oracle (fp64, one rank, other code); provider $(json provider build/pmx.json)"
    printf 'ok\n'
}

# ---- The tests ----

# build/test-results: a line "PASS|FAIL|SKIP name" for each test; .ci/run counts them.
result() { printf '%s %s\n' "$1" "$2" >>build/test-results; }

# also TARGET OPTION...: a make target that counts as one test
also() {
    say "make $*"
    if logged "$1.log" make -C build "$@"; then
        result PASS "make-$1"
    else
        tail -n 60 "build/$1.log"
        result FAIL "make-$1"
    fi
}

# main_job_tells NAME STATUS: the main job as a test, that must end with this status
main_job_tells() {
    local status
    say "$1"
    (main_job) >"build/$1.out" 2>&1
    status=$?
    if [ $status -eq "$2" ]; then
        result PASS "$1"
    else
        tail -n 40 "build/$1.out"
        result FAIL "$1"
    fi
}

run_tests() {
    local n_bad=0 trs name what status
    find build -name '*.trs' -delete
    say "make check: one test at a time, build/check.log"
    logged check.log make -C build check
    status=$?
    while read -r trs; do
        name=${trs#build/}
        name=${name%.trs}
        what=$(sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' "$trs")
        case $what in
        PASS | XFAIL) result PASS "$name" ;;
        SKIP)
            result SKIP "$name"
            say "skipped $name: $(sed -n 's/^SKIP: //p' "${trs%.trs}.log" | tail -n 1)"
            ;;
        *)
            result FAIL "$name"
            printf '\n---- %s: %s, end of %s ----\n' "$name" "$what" "${trs%.trs}.log"
            tail -n 60 "${trs%.trs}.log"
            ;;
        esac
    done < <(find build -name '*.trs' | sort)
    if [ $status -ne 0 ] && ! grep -qs '^FAIL' build/test-results; then
        tail -n 40 build/check.log
        result FAIL make-check
    fi
    rm -rf build/stage
    say "make install into build/stage"
    if logged install.log make -C build install DESTDIR="$source_dir/build/stage"; then
        also installcheck DESTDIR="$source_dir/build/stage"
    else
        tail -n 40 build/install.log
        result FAIL make-install
    fi
    rm -rf build/stage
    main_job_tells main-job 0
    job_options="$job_options --flip-weight" main_job_tells main-job-with-a-flipped-weight 1
    if [ "${1-}" = full ]; then also distcheck; fi
    n_bad=$(grep -c '^FAIL' build/test-results)
    say "tests: $(grep -c '^PASS' build/test-results) passed, $n_bad failed, $(grep -c '^SKIP' build/test-results) skipped"
    [ "$n_bad" -eq 0 ] || stop 1 "failed: $(sed -n 's/^FAIL //p' build/test-results | tr '\n' ' ')"
    printf 'ok\n'
}

rm -f build/test-results
case "${1-}/${2-}" in
/)
    install_packages
    configure_and_make all
    main_job
    ;;
test/ | test/full)
    install_packages
    install_lab_packages
    configure_and_make all
    step "make the test programs" make-tests.log "Its last lines, above, name the file." make -C build -j"$(nproc)" check TESTS=
    run_tests "${2-}"
    ;;
help/ | -h/ | --help/) usage ;;
*)
    usage >&2
    stop 2 "'$*': no such use."
    ;;
esac
