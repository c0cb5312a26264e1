# SPDX-License-Identifier: BSD-3-Clause
# make check-sanitize: TEST... of this build again, in sanitize/ of the build tree, built with AddressSanitizer, LeakSanitizer
# and UndefinedBehaviorSanitizer: the programs among them and those scripts that the table below has, with what they run.
# With PMX_TEST_LONG all that make check has, but what looks at the source tree alone or needs another machine.
#
# Without optimisation it compiles quickly.
set -u
build=${abs_top_builddir:?run by make check-sanitize}/sanitize
make=${MAKE:-make}
fail() { printf 'FAIL: %s\n' "$*"; exit 1; }

# The script, and the programs that it runs.
scripts() {
    cat <<'TEXT'
tests/api/api.test               tests/api/api_ranks
tests/api/team.test              tests/api/team_ranks
tests/api/rma.test               tests/api/rma_ranks
tests/api/atomic.test            tests/api/atomic_ranks
tests/api/job.test               tests/api/job_ranks
tests/api/uid.test               tests/api/uid_ranks
tests/faults/bad_input.test      tests/faults/bad_input
tests/faults/shrink.test         tests/faults/shrink_ranks
tests/faults/check.test          tests/faults/check_ranks
tests/fuzz/fuzz.test             tests/fuzz/params tests/fuzz/join tests/fuzz/commands
tests/proxy/conformance_shm.test tests/proxy/conformance
tests/runtime/bootstrap.test     tests/runtime/bootstrap_ranks
tests/runtime/topology.test      tests/runtime/topology_cases
tests/soak/soak.test             tests/soak/soak_ranks
TEXT
}
# Not under PMX_TEST_LONG.
elsewhere='^tests/(man|lab|abi|moe/layer_(hosts|verbs)|proxy/(conformance_)?verbs[.]|gpu/direct_verbs|faults/faults_(hosts|verbs)|tools/moe_lost_host)
^tests/(style|shellcheck|headers|symbols)[.]test|_tsan$'

mkdir -p "$build" && cd -P "$build" || exit 99
flags='-O0 -g1'
options=(--without-cuda --enable-asan --enable-ubsan CC="$CC" CXX="$CXX" FC="$FC" CFLAGS="$flags" FCFLAGS="$flags"
    CXXFLAGS="$flags")
if [ ! -e config.status ] || [ "$top_srcdir/configure" -nt config.status ]; then
    echo "configure ${options[*]}: sanitize/configure.log"
    "$top_srcdir/configure" "${options[@]}" >configure.log 2>&1 || { tail -n 20 configure.log; fail configure; }
fi

# run TEST...: those are built
run() { "$make" check-TESTS check_PROGRAMS= check_LTLIBRARIES= check_LIBRARIES= TESTS="$*"; }

tests=() units=() programs=()
if [ -n "${PMX_TEST_LONG-}" ]; then
    for name in "$@"; do grep -qE "$elsewhere" <<<"$name" || tests+=("$name"); done
    echo "make check: ${#tests[@]} tests"
    exec "$make" -s -k check TESTS="${tests[*]}"
fi
for name in "$@"; do
    case $name in
    *_tsan) ;;
    # Needs the options of a command line, which take minutes to compile.
    tests/tools/*) ;;
    *.test)
        row=$(scripts | grep "^$name ") || continue
        tests+=("$name")
        read -ra row <<<"$row"
        programs+=("${row[@]:1}")
        ;;
    tests/moe/gpu_refused_test) tests+=("$name") programs+=("$name") ;; # with MPI
    *) units+=("$name") ;;
    esac
done
"$make" -s -k "${units[@]}" "${programs[@]}" || fail "it does not build"
# Scripts wait for each other, and would keep programs waiting. What has MPI needs the settings of tests/lib.sh.
n_bad=0
run "${units[@]}" || n_bad=1
export ASAN_OPTIONS=fast_unwind_on_malloc=0
export LSAN_OPTIONS=suppressions=$top_srcdir/tests/sanitize/leaks.supp:print_suppressions=0
run "${tests[@]}" || n_bad=1
exit "$n_bad"
